"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const metrics = new Map(data.metrics.map((metric) => [metric.name, metric]));
  // Plotly reads tags and formulas in text; a name is only ever a name.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "&#36;");
  const short = (value) => (value === null ? "–" : value.toPrecision(3).replace(/\.$/, ""));
  const font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: "#1a1a1a" };
  const config = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };

  // ------------------------------------------------------------------------------------------------------- front
  const cost = (metric, value) => (metrics.get(metric).direction === "maximize" ? -value : value);
  const hasBoth = (arm, x, y) => arm.means[x] !== undefined && arm.means[y] !== undefined;
  const isWhole = (arm, name) => arm.finished.every((seed) => arm.values[name]?.[seed] !== undefined);

  function frontOf(x, y) {
    if (metrics.get(x).direction === "describe" || metrics.get(y).direction === "describe" || x === y) return [];
    const candidates = data.arms.filter((arm) => arm.eligible && hasBoth(arm, x, y) && isWhole(arm, x) && isWhole(arm, y));
    const costs = (arm) => [cost(x, arm.means[x][0]), cost(y, arm.means[y][0])];
    return candidates.filter((arm) => {
      const [ax, ay] = costs(arm);
      return !candidates.some((other) => {
        const [bx, by] = costs(other);
        return bx <= ax && by <= ay && (bx < ax || by < ay);
      });
    });
  }

  // Axes show means and seeds, and of the intervals what fits into half as much again: with two seeds the intervals
  // are so wide that they would squeeze everything else.
  function limits(arms, name) {
    const values = arms.flatMap((arm) => [arm.means[name][0], ...Object.values(arm.values[name])]);
    const low = Math.min(...values), high = Math.max(...values);
    const span = high - low || 0.2 * Math.abs(high) || 0.2;
    const over = Math.max(...arms.map((arm) => Math.max(low - (arm.means[name][1] ?? low), (arm.means[name][2] ?? high) - high)));
    const room = Math.max(0.12 * span, Math.min(0.5 * span, 1.05 * over));
    return [low - room, high + room];
  }

  const PLACES = [[1, 1, "top right"], [-1, 1, "top left"], [1, -1, "bottom right"], [-1, -1, "bottom left"], [0, 1, "top center"], [0, -1, "bottom center"]];

  // Each name goes to the side of its point that is least crowded, in units of its own size.
  function placeLabels(named, arms, x, y, [xRange, yRange], [width, height]) {
    const toX = (v) => ((v - xRange[0]) / (xRange[1] - xRange[0])) * width;
    const toY = (v) => ((v - yRange[0]) / (yRange[1] - yRange[0])) * height;
    const at = (arm) => [toX(arm.means[x][0]), toY(arm.means[y][0])];
    const taken = arms.map((arm) => [...at(arm), 14, 14]);
    const shared = (box, other) =>
      Math.max(0, (box[2] + other[2]) / 2 - Math.abs(box[0] - other[0])) * Math.max(0, (box[3] + other[3]) / 2 - Math.abs(box[1] - other[1]));
    const outside = ([cx, cy, w, h]) => Math.max(0, cx + w / 2 - width, w / 2 - cx, cy + h / 2 - height, h / 2 - cy);
    const crowd = (box) => taken.reduce((sum, other) => sum + shared(box, other), 100 * outside(box));
    return new Map(named.map((arm) => {
      const [px, py] = at(arm), w = 7.2 * arm.name.length + 8, h = 16;
      const boxes = PLACES.map(([dx, dy]) => [px + dx * (w / 2 + 8), py + dy * (dx ? 12 : 16), w, h]);
      const best = boxes.reduce((b, box, i) => (crowd(box) < crowd(boxes[b]) ? i : b), 0);
      taken.push(boxes[best]);
      return [arm, PLACES[best][2]];
    }));
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
    const standing = onFront ? "on the front" : arm.kind === "arm" ? "not on the front" : arm.kind;
    return {
      x: [arm.means[x][0]], y: [arm.means[y][0]], mode: "markers+text", opacity: strength,
      text: [text], textposition: place, textfont: { size: 12.5, color: onFront ? "#1a1a1a" : "#666" },
      error_x: bars(arm, x) && { ...bars(arm, x), color: arm.colour, thickness: 1.1, width: 3 },
      error_y: bars(arm, y) && { ...bars(arm, y), color: arm.colour, thickness: 1.1, width: 3 },
      marker: {
        symbol: onFront || arm.kind === "baseline" ? arm.symbol : `${arm.symbol}-open`, color: arm.colour,
        size: 12, line: { width: onFront ? 0 : 1.6, color: arm.colour },
      },
      hovertemplate: `<b>${plain(arm.name)}</b> (${standing})<br>${x}: ${interval(arm.means[x])}<br>${y}: ${interval(arm.means[y])}<extra></extra>`,
    };
  }

  // One panel: everything that lies within its ranges. `names` says which arms are labelled.
  function panel(arms, front, x, y, ranges, size, names) {
    const inside = (value, [low, high]) => value >= low && value <= high;
    const shown = arms.filter((arm) => inside(arm.means[x][0], ranges[0]) && inside(arm.means[y][0], ranges[1]));
    const places = placeLabels(shown.filter(names), shown, x, y, ranges, size);
    return [
      lineTrace(front, x, y),
      ...shown.flatMap((arm) => {
        const strength = arm.kind === "arm" && !front.includes(arm) ? 0.5 : 1;
        const text = names(arm) ? plain(arm.name) : "";
        return [
          seedTrace(arm, x, y, strength),
          meanTrace(arm, x, y, front.includes(arm), strength, text, places.get(arm) ?? "top center"),
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
    const rivals = arms.filter((arm) => arm.kind === "arm");
    const near = rangesOf(rivals.length ? rivals : arms), far = rangesOf(arms);
    // What does not compete may lie far away: then it gets a panel of its own, in which the first one is a box.
    const split = arms.some((arm) => [x, y].some((name, i) => arm.means[name][0] < near[i][0] || arm.means[name][0] > near[i][1]));
    const few = arms.length <= 15;
    const traces = panel(arms, front, x, y, near, [width * (split ? 0.7 : 1), height], (arm) => few || front.includes(arm));
    if (split) {
      const others = panel(arms, front, x, y, far, [width * 0.22, height], (arm) => arm.kind !== "arm");
      traces.push(...others.map((trace) => ({ ...trace, xaxis: "x2", yaxis: "y2" })));
    }
    const goal = (name) => ({ minimize: "smaller is better", maximize: "larger is better", describe: "neither way is better" })[metrics.get(name).direction];
    const axis = (name, range, title) => ({
      title: { text: title, standoff: 10, font: { size: 14 } }, range, gridcolor: "#ebebe9", zeroline: false,
      linecolor: "#9b9b98", ticks: "outside", tickcolor: "#9b9b98",
    });
    const titled = (name, range) => axis(name, range, `${metrics.get(name).label}, ${goal(name)}`);
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
    describe(x, y, front);
  }

  function describe(x, y, front) {
    const text = document.getElementById("front-text");
    text.dataset.front = JSON.stringify(front.map((arm) => arm.name));
    const left = data.arms.filter((arm) => !hasBoth(arm, x, y)).map((arm) => arm.name);
    const without = left.length ? ` Not shown, for want of a value: ${left.join(", ")}.` : "";
    if (x === y) text.textContent = "Choose two different metrics.";
    else if ([x, y].some((name) => metrics.get(name).direction === "describe")) {
      text.textContent = `No front here: one of the axes is a property that is neither better large nor better small.${without}`;
    } else if (!front.length) text.textContent = `No arm can stand on a front here.${without}`;
    else text.textContent = `On the front of these two metrics: ${front.map((arm) => arm.name).join(", ")}.${without}`;
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
  // index.html#x=audio.mel&y=curves.l1 opens with these axes, so that a view can be linked to.
  const asked = new URLSearchParams(location.hash.slice(1));
  const choose = (name, fallback) => (metrics.has(name) ? name : fallback);
  selectX.value = choose(asked.get("x"), data.x);
  selectY.value = choose(asked.get("y"), data.y);
  drawFront();

  // ------------------------------------------------------------------------------------------------------ losses
  if (data.losses.length) {
    document.getElementById("loss-block").hidden = false;
    const seen = new Set();
    Plotly.newPlot("loss-plot", data.losses.map((run) => {
      const first = !seen.has(run.arm);
      seen.add(run.arm);
      return {
        x: run.steps, y: run.values, mode: "lines", name: plain(run.arm), legendgroup: run.arm, showlegend: first,
        line: { color: run.colour, width: 1.5 }, hovertemplate: `${plain(run.arm)}, seed ${run.seed}<br>step %{x}: %{y:.4g}<extra></extra>`,
      };
    }), {
      font, margin: { l: 72, r: 18, t: 8, b: 48 }, hovermode: "closest", xaxis: { title: { text: "step", font: { size: 13 } }, gridcolor: "#ebebe9", zeroline: false },
      yaxis: { title: { text: "validation loss", font: { size: 13 } }, gridcolor: "#ebebe9", zeroline: false }, legend: { font: { size: 12 } },
    }, { ...config, displayModeBar: false });
  }

  // ----------------------------------------------------------------------------------------------- clips and tables
  const clip = document.getElementById("clip"), fit = document.getElementById("fit"), listen = document.getElementById("listen");
  clip?.addEventListener("change", () => {
    for (const sound of document.querySelectorAll("audio")) sound.pause();
    for (const block of document.querySelectorAll(".clip")) block.hidden = block.dataset.clip !== clip.value;
  });
  const showFit = () => listen.classList.toggle("show-fit", fit.checked);
  if (fit) { fit.addEventListener("change", showFit); showFit(); }

  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("th").forEach((head, column) => {
      const sort = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
        const rows = [...table.tBodies[0].rows].sort((a, b) => {
          const [p, q] = [key(a), key(b)];
          if ((p === "–") !== (q === "–")) return p === "–" ? 1 : -1;
          const order = Number.isNaN(Number(p)) || Number.isNaN(Number(q)) ? p.localeCompare(q) : Number(p) - Number(q);
          return down ? -order : order;
        });
        table.tBodies[0].append(...rows);
      };
      head.tabIndex = 0;
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
    });
  }
})();
