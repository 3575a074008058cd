// Definitions for the scripts of the sections, which follow in the same function, each in a separate block:
//   data                      plain values of all sections; `data.arms` and `data.metrics` are always there
//   address.get, all, set     parameters in the page's address; address.onChange(fn) runs if the reader edits them
//   theme.colour("--ink")     a colour of page.css in the current theme; theme.onChange(fn) runs if the theme changes
//   pins.has, toggle, names   arms that the reader has pinned; pins.onChange(fn) runs after each change
//   plotBase(), axisBase()    layout of a plot and of an axis in the current theme, for Plotly
//   element(tag, properties, ...children), svg(tag, attributes)
const data = JSON.parse(document.getElementById("data").textContent);
const BETTER = { minimize: "smaller is better", maximize: "larger is better", neutral: "neither way is better" };
const metrics = new Map(data.metrics.map((metric, index) => [metric.name, { ...metric, index }]));
const armsByName = new Map(data.arms.map((arm) => [arm.name, arm]));

// Escapes names, in which plotly would otherwise interpret tags and formulas.
const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "&#36;");

// A number as `dashboards.formatting.number` writes it.
function number(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0 || Math.abs(value) >= 1000) return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
  if (Math.abs(value) < 1e-4) return value.toExponential(2).replace(/e-(\d)$/, "e-0$1");
  return value.toPrecision(3);
}
const bounds = ([, lo, hi]) => (lo === null ? "" : `[${number(lo)}, ${number(hi)}]`);
// Packed numbers of an arm, unpacked when first needed; null for NaN.
const unpacked = new WeakMap();
function numbersOf(arm, key) {
  if (!unpacked.has(arm)) unpacked.set(arm, {});
  const known = unpacked.get(arm);
  known[key] ??= Array.from(new Float32Array(Uint8Array.from(atob(arm[key]), (character) => character.charCodeAt(0)).buffer), (value) => (Number.isNaN(value) ? null : value));
  return known[key];
}
// Mean of an arm in a metric and the bounds of its interval; null if it does not have the metric.
function meanOf(arm, metric) {
  const index = metrics.get(metric)?.index;
  if (index === undefined) return null;
  const [mean, lo, hi] = numbersOf(arm, "means").slice(3 * index, 3 * index + 3);
  return mean === null ? null : [mean, lo, hi];
}
// Values of an arm's finished seeds in a metric, in the order of `arm.seeds`; null where one is undefined.
function valuesOf(arm, metric) {
  const index = metrics.get(metric)?.index, n = arm.seeds.length;
  return index === undefined ? arm.seeds.map(() => null) : numbersOf(arm, "values").slice(n * index, n * (index + 1));
}

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name === "className" ? "class" : name, value);
  }
  made.append(...children);
  return made;
}
function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
function listeners() {
  const all = [];
  return { add: (listener) => all.push(listener), call: () => { for (const listener of all) listener(); } };
}

// Parameters after the # of the address, as in index.html#x=audio.log_mel&pin=frame: what a page opened from a folder can
// keep over a reload. An address with a single name, such as index.html#race, opens that section.
const address = (() => {
  const changed = listeners();
  const read = () => {
    const text = location.hash.slice(1);
    return new URLSearchParams(text.includes("=") ? text : text && { section: decodeURIComponent(text) });
  };
  let parameters = read();
  window.addEventListener("hashchange", () => { parameters = read(); changed.call(); });
  return {
    get: (key) => parameters.get(key),
    all: (key) => parameters.getAll(key),
    set(key, ...values) {
      parameters.delete(key);
      for (const value of values) if (value) parameters.append(key, value);
      history.replaceState(null, "", `#${parameters}`);
    },
    onChange: changed.add,
  };
})();

