// Traces and layout of the plot of two metrics.
const FONT_SIZE = 12.5, MARK_SIZE = 12;
// Distance that plotly leaves between the centre of a mark and its text.
const LABEL_GAP = MARK_SIZE / 2 / 0.8 + 1;
// Arms beyond these numbers have neither labels, nor seeds and uncertainty, unless they are on the front or pinned.
const MAX_LABELLED = 15, MAX_DETAILED = 60;
// Share of the plot to which intervals extend from the mean at most, so that those of few seeds do not cut the plot.
const REACH = 0.09;

// A race decides about the front of the study's objectives only.
const isUndecided = (arm, x, y) => arm.undecided_on.length > 1 && [x, y].every((name) => arm.undecided_on.includes(name));

function stepTrace(front, x, y, line) {
  const sorted = [...front].sort((a, b) => meanOf(a, x)[0] - meanOf(b, x)[0]);
  return {
    x: sorted.map((arm) => meanOf(arm, x)[0]), y: sorted.map((arm) => meanOf(arm, y)[0]), mode: "lines", hoverinfo: "skip",
    line: { width: 1.5, shape: metrics.get(x).direction === "maximize" ? "vh" : "hv", ...line },
  };
}

function seedTrace(arms, x, y, strengthOf) {
  const points = arms.flatMap((arm) => {
    const ys = valuesOf(arm, y);
    return valuesOf(arm, x).map((value, i) => ({ arm, seed: arm.seeds[i], x: value, y: ys[i] })).filter((point) => point.x !== null && point.y !== null);
  });
  return {
    x: points.map((point) => point.x), y: points.map((point) => point.y), mode: "markers", hoverinfo: "none",
    customdata: points.map((point) => [point.arm.name, point.seed]),
    marker: { color: points.map((point) => point.arm.colour), size: 5, opacity: points.map((point) => 0.55 * strengthOf(point.arm)), line: { width: 0 } },
  };
}

// 95 % intervals along both axes as one line per arm, with an arrow where more of it follows.
function intervalTraces(arms, x, y, ranges, scales, reachShare) {
  const heads = { x: [], y: [], symbol: [], color: [] };
  const reach = ranges.map(([low, high]) => reachShare * (high - low));
  const lines = arms.flatMap((arm) => {
    const [meanX, meanY] = [meanOf(arm, x), meanOf(arm, y)];
    const line = { x: [], y: [] };
    const add = (xs, ys, isLowCut, isHighCut, symbols) => {
      line.x.push(...xs, null);
      line.y.push(...ys, null);
      [isLowCut, isHighCut].forEach((isCut, i) => {
        if (!isCut) return;
        heads.x.push(xs[i]);
        heads.y.push(ys[i]);
        heads.symbol.push(symbols[i]);
        heads.color.push(arm.colour);
      });
    };
    if (meanX[1] !== null) {
      const [low, high, ...cut] = clippedInterval(meanX, scales[0], ranges[0], reach[0]);
      add([low, high], [meanY[0], meanY[0]], ...cut, ["triangle-left", "triangle-right"]);
    }
    if (meanY[1] !== null) {
      const [low, high, ...cut] = clippedInterval(meanY, scales[1], ranges[1], reach[1]);
      add([meanX[0], meanX[0]], [low, high], ...cut, ["triangle-down", "triangle-up"]);
    }
    return line.x.length ? [{ ...line, mode: "lines", hoverinfo: "skip", line: { color: arm.colour, width: 1.2 }, opacity: 0.75 }] : [];
  });
  return [...lines, { x: heads.x, y: heads.y, mode: "markers", hoverinfo: "skip", cliponaxis: false, marker: { symbol: heads.symbol, color: heads.color, size: 6, line: { width: 0 } } }];
}

function ellipseTraces(arms, x, y) {
  return arms.flatMap((arm) => {
    const outline = ellipse(arm, x, y);
    return outline ? [{ ...outline, mode: "lines", hoverinfo: "skip", fill: "toself", fillcolor: `${arm.colour}1f`, line: { color: arm.colour, width: 1 } }] : [];
  });
}

