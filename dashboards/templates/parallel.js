// Parallel coordinates: an axis per setting and metric, a line per arm.
const drawing = document.getElementById("parallel-plot"), text = document.getElementById("parallel-text");
const { arms: names, settings, metrics: shownMetrics } = data.parallel;
const arms = names.map((name) => armsByName.get(name));
const TOP = 44, HEIGHT = 300, MISSING = 34, MIN_GAP = 118, MANY = 60;

// An axis has a label and, for each arm, a place from 0 at the bottom to 1 at the top, null without a value.
function numbers(label, values, isLog, isUpsideDown, kind) {
  const to = isLog ? Math.log : (value) => value;
  const known = values.filter((value) => value !== null);
  if (!known.length) return null;
  const low = Math.min(...known), high = Math.max(...known), span = to(high) - to(low) || 1;
  const place = (value) => { const at = low === high ? 0.5 : (to(value) - to(low)) / span; return isUpsideDown ? 1 - at : at; };
  return { label, kind, places: values.map((value) => (value === null ? null : place(value))), ticks: (low === high ? [low] : [low, high]).map((value) => [number(value), place(value)]) };
}
function categories(label, values, texts) {
  const place = (index) => (texts.length === 1 ? 0.5 : 1 - index / (texts.length - 1));
  return { label, kind: "setting", places: values.map((value) => (value === null ? null : place(value))), ticks: texts.map((each, index) => [each, place(index)]) };
}
const axes = [
  ...settings.map((each) => (each.names ? categories(each.label, each.values, each.names) : numbers(each.label, each.values, each.log, false, "setting"))),
  ...shownMetrics.map((name) => numbers(name, arms.map((arm) => meanOf(arm, name)?.[0] ?? null), false, metrics.get(name).direction === "minimize", "metric")),
].filter(Boolean);

// A dotted name without as many of its first parts as do not fit.
function fitting(name, length) {
  const parts = name.replace(/^parameterization\./, "").split(".");
  while (parts.length > 1 && parts.join(".").length > length) parts.shift();
  return short(parts.join("."), length);
}
const short = (value, length) => (value.length > length ? `${value.slice(0, length - 1)}…` : value);
const lines = new Map();
function highlight(name) {
  for (const [other, line] of lines) line.classList.toggle("hovered", other === name);
  const arm = armsByName.get(name);
  const pinned = pins.names().filter((each) => lines.has(each));
  text.textContent = arm ? `${arm.name}: ${shownMetrics.map((each) => `${each} ${number(meanOf(arm, each)?.[0])}`).join(", ")}` : pinned.length ? `Pinned: ${pinned.join(", ")}.` : "";
}

function draw() {
  const width = Math.max(drawing.parentElement.clientWidth, MIN_GAP * (axes.length - 1) + 130);
  const gap = axes.length > 1 ? (width - 130) / (axes.length - 1) : 0, x = (index) => 60 + index * gap;
  const y = (place) => (place === null ? TOP + HEIGHT + MISSING : TOP + (1 - place) * HEIGHT);
  const picture = svg("svg", { width, height: TOP + HEIGHT + MISSING + 12, role: "img", "aria-label": "Lines of arms over axes of settings and metrics" });
  lines.clear();
  picture.style.setProperty("--many", String(Math.max(0.08, Math.min(0.34, 60 / arms.length))));
  const isQuiet = pins.names().some((name) => names.includes(name));
  const order = arms.map((_, index) => index).sort((a, b) => pins.has(arms[a].name) - pins.has(arms[b].name) || (arms[a].status === "front") - (arms[b].status === "front"));
  for (const index of order) {
    const arm = arms[index];
    const points = axes.map((axis, i) => `${x(i).toFixed(1)} ${y(axis.places[index]).toFixed(1)}`);
    const line = svg("path", { d: `M${points.join("L")}`, class: "arm-line", style: `stroke:${arm.colour}`, "data-arm": arm.name });
    if (pins.has(arm.name)) line.classList.add("pinned");
    else if (isQuiet) line.classList.add("faint");
    else if (arms.length > MANY && arm.status !== "front") line.classList.add("many");
    line.append(svg("title", {}, arm.name));
    lines.set(arm.name, line);
    picture.append(line);
  }
  axes.forEach((axis, i) => {
    const group = svg("g", { class: axis.kind });
    const anchor = i === 0 ? "start" : i === axes.length - 1 ? "end" : "middle", at = i === 0 ? x(i) - 54 : i === axes.length - 1 ? x(i) + 62 : x(i);
    const label = svg("text", { class: "name", x: at, y: i % 2 && gap < 150 ? 14 : 30, "text-anchor": anchor }, fitting(axis.label, Math.max(14, Math.floor((gap < 150 ? 1.7 : 1) * gap / 7.4))));
    label.append(svg("title", {}, axis.label));
    group.append(svg("path", { class: "axis", d: `M${x(i)} ${TOP}V${TOP + HEIGHT}` }), label);
    for (const [value, place] of axis.ticks) group.append(svg("text", { x: x(i) + 6, y: y(place) + 4 }, short(value, 16)));
    picture.append(group);
  });
  drawing.replaceChildren(picture);
  highlight(null);
}

drawing.addEventListener("click", (event) => { const line = event.target.closest?.(".arm-line"); if (line) pins.toggle(line.dataset.arm); });
drawing.addEventListener("pointerover", (event) => highlight(event.target.closest?.(".arm-line")?.dataset.arm ?? null));
drawing.addEventListener("pointerleave", () => highlight(null));
draw();
pins.onChange(draw);
let drawnWidth = drawing.parentElement.clientWidth;
new ResizeObserver(() => {
  if (drawnWidth === drawing.parentElement.clientWidth) return;
  drawnWidth = drawing.parentElement.clientWidth;
  draw();
}).observe(drawing.parentElement);