// Light or dark: by the system, unless the address has a theme. Print is always light.
const theme = (() => {
  const root = document.documentElement, choice = document.getElementById("theme"), changed = listeners();
  const probe = element("i", { hidden: true });
  document.body.append(probe);
  let isPrinting = false;
  const apply = () => {
    const chosen = address.get("theme") ?? "auto";
    choice.value = ["light", "dark"].includes(chosen) ? chosen : "auto";
    root.dataset.theme = isPrinting ? "light" : choice.value;
    changed.call();
  };
  choice.addEventListener("change", () => { address.set("theme", choice.value === "auto" ? null : choice.value); apply(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  const print = (value) => () => { isPrinting = value; apply(); };
  window.addEventListener("beforeprint", print(true));
  window.addEventListener("afterprint", print(false));
  matchMedia("print").addEventListener("change", (event) => print(event.matches)());
  address.onChange(apply);
  apply();
  return {
    colour(name) {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    },
    onChange: changed.add,
  };
})();

// Pinned arms are highlighted wherever an element has their name as `data-arm`; buttons with it pin and unpin.
const pins = (() => {
  const changed = listeners();
  let names = new Set();
  const mark = (root = document) => {
    for (const each of root.querySelectorAll("[data-arm]")) {
      const isPinned = names.has(each.dataset.arm);
      each.classList.toggle("pinned", isPinned);
      if (each.tagName === "BUTTON") each.setAttribute("aria-pressed", String(isPinned));
    }
  };
  const read = () => { names = new Set(address.all("pin").filter((name) => armsByName.has(name))); };
  const update = () => { mark(); changed.call(); };
  read();
  mark();
  address.onChange(() => { read(); update(); });
  const toggle = (name) => {
    if (!names.delete(name)) names.add(name);
    address.set("pin", ...names);
    update();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-arm]");
    if (button) toggle(button.dataset.arm);
  });
  return { has: (name) => names.has(name), names: () => [...names], toggle, mark, onChange: changed.add };
})();

// A button that pins an arm, with its colour and symbol-free name.
function armButton(arm) {
  const swatch = element("i", { style: `background:${arm.colour}` });
  const button = element("button", { type: "button", class: "arm", "data-arm": arm.name, title: "pin or unpin this arm" }, swatch, arm.name);
  button.classList.toggle("pinned", pins.has(arm.name));
  button.setAttribute("aria-pressed", String(pins.has(arm.name)));
  return button;
}

const GRID = theme.colour("--grid");
const font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: theme.colour("--ink") };
const config = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
const plotBase = () => ({
  font: { ...font, color: theme.colour("--ink") }, paper_bgcolor: theme.colour("--paper"), plot_bgcolor: theme.colour("--paper"),
  modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.colour("--soft"), activecolor: theme.colour("--accent") },
});
const axisBase = () => ({
  gridcolor: theme.colour("--grid"), linecolor: theme.colour("--rule"), tickcolor: theme.colour("--rule"), zerolinecolor: theme.colour("--rule"),
});
// Gives all plots the colours of the theme, also those whose sections do not know it.
function recolourPlots() {
  for (const plot of document.querySelectorAll(".js-plotly-plot")) {
    const { font: text, ...base } = plotBase();
    const changes = { ...base, "font.color": text.color };
    for (const axis of Object.keys(plot.layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      for (const [name, value] of Object.entries(axisBase())) changes[`${axis}.${name}`] = value;
    }
    Plotly.relayout(plot, changes);
  }
}

// Called after the scripts of all sections.
function finishPage() {
  recolourPlots();
  theme.onChange(recolourPlots);
  const open = (id) => {
    const section = document.getElementById(id);
    if (!section) return;
    for (let each = section; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
    section.scrollIntoView();
    if (!section.hasAttribute("tabindex")) section.tabIndex = -1;
    section.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const id = link.getAttribute("href").slice(1);
    if (id !== "content") address.set("section", id);
    open(id);
  });
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.getAttribute("href").slice(1), link]));
  const seen = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) seen[entry.isIntersecting ? "add" : "delete"](entry.target.id);
    const current = [...links.keys()].find((id) => seen.has(id));
    for (const [id, link] of links) {
      if (id !== current) link.removeAttribute("aria-current");
      else if (!link.hasAttribute("aria-current")) {
        link.setAttribute("aria-current", "true");
        const list = link.parentElement;
        list.scrollLeft = link.offsetLeft - list.offsetLeft - 24;
      }
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  for (const id of links.keys()) watch.observe(document.getElementById(id));
  address.onChange(() => open(address.get("section")));
  if (address.get("section")) open(address.get("section"));
}