// Empirical attainment of the study's objectives: a band from what one seed attains to what all do, and a line at half.
function attainmentTraces(x, y) {
  const { surfaces, n_seeds } = data.attainment, isSwapped = data.attainment.x === y;
  if (![`${data.attainment.x} ${data.attainment.y}`, `${data.attainment.y} ${data.attainment.x}`].includes(`${x} ${y}`)) return [];
  const along = ({ steps }) => ({ x: steps.map((point) => point[isSwapped ? 1 : 0]), y: steps.map((point) => point[isSwapped ? 0 : 1]) });
  const [first, last] = [along(surfaces[0]), along(surfaces[surfaces.length - 1])], half = surfaces.find((surface) => surface.n >= n_seeds / 2);
  const colour = theme.colour("--soft");
  return [
    { x: [...first.x, ...last.x.reverse()], y: [...first.y, ...last.y.reverse()], mode: "lines", hoverinfo: "skip", fill: "toself", fillcolor: colour, opacity: 0.16, line: { width: 0, color: colour } },
    { ...along(half), mode: "lines", hoverinfo: "skip", line: { color: colour, width: 1.4, dash: "dot" } },
  ];
}

// Plotly's `textposition` of each arm's name.
function labelPositions(arms, isNamed, x, y, ranges, scales, frame) {
  const along = (value, [low, high], length) => ((value - low) / (high - low)) * length;
  const marks = arms.map((arm) => [x, y].map((name, i) => along(scales[i].to(meanOf(arm, name)[0]), ranges[i], frame[i])));
  const places = labelPlaces(marks, arms.map((arm) => (isNamed(arm) ? arm.name : null)), frame, FONT_SIZE, LABEL_GAP);
  return places.map((place) => (place ? `${["bottom", "middle", "top"][place[1] + 1]} ${["left", "center", "right"][place[0] + 1]}` : "top center"));
}

function meanTrace(arms, front, x, y, ranges, scales, frame, isNamed, strengthOf) {
  const isFilled = (arm) => front.has(arm) || arm.kind === "baseline";
  return {
    x: arms.map((arm) => meanOf(arm, x)[0]), y: arms.map((arm) => meanOf(arm, y)[0]), mode: "markers+text", hoverinfo: "none",
    customdata: arms.map((arm) => [arm.name, null]),
    text: arms.map((arm) => (isNamed(arm) ? plain(arm.name) : "")), textposition: labelPositions(arms, isNamed, x, y, ranges, scales, frame),
    textfont: { size: FONT_SIZE, color: arms.map((arm) => theme.colour(front.has(arm) || pins.has(arm.name) ? "--ink" : "--soft")) },
    marker: {
      symbol: arms.map((arm) => (isFilled(arm) ? arm.symbol : `${arm.symbol}-open`)), color: arms.map((arm) => arm.colour),
      size: arms.map((arm) => (arm.kind === "arm" || pins.has(arm.name) ? MARK_SIZE : MARK_SIZE - 2)), opacity: arms.map(strengthOf),
      line: { width: arms.map((arm) => (isFilled(arm) ? 0 : 1.8)), color: arms.map((arm) => arm.colour) },
    },
  };
}

// A ring around the marks of pinned arms.
const pinTrace = (arms, x, y) => ({
  x: arms.map((arm) => meanOf(arm, x)[0]), y: arms.map((arm) => meanOf(arm, y)[0]), mode: "markers", hoverinfo: "skip",
  marker: { symbol: "circle-open", size: MARK_SIZE + 10, color: theme.colour("--accent"), line: { width: 2, color: theme.colour("--accent") } },
});

