"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const metrics = new Map(data.metrics.map((metric) => [metric.name, metric]));
  const GREY = "#8a8a8a";
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

  // With two seeds intervals are so wide that they would squeeze everything else: axes show means and seeds.
  function limits(arms, name) {
    const values = arms.flatMap((arm) => [arm.means[name][0], ...Object.values(arm.values[name])]);
    const low = Math.min(...values), high = Math.max(...values);
    const room = 0.12 * (high - low) || 0.1 * Math.abs(high) || 0.1;
    return [low - room, high + room];
  }

  const PLACES = [[1, 1, "top right"], [-1, 1, "top left"], [1, -1, "bottom right"], [-1, -1, "bottom left"], [0, 1, "top center"], [0, -1, "bottom center"]];

  // Each name goes to the side of its point that is least crowded, in units of its own size.
  function placeLabels(arms, x, y, xRange, yRange, width, height) {
    const toX = (v) => ((v - xRange[0]) / (xRange[1] - xRange[0])) * width;
    const toY = (v) => ((v - yRange[0]) / (yRange[1] - yRange[0])) * height;
    const taken = arms.map((arm) => [toX(arm.means[x][0]), toY(arm.means[y][0]), 14, 14]);
    return arms.map((arm, i) => {
      const [px, py] = taken[i], w = 7.2 * arm.name.length + 8, h = 16;
      const boxes = PLACES.map(([dx, dy]) => [px + dx * (w / 2 + 8), py + dy * (dx ? 12 : 16), w, h]);
      const crowd = (box) =>
        taken.reduce((sum, other) => {
          const ox = (box[2] + other[2]) / 2 - Math.abs(box[0] - other[0]);
          const oy = (box[3] + other[3]) / 2 - Math.abs(box[1] - other[1]);
          return sum + Math.max(0, ox) * Math.max(0, oy);
        }, 0) + 100 * Math.max(0, box[0] + box[2] / 2 - width, box[2] / 2 - box[0], box[1] + h / 2 - height, h / 2 - box[1]);
      const best = boxes.reduce((b, box, j) => (crowd(box) < crowd(boxes[b]) ? j : b), 0);
      taken.push(boxes[best]);
      return PLACES[best][2];
    });
  }

  function bars(arm, name) {
    const [mean, lo, hi] = arm.means[name];
    return lo === null ? undefined : { type: "data", symmetric: false, array: [hi - mean], arrayminus: [mean - lo] };
  }

  function interval([mean, lo, hi]) {
    return lo === null ? short(mean) : `${short(mean)} [${short(lo)}, ${short(hi)}]`;
  }

  function drawFront() {
    const x = selectX.value, y = selectY.value;
    const arms = data.arms.filter((arm) => hasBoth(arm, x, y) && (baselines.checked || arm.kind !== "baseline"));
    const front = frontOf(x, y);
    const traces = [];
    const line = [...front].sort((a, b) => a.means[x][0] - b.means[x][0]);
    traces.push({
      x: line.map((arm) => arm.means[x][0]), y: line.map((arm) => arm.means[y][0]), mode: "lines", hoverinfo: "skip",
      line: { color: "#444", width: 1.4, shape: metrics.get(x).direction === "maximize" ? "vh" : "hv" }, showlegend: false,
    });
    const plot = document.getElementById("front-plot");
    const xRange = arms.length ? limits(arms, x) : [0, 1], yRange = arms.length ? limits(arms, y) : [0, 1];
    const places = placeLabels(arms, x, y, xRange, yRange, plot.clientWidth - 90, plot.clientHeight - 80);
    arms.forEach((arm, i) => {
      const onFront = front.includes(arm);
      const faded = arm.kind === "arm" && !onFront;
      const strength = faded ? 0.5 : 1;
      const seeds = Object.keys(arm.values[x]).filter((seed) => arm.values[y][seed] !== undefined);
      const standing = onFront ? "on the front" : arm.kind === "arm" ? "not on the front" : arm.kind;
      traces.push({
        x: seeds.map((seed) => arm.values[x][seed]), y: seeds.map((seed) => arm.values[y][seed]), mode: "markers",
        marker: { color: arm.colour, size: 5 }, opacity: 0.5 * strength, showlegend: false,
        text: seeds.map((seed) => `${plain(arm.name)}, seed ${seed}`), hovertemplate: "%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
      });
      traces.push({
        x: [arm.means[x][0]], y: [arm.means[y][0]], mode: "markers+text", name: plain(arm.name), showlegend: false,
        text: [arms.length > 15 && !onFront ? "" : plain(arm.name)], textposition: places[i],
        textfont: { size: 12.5, color: faded || arm.kind !== "arm" ? "#777" : "#1a1a1a" }, cliponaxis: false,
        error_x: bars(arm, x) && { ...bars(arm, x), color: arm.colour, thickness: 1.1, width: 3 },
        error_y: bars(arm, y) && { ...bars(arm, y), color: arm.colour, thickness: 1.1, width: 3 },
        opacity: strength,
        marker: {
          symbol: onFront || arm.kind === "baseline" ? arm.symbol : `${arm.symbol}-open`, color: arm.colour,
          size: 12, line: { width: onFront ? 0 : 1.6, color: arm.colour },
        },
        hovertemplate: `<b>${plain(arm.name)}</b> (${standing})<br>${x}: ${interval(arm.means[x])}<br>${y}: ${interval(arm.means[y])}<extra></extra>`,
      });
    });
    const goal = (name) => ({ minimize: "smaller is better", maximize: "larger is better", describe: "neither way is better" })[metrics.get(name).direction];
    const axis = (name, range) => ({
      title: { text: `${metrics.get(name).label}, ${goal(name)}`, standoff: 10, font: { size: 14 } }, range, gridcolor: "#ebebe9", zeroline: false,
      linecolor: "#9b9b98", ticks: "outside", tickcolor: "#9b9b98",
    });
    Plotly.react(plot, traces, {
      font, margin: { l: 72, r: 18, t: 14, b: 62 }, hovermode: "closest", paper_bgcolor: "#fff", plot_bgcolor: "#fff",
      xaxis: axis(x, xRange), yaxis: axis(y, yRange),
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
