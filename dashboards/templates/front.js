// Interactive plot of two metrics: arm means with intervals, single seeds, and the front as a step line.
const metrics = new Map(data.metrics.map((metric) => [metric.name, metric]));
const short = (value) => (value === null ? "–" : value.toPrecision(3).replace(/\.$/, ""));
const BETTER = { minimize: "smaller is better", maximize: "larger is better", neutral: "neither way is better" };

const cost = (metric, value) => (metrics.get(metric).direction === "maximize" ? -value : value);
const hasBoth = (arm, x, y) => arm.means[x] !== undefined && arm.means[y] !== undefined;
const isDefinedForAllSeeds = (arm, name) => arm.finished.every((seed) => arm.values[name]?.[seed] !== undefined);

function frontOf(x, y) {
  if (metrics.get(x).direction === "neutral" || metrics.get(y).direction === "neutral" || x === y) return [];
  const candidates = data.arms.filter((arm) => arm.eligible && hasBoth(arm, x, y) && isDefinedForAllSeeds(arm, x) && isDefinedForAllSeeds(arm, y));
  const costs = (arm) => [cost(x, arm.means[x][0]), cost(y, arm.means[y][0])];
  return candidates.filter((arm) => {
    const [ax, ay] = costs(arm);
    return !candidates.some((other) => {
      const [bx, by] = costs(other);
      return bx <= ax && by <= ay && (bx < ax || by < ay);
    });
  });
}

// Axis limits that include all means and seeds, and intervals up to half the span of these on each side: intervals
// over two seeds are so wide that showing them completely would squeeze everything else.
function limits(arms, name) {
  const values = arms.flatMap((arm) => [arm.means[name][0], ...Object.values(arm.values[name])]);
  const low = Math.min(...values), high = Math.max(...values);
  const span = high - low || 0.2 * Math.abs(high) || 0.2;
  const excess = Math.max(...arms.map((arm) => Math.max(low - (arm.means[name][1] ?? low), (arm.means[name][2] ?? high) - high)));
  const margin = Math.max(0.12 * span, Math.min(0.5 * span, 1.05 * excess));
  return [low - margin, high + margin];
}

// A race decides about the front of the study's objectives only.
const isUndecided = (arm, x, y) => arm.undecided_on.length > 1 && [x, y].every((name) => arm.undecided_on.includes(name));
const nameWithVerdict = (arm, x, y) => (isUndecided(arm, x, y) ? `${arm.name} (undecided in the race)` : arm.name);

const FONT_SIZE = 12.5, MARK_SIZE = 12;
// Distance that plotly leaves between the centre of a mark and its text.
const LABEL_GAP = MARK_SIZE / 2 / 0.8 + 1;

// Returns plotly's `textposition` by arm.
function placeLabels(arms, isNamed, x, y, [xRange, yRange], frame) {
  const along = (value, [low, high], length) => ((value - low) / (high - low)) * length;
  const marks = arms.map((arm) => [along(arm.means[x][0], xRange, frame[0]), along(arm.means[y][0], yRange, frame[1])]);
  const places = labelPlaces(marks, arms.map((arm) => (isNamed(arm) ? arm.name : null)), frame, FONT_SIZE, LABEL_GAP);
  const text = ([dx, dy]) => `${["bottom", "middle", "top"][dy + 1]} ${["left", "center", "right"][dx + 1]}`;
  return new Map(arms.map((arm, i) => [arm, places[i] ? text(places[i]) : "top center"]));
}

function bars(arm, name) {
  const [mean, lo, hi] = arm.means[name];
  return lo === null ? undefined : { type: "data", symmetric: false, array: [hi - mean], arrayminus: [mean - lo] };
}

function interval([mean, lo, hi]) {
  return lo === null ? short(mean) : `${short(mean)} [${short(lo)}, ${short(hi)}]`;
}

function lineTrace(front, x, y) {
  const line = [...front].sort((a, b) => a.means[x][0] - b.means[x][0]);
  return {
    x: line.map((arm) => arm.means[x][0]), y: line.map((arm) => arm.means[y][0]), mode: "lines", hoverinfo: "skip",
    line: { color: "#444", width: 1.4, shape: metrics.get(x).direction === "maximize" ? "vh" : "hv" },
  };
}

function seedTrace(arm, x, y, strength) {
  const seeds = Object.keys(arm.values[x]).filter((seed) => arm.values[y][seed] !== undefined);
  return {
    x: seeds.map((seed) => arm.values[x][seed]), y: seeds.map((seed) => arm.values[y][seed]), mode: "markers",
    marker: { color: arm.colour, size: 5 }, opacity: 0.5 * strength,
    text: seeds.map((seed) => `${plain(arm.name)}, seed ${seed}`), hovertemplate: "%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
  };
}

function meanTrace(arm, x, y, onFront, strength, text, place) {
  const status = onFront ? (isUndecided(arm, x, y) ? "on the front of the means, undecided in the race" : "on the front") : arm.kind === "arm" ? "not on the front" : arm.kind;
  return {
    x: [arm.means[x][0]], y: [arm.means[y][0]], mode: "markers+text", opacity: strength,
    text: [text], textposition: place, textfont: { size: FONT_SIZE, color: onFront ? "#1a1a1a" : "#666" },
    error_x: bars(arm, x) && { ...bars(arm, x), color: arm.colour, thickness: 1.1, width: 3 },
    error_y: bars(arm, y) && { ...bars(arm, y), color: arm.colour, thickness: 1.1, width: 3 },
    marker: {
      symbol: onFront || arm.kind === "baseline" ? arm.symbol : `${arm.symbol}-open`, color: arm.colour,
      size: MARK_SIZE, line: { width: onFront ? 0 : 1.6, color: arm.colour },
    },
    hovertemplate: `<b>${plain(arm.name)}</b> (${status})<br>${x}: ${interval(arm.means[x])}<br>${y}: ${interval(arm.means[y])}<extra></extra>`,
  };
}