// Traces of one panel. `view` has the axes, scales, uncertainty and families that the reader chose.
function panelTraces(arms, front, view, ranges, frame, isNamed) {
  const { x, y, scales } = view;
  const shown = arms.filter((arm) => isInside(arm, x, y, ranges, scales));
  const strengthOf = (arm) => (pins.has(arm.name) || front.has(arm) || arm.kind !== "arm" ? 1 : pins.names().length ? 0.35 : 0.6);
  const detailed = shown.length <= MAX_DETAILED ? shown : shown.filter((arm) => front.has(arm) || pins.has(arm.name)).slice(0, MAX_DETAILED);
  const hasEllipse = (arm) => view.uncertainty === "ellipses" || (view.uncertainty === "auto" && arm.seeds.length >= SEEDS_FOR_ELLIPSE);
  const hasInterval = (arm) => view.uncertainty === "intervals" || (view.uncertainty === "auto" && arm.seeds.length < SEEDS_FOR_ELLIPSE);
  return [
    stepTrace(arms.filter((arm) => front.has(arm)), x, y, { color: theme.colour("--soft") }),
    ...(view.byFamily ? familyFronts(arms, x, y) : []),
    ...(view.uncertainty === "attainment" ? attainmentTraces(x, y) : []),
    ...ellipseTraces(detailed.filter(hasEllipse), x, y),
    ...intervalTraces(detailed.filter(hasInterval), x, y, ranges, scales, view.uncertainty === "intervals" ? 1 : REACH),
    seedTrace(detailed, x, y, strengthOf),
    pinTrace(shown.filter((arm) => pins.has(arm.name)), x, y),
    meanTrace(shown, front, x, y, ranges, scales, frame, isNamed, strengthOf),
  ];
}

function familyFronts(arms, x, y) {
  return data.families.flatMap((family) => {
    const front = nonDominated(candidatesOf(x, y).filter((arm) => arm.family === family.name && arms.includes(arm)), x, y);
    return front.length > 1 ? [stepTrace(front, x, y, { color: family.colour, dash: "dot", width: 2 })] : [];
  });
}

// Where both metrics are best: an arrow into that corner.
function betterCorner(x, y) {
  if (!isObjective(x) || !isObjective(y)) return [];
  const [right, up] = [x, y].map((name) => metrics.get(name).direction === "maximize");
  return [{
    text: "better", font: { size: 11.5, color: theme.colour("--soft") }, showarrow: true, arrowhead: 2, arrowsize: 0.9, arrowwidth: 1.4, arrowcolor: theme.colour("--soft"),
    xref: "x domain", yref: "y domain", x: right ? 0.985 : 0.015, y: up ? 0.98 : 0.02, ax: right ? -34 : 34, ay: up ? 26 : -26,
  }];
}

// Lines at the truth's own value of the metrics, where that lies within the range.
function truthLines(view, ranges) {
  const found = [[view.x, "x"], [view.y, "y"]].map(([name, axis], i) => ({ axis, value: data.truth[name], along: view.scales[i].to(data.truth[name]), range: ranges[i] }))
    .filter(({ value, along, range }) => value !== undefined && along >= range[0] && along <= range[1]);
  return {
    shapes: found.map(({ axis, value }) => ({
      type: "line", layer: "below", line: { color: theme.colour("--truth"), width: 1.2, dash: "dash" },
      ...(axis === "x" ? { xref: "x", yref: "y domain", x0: value, x1: value, y0: 0, y1: 1 } : { xref: "x domain", yref: "y", x0: 0, x1: 1, y0: value, y1: value }),
    })),
    annotations: found.map(({ axis, value, along }) => ({
      text: `truth ${number(value)}`, showarrow: false, font: { size: 11.5, color: theme.colour("--ink") },
      ...(axis === "x" ? { xref: "x", x: along, yref: "y domain", y: 1, xanchor: "left", yanchor: "top", xshift: 4 } : { yref: "y", y: along, xref: "x domain", x: 1, xanchor: "right", yanchor: "bottom" }),
    })),
  };
}

// Ticks of a logarithmic axis: round values at equal distances within a decade, where powers of ten would be too few.
function logTicks([low, high]) {
  if (high - low >= 1) return { tickmode: "auto", dtick: high - low > 2 ? 1 : "D2" };
  const [from, to] = [10 ** low, 10 ** high], rough = (to - from) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const values = Array.from({ length: Math.floor(to / step) - Math.ceil(from / step) + 1 }, (_, i) => (Math.ceil(from / step) + i) * step);
  return { tickmode: "array", tickvals: values, ticktext: values.map((value) => String(Number(value.toPrecision(3)))) };
}

