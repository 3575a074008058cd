// Table of all arms: sorted, filtered, and drawn in pages, so that a study of a thousand arms stays fast.
const ROWS_PER_PAGE = 50;
const table = document.getElementById("arms-table"), controls = document.getElementById("arms-controls"), pages = document.getElementById("arms-pages");
const text = document.getElementById("arms-text"), status = document.getElementById("arms-status");
const columns = document.getElementById("arms-columns"), onlyPinned = document.getElementById("arms-pinned");

const texts = new Map(data.arms.map((arm) => [arm, [arm.name, arm.status_text, arm.family, ...arm.settings].join(" ").toLowerCase()]));
const hasUndefined = data.arms.some((arm) => Object.keys(arm.undefined).some((name) => !data.common[name]));
const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
// A column has a title, a sort key by arm (null goes last) and a function that fills the cell.
const FIXED = [
  { id: "arm", title: "arm", key: (arm) => arm.name, fill: (cell, arm) => cell.append(armButton(arm)) },
  { id: "status", title: "status", key: (arm) => arm.status_rank, fill: (cell, arm) => cell.append(arm.status_text) },
  { id: "seeds", title: "seeds", key: (arm) => arm.seeds.length, isNumber: true, fill: (cell, arm) => cell.append(arm.seeds_text) },
];
// Which curves of an arm hardly move, whatever its others do.
const STILL = {
  id: "still", title: "hardly moves", key: (arm) => arm.hardly_moving.length, fill: (cell, arm) => cell.append(arm.hardly_moving.join(", ") || "–"),
  note: "Modulations whose curves hardly move: their mean range is below that of a static curve, or far below that of the true curves",
};
// Which further curves the sound is no better for.
const INEFFECTIVE = {
  id: "ineffective", title: "no effect", key: (arm) => arm.without_effect.length, fill: (cell, arm) => cell.append(arm.without_effect.join(", ") || "–"),
  note: "Further modulations whose curves stand still or could be held at their mean without making the sound worse, in most seeds",
};
// The share of an arm's pairs of clip and modulation for which a metric is undefined.
const undefinedColumn = (name, { n_common, n_pairs, undefined: shares, excluded }) => ({
  id: `undefined ${name}`, title: "undefined", isNumber: true, key: (arm) => shares[arm.name] ?? null,
  fill(cell, arm) {
    cell.append(shares[arm.name] === undefined ? "–" : percent(shares[arm.name]));
    if (excluded.includes(arm.name)) cell.append(" ", element("span", { class: "ci" }, "not compared"));
  },
  note: `Share of the pairs of clip and modulation for which ${name} is undefined. Means are over the ${n_common} of ${n_pairs} pairs that all compared arms have defined.`,
});
const metricColumn = (metric) => ({
  id: metric.name, title: metric.name, metric, isNumber: true, key: (arm) => meanOf(arm, metric.name)?.[0] ?? null,
  fill(cell, arm) {
    const mean = meanOf(arm, metric.name);
    cell.append(mean ? number(mean[0]) : "–");
    if (mean && mean[1] !== null) cell.append(" ", element("span", { class: "ci" }, bounds(mean)));
    if (arm.undefined[metric.name] && !data.common[metric.name]) cell.append(" ", element("abbr", { class: "left-out", title: `${arm.undefined[metric.name]} undefined values are left out of this mean` }, "*"));
  },
});
const columnSets = new Map([
  ["main", data.table_metrics],
  ...[...new Set(data.metrics.map((metric) => metric.group))].map((group) => [group, data.metrics.filter((metric) => metric.group === group).map((metric) => metric.name)]),
  ["all", data.metrics.map((metric) => metric.name)],
]);

function columnsOf(set) {
  const chosen = columnSets.get(set).filter((name) => metrics.has(name)).flatMap((name) => [metricColumn(metrics.get(name)), ...(data.common[name] ? [undefinedColumn(name, data.common[name])] : [])]);
  if (set !== "main") return [...FIXED, ...chosen];
  if (data.arms.some((arm) => arm.without_effect.length)) chosen.push(INEFFECTIVE);
  if (!data.arms.some((arm) => arm.hardly_moving.length)) return [...FIXED, ...chosen];
  return [...FIXED, ...chosen, STILL, ...(metrics.has(data.saturation) ? [metricColumn(metrics.get(data.saturation))] : [])];
}

let page = 0;
// Sort order by the address: "-audio.mss" is descending, empty the order of the plan.
const sortOrder = () => {
  const text = address.get("sort") ?? "";
  return { id: text.replace(/^-/, ""), isDown: text.startsWith("-") };
};