// Traces of one panel: the front and the arms within the ranges. Only arms for which `isNamed` is true get a label.
function panel(arms, front, x, y, ranges, size, isNamed) {
  const inside = (value, [low, high]) => value >= low && value <= high;
  const shown = arms.filter((arm) => inside(arm.means[x][0], ranges[0]) && inside(arm.means[y][0], ranges[1]));
  const places = placeLabels(shown, isNamed, x, y, ranges, size);
  return [
    lineTrace(front, x, y),
    ...shown.flatMap((arm) => {
      const strength = arm.kind === "arm" && !front.includes(arm) ? 0.5 : 1;
      const text = isNamed(arm) ? plain(arm.name) : "";
      return [
        seedTrace(arm, x, y, strength),
        meanTrace(arm, x, y, front.includes(arm), strength, text, places.get(arm)),
      ];
    }),
  ];
}

function drawFront() {
  const x = selectX.value, y = selectY.value;
  const arms = data.arms.filter((arm) => hasBoth(arm, x, y) && (baselines.checked || arm.kind !== "baseline"));
  const front = frontOf(x, y);
  const plot = document.getElementById("front-plot");
  const [width, height] = [plot.clientWidth - 90, plot.clientHeight - 80];
  const rangesOf = (some) => (some.length ? [limits(some, x), limits(some, y)] : [[0, 1], [0, 1]]);
  const mainArms = arms.filter((arm) => arm.kind === "arm");
  const near = rangesOf(mainArms.length ? mainArms : arms), far = rangesOf(arms);
  // If baselines or static arms lie far from the others, a second panel shows all arms, and the first one as a box.
  const split = arms.some((arm) => [x, y].some((name, i) => arm.means[name][0] < near[i][0] || arm.means[name][0] > near[i][1]));
  const labelsAll = arms.length <= 15;
  const traces = panel(arms, front, x, y, near, [width * (split ? 0.7 : 1), height], (arm) => labelsAll || front.includes(arm));
  if (split) {
    const others = panel(arms, front, x, y, far, [width * 0.22, height], (arm) => arm.kind !== "arm");
    traces.push(...others.map((trace) => ({ ...trace, xaxis: "x2", yaxis: "y2" })));
  }
  const axis = (name, range, title) => ({
    title: { text: title, standoff: 10, font: { size: 14 } }, range, gridcolor: GRID, zeroline: false,
    linecolor: "#9b9b98", ticks: "outside", tickcolor: "#9b9b98",
  });
  const titled = (name, range) => axis(name, range, `${metrics.get(name).label}, ${BETTER[metrics.get(name).direction]}`);
  Plotly.react(plot, traces, {
    font, showlegend: false, margin: { l: 72, r: 18, t: 14, b: 62 }, hovermode: "closest", paper_bgcolor: "#fff", plot_bgcolor: "#fff",
    xaxis: { ...titled(x, near[0]), domain: [0, split ? 0.7 : 1] }, yaxis: titled(y, near[1]),
    ...(split && {
      xaxis2: { ...axis(x, far[0], "all arms"), domain: [0.78, 1], anchor: "y2" },
      yaxis2: { ...axis(y, far[1], ""), anchor: "x2" },
      shapes: [{
        type: "rect", xref: "x2", yref: "y2", x0: near[0][0], x1: near[0][1], y0: near[1][0], y1: near[1][1],
        line: { color: "#777", width: 1, dash: "dot" },
      }],
    }),
  }, { ...config, toImageButtonOptions: { format: "svg", filename: "front" } });
  describeFront(x, y, front);
}

function describeFront(x, y, front) {
  const text = document.getElementById("front-text");
  text.dataset.front = JSON.stringify(front.map((arm) => arm.name));
  const left = data.arms.filter((arm) => !hasBoth(arm, x, y)).map((arm) => arm.name);
  const without = left.length ? ` Not shown because a value is missing: ${left.join(", ")}.` : "";
  if (x === y) text.textContent = "Choose two different metrics.";
  else if ([x, y].some((name) => metrics.get(name).direction === "neutral")) {
    text.textContent = `No front here: one of the axes is a property that is neither better large nor better small.${without}`;
  } else if (!front.length) text.textContent = `No arm can be placed on a front here.${without}`;
  else text.textContent = `On the front of these two metrics: ${front.map((arm) => nameWithVerdict(arm, x, y)).join(", ")}.${without}`;
}

const selectX = document.getElementById("x"), selectY = document.getElementById("y"), baselines = document.getElementById("baselines");
for (const select of [selectX, selectY]) {
  for (const group of new Set(data.metrics.map((metric) => metric.group))) {
    const options = document.createElement("optgroup");
    options.label = group;
    for (const metric of data.metrics.filter((m) => m.group === group)) options.append(new Option(metric.label, metric.name));
    select.append(options);
  }
  select.addEventListener("change", drawFront);
}
baselines.addEventListener("change", drawFront);
// The URL fragment may select the axes, so that views can be linked: index.html#x=audio.mel&y=curves.l1
const linked = new URLSearchParams(location.hash.slice(1));
const choose = (name, fallback) => (metrics.has(name) ? name : fallback);
selectX.value = choose(linked.get("x"), data.x);
selectY.value = choose(linked.get("y"), data.y);
drawFront();