// Draws the plot; returns the arms on the front, those shown, and those outside the plot.
function drawPlot(plot, view) {
  const { x, y, scales } = view;
  const isPositive = (arm) => [x, y].every((name, i) => scales[i] === LINEAR || meanOf(arm, name)[0] > 0);
  const arms = data.arms.filter((arm) => hasBoth(arm, x, y) && isPositive(arm) && (view.families.has(arm.family) || pins.has(arm.name)));
  const front = new Set(nonDominated(candidatesOf(x, y), x, y));
  const isNarrow = plot.clientWidth < 640;
  const [width, height] = [plot.clientWidth - (isNarrow ? 66 : 90), plot.clientHeight - 80];
  const extra = [x, y].map((name) => (data.truth[name] === undefined ? [] : [data.truth[name]]));
  const rangesFor = (some) => [x, y].map((name, i) => rangeOf(some, name, scales[i], extra[i]));
  const mainArms = arms.filter((arm) => arm.kind === "arm");
  const near = rangesFor(mainArms.length ? mainArms : arms), far = rangesFor(arms);
  const outside = arms.filter((arm) => !isInside(arm, x, y, near, scales));
  // Baselines and static arms often lie far from the others: a second panel shows all arms, the first one as a box.
  const isSplit = outside.length > 0 && !isNarrow;
  const isNamed = (arm) => (arms.length <= MAX_LABELLED && !isNarrow) || pins.has(arm.name) || (front.has(arm) && front.size <= 40);
  const traces = panelTraces(arms, front, view, near, [width * (isSplit ? 0.7 : 1), height], isNamed);
  if (isSplit) {
    const others = panelTraces(arms, front, { ...view, uncertainty: "none" }, far, [width * 0.22, height], (arm) => arm.kind !== "arm" && outside.length <= MAX_LABELLED);
    traces.push(...others.map((trace) => ({ ...trace, xaxis: "x2", yaxis: "y2" })));
  }
  const axis = (i, range, title) => ({
    ...axisBase(), type: scales[i].type, title: { text: title, standoff: 10, font: { size: isNarrow ? 12.5 : 14 } }, range, zeroline: false, ticks: "outside",
    ...(scales[i] === LOGARITHMIC && logTicks(range)),
  });
  const title = (name) => `${metrics.get(name).label}, ${BETTER[metrics.get(name).direction]}`;
  const truth = truthLines(view, near);
  Plotly.react(plot, traces, {
    ...plotBase(), showlegend: false, margin: { l: isNarrow ? 52 : 72, r: isNarrow ? 10 : 18, t: 14, b: 62 }, hovermode: "closest", dragmode: isNarrow ? false : "zoom",
    xaxis: { ...axis(0, near[0], title(x)), domain: [0, isSplit ? 0.7 : 1] }, yaxis: axis(1, near[1], title(y)),
    annotations: [...betterCorner(x, y), ...truth.annotations],
    shapes: [...truth.shapes, ...(isSplit ? [{
      type: "rect", xref: "x2", yref: "y2", x0: scales[0].from(near[0][0]), x1: scales[0].from(near[0][1]), y0: scales[1].from(near[1][0]), y1: scales[1].from(near[1][1]),
      line: { color: theme.colour("--soft"), width: 1, dash: "dot" },
    }] : [])],
    ...(isSplit && {
      xaxis2: { ...axis(0, far[0], "all arms"), domain: [0.78, 1], anchor: "y2" }, yaxis2: { ...axis(1, far[1], ""), anchor: "x2" },
    }),
  }, { ...config, displayModeBar: isNarrow ? false : "hover", toImageButtonOptions: { format: "svg", filename: "front" } });
  return { arms, front: data.arms.filter((arm) => front.has(arm)), outside: isNarrow ? outside : [] };
}