function shownArms(all) {
  const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = data.arms.filter((arm) => (!status.value || arm.status_text === status.value) && (!onlyPinned.checked || pins.has(arm.name)) && words.every((word) => texts.get(arm).includes(word)));
  const { id, isDown } = sortOrder(), column = all.find((each) => each.id === id);
  if (!column) return found;
  const keys = new Map(found.map((arm) => [arm, column.key(arm)]));
  const compare = (p, q) => (typeof p === "string" ? p.localeCompare(q, undefined, { numeric: true }) : p - q);
  return found.sort((a, b) => {
    const [p, q] = [keys.get(a), keys.get(b)];
    if (p === null || q === null) return (p === null) - (q === null);
    return isDown ? compare(q, p) : compare(p, q);
  });
}

function head(column) {
  const { id, isDown } = sortOrder();
  const [group, ...rest] = column.metric ? column.title.split(".") : [];
  const button = element("button", { type: "button", class: "sort" }, ...(rest.length ? [element("span", { class: "group" }, `${group}.`), rest.join(".")] : [column.title]));
  const cell = element("th", { scope: "col" }, button);
  if (column.note) cell.title = column.note;
  if (column.metric) {
    cell.title = [column.metric.label, column.metric.description, BETTER[column.metric.direction]].filter(Boolean).join("\n");
    cell.dataset.metric = column.metric.name;
    if (column.metric.direction !== "neutral") button.append(element("abbr", { class: "goal", title: BETTER[column.metric.direction] }, column.metric.direction === "minimize" ? "min" : "max"));
  }
  if (id === column.id) cell.setAttribute("aria-sort", isDown ? "descending" : "ascending");
  button.addEventListener("click", () => {
    address.set("sort", id === column.id && !isDown ? `-${column.id}` : column.id);
    page = 0;
    draw();
    table.querySelector(`th:nth-child(${[...cell.parentElement?.children ?? []].indexOf(cell) + 1 || 1}) button`)?.focus();
  });
  return cell;
}

function row(arm, all) {
  return element("tr", { class: arm.status }, ...all.map((column) => {
    const cell = element("td", column.isNumber ? { class: "num" } : {});
    column.fill(cell, arm);
    return cell;
  }));
}

function draw() {
  const all = columnsOf(columns.value);
  const arms = shownArms(all), nPages = Math.max(1, Math.ceil(arms.length / ROWS_PER_PAGE));
  page = Math.min(page, nPages - 1);
  const first = page * ROWS_PER_PAGE, rows = arms.slice(first, first + ROWS_PER_PAGE);
  const left = table.scrollLeft;
  table.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...all.map(head))), element("tbody", {}, ...rows.map((arm) => row(arm, all)))));
  table.scrollLeft = left;
  table.tabIndex = table.scrollWidth > table.clientWidth ? 0 : -1;
  const turn = (label, step) => {
    const button = element("button", { type: "button", disabled: page + step < 0 || page + step >= nPages }, label);
    button.addEventListener("click", () => { page += step; draw(); });
    return button;
  };
  const count = arms.length === data.arms.length ? `${arms.length} arms` : `${arms.length} of ${data.arms.length} arms`;
  const range = nPages > 1 ? `${first + 1} to ${first + rows.length} of ${count}` : count;
  pages.replaceChildren(
    ...(nPages > 1 ? [turn("Previous", -1), turn("Next", 1)] : []),
    element("span", { class: "note", role: "status" }, range, hasUndefined ? "; * undefined values are left out of a mean" : ""),
  );
}

for (const each of new Set(data.arms.map((arm) => arm.status_text))) status.append(new Option(each, each));
const NAMES = { main: "objectives and main metrics", all: `all ${data.metrics.length} metrics` };
for (const name of columnSets.keys()) columns.append(new Option(NAMES[name] ?? name, name));
const showChoices = () => {
  text.value = address.get("find") ?? "";
  status.value = address.get("status") ?? "";
  columns.value = columnSets.has(address.get("columns")) ? address.get("columns") : "main";
};
const redraw = () => { page = 0; draw(); };
text.addEventListener("input", () => { address.set("find", text.value); redraw(); });
status.addEventListener("change", () => { address.set("status", status.value); redraw(); });
columns.addEventListener("change", () => { address.set("columns", columns.value === "main" ? null : columns.value); redraw(); });
onlyPinned.addEventListener("change", redraw);
controls.addEventListener("submit", (event) => event.preventDefault());
controls.hidden = pages.hidden = false;
showChoices();
draw();
address.onChange(() => { showChoices(); draw(); });
pins.onChange(() => { if (onlyPinned.checked) draw(); });
