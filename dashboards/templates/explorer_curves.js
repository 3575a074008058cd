// Recovered curves over the truth, one plot per modulation, with a cursor that all plots share.
const PLOT = { height: 216, left: 30, right: 8, top: 10, bottom: 26 };
const cursor = { at: null };
function rateText(view) {
  if (!view) return "–";
  // The rate of a curve that hardly moves is that of its noise.
  if (view.curve.hi - view.curve.lo < explorer.static_range) return "nearly flat";
  return view.rate_hz === null ? "no clear rate" : `${view.rate_hz.toPrecision(2)} Hz`;
}
const rText = (view) => (view?.r == null ? "–" : view.r.toFixed(2).replace("-", "−"));

// Distance of ticks: 1, 2 or 5 times a power of ten, at most five of them.
function tickStep(duration) {
  const power = 10 ** Math.floor(Math.log10(duration / 5));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => duration / step <= 5);
}

// SVG path of values at equal distances over 0..1, with gaps where they are undefined.
function pathOf(values, x, y) {
  let path = "", isDown = false;
  values.forEach((value, i) => {
    if (Number.isNaN(value)) { isDown = false; return; }
    path += `${isDown ? "L" : "M"}${x(i / Math.max(values.length - 1, 1)).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = true;
  });
  return path;
}

// Curves of a modulation as [class, colour, view, label], the truth first.
function curvesOf(clip, modulation) {
  const truth = clip.truth[modulation];
  const curves = truth ? [{ kind: "truth", label: "truth", view: truth }] : [];
  for (const arm of shownArms()) {
    const own = clip.arms[arm.name];
    if (own?.own_truth?.[modulation]) curves.push({ kind: "own-truth", arm, label: `truth of ${arm.name}`, view: own.own_truth[modulation] });
    const found = own?.modulations[modulation];
    curves.push({ kind: "estimate", arm, label: arm.name, view: found?.[state.kind] ?? null });
  }
  return curves;
}

function plotCurves(clip, modulation, curves, width) {
  const { height, left, right, top, bottom } = PLOT;
  const drawn = curves.filter((curve) => curve.view).map((curve) => ({ ...curve, values: unpack(curve.view.curve) }));
  const low = Math.max(-0.25, Math.min(0, ...drawn.map((curve) => curve.view.curve.lo)));
  const high = Math.min(1.25, Math.max(1, ...drawn.map((curve) => curve.view.curve.hi)));
  const x = (share) => left + share * (width - left - right);
  const y = (value) => top + ((high - Math.min(high, Math.max(low, value))) / (high - low)) * (height - top - bottom);
  const label = `${modulation}, ${curves.map((curve) => `${curve.label}: ${rateText(curve.view)}${curve.view?.r == null ? "" : `, r ${rText(curve.view)}`}`).join("; ")}`;
  const plot = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${modulation} curve. ${label}`, tabindex: 0 });
  for (const value of [0, 0.5, 1]) {
    plot.append(
      svg("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)),
    );
  }
  const step = tickStep(clip.duration_s);
  for (let i = 0; i * step <= clip.duration_s * 1.0001; i++) {
    const isLast = (i + 1) * step > clip.duration_s * 1.0001, text = String(Number((i * step).toFixed(3)));
    plot.append(
      svg("line", { class: "grid", x1: x((i * step) / clip.duration_s), x2: x((i * step) / clip.duration_s), y1: top, y2: height - bottom }),
      svg("text", { class: "tick", x: x((i * step) / clip.duration_s), y: height - 8, "text-anchor": isLast ? "end" : "middle" }, isLast ? `${text} s` : text),
    );
  }
  for (const curve of drawn) {
    const path = svg("path", { class: curve.kind, d: pathOf(curve.values, x, y) });
    if (curve.arm) path.style.stroke = curve.arm.colour;
    plot.append(path);
  }
  const line = svg("line", { class: "cursor", y1: top, y2: height - bottom, visibility: "hidden" });
  const playhead = svg("line", { class: "playhead", y1: top, y2: height - bottom, visibility: "hidden" });
  plot.append(line, playhead);
  const place = (mark, share) => {
    mark.setAttribute("visibility", share === null ? "hidden" : "visible");
    if (share !== null) for (const end of ["x1", "x2"]) mark.setAttribute(end, x(share));
  };
  plot.addEventListener("pointermove", (event) => {
    const share = (event.clientX - plot.getBoundingClientRect().left - left) / (width - left - right);
    moveCursor(share >= 0 && share <= 1 ? share : null);
  });
  plot.addEventListener("pointerleave", () => moveCursor(null));
  plot.addEventListener("click", () => { if (cursor.at !== null) player.seek(cursor.at * clip.duration_s); });
  plot.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -0.01, ArrowRight: 0.01 }[event.key];
    if (!move) return;
    event.preventDefault();
    moveCursor(Math.min(1, Math.max(0, (cursor.at ?? 0.5) + move)));
  });
  return { plot, drawn, place: { cursor: (share) => place(line, share), playhead: (share) => place(playhead, share) } };
}

let curvePlots = [];
function moveCursor(share) {
  cursor.at = share;
  const seconds = share === null ? null : share * currentClip().duration_s;
  for (const { place, drawn, table } of curvePlots) {
    place.cursor(share);
    table.tHead.rows[0].cells[3].textContent = seconds === null ? "cursor" : `${seconds.toFixed(2)} s`;
    for (const row of table.tBodies[0].rows) {
      const curve = drawn.find((each) => each.label === row.dataset.label);
      const value = share === null || !curve ? NaN : curve.values[Math.round(share * (curve.values.length - 1))];
      row.cells[3].textContent = Number.isNaN(value) ? "" : value.toFixed(2).replace("-", "−");
    }
  }
}

function tableOf(curves, hasTruth) {
  const rows = curves.map((curve) => {
    const mark = curve.kind === "truth" ? element("i", { class: "swatch truth" }) : swatch(curve.arm);
    const row = element("tr", { "data-label": curve.label }, element("td", {}, mark, curve.label), element("td", {}, rateText(curve.view)), element("td", {}, hasTruth && curve.kind === "estimate" ? rText(curve.view) : ""), element("td"));
    return row;
  });
  const head = ["", "dominant rate", hasTruth ? "r" : "", "cursor"].map((text) => element(text ? "th" : "td", text ? { scope: "col" } : {}, text));
  return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}

function drawCurves() {
  const clip = currentClip(), place = byId("curves");
  place.style.minHeight = `${place.offsetHeight}px`;
  place.replaceChildren();
  cursor.at = null;
  curvePlots = [];
  for (const modulation of explorer.modulations) {
    const curves = curvesOf(clip, modulation);
    if (!curves.some((curve) => curve.view)) continue;
    const figure = element("figure", { "data-modulation": modulation }, element("figcaption", {}, modulation));
    place.append(figure);
    curvePlots.push({ figure, modulation, curves });
  }
  // All figures are in the grid before the first is measured.
  for (const each of curvePlots) {
    const width = Math.max(220, Math.floor(each.figure.clientWidth));
    Object.assign(each, plotCurves(clip, each.modulation, each.curves, width));
    each.table = tableOf(each.curves, Boolean(clip.truth[each.modulation]));
    each.figure.append(each.plot, each.table);
  }
  place.style.minHeight = "";
}
views.all.push(drawCurves);
let curvesWidth = 0;
new ResizeObserver(() => {
  const width = byId("curves").clientWidth;
  if (width !== curvesWidth) drawCurves();
  curvesWidth = width;
}).observe(byId("curves"));
