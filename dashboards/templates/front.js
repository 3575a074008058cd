// Controls of the plot of two metrics; the page's address keeps what they are set to.
const plot = document.getElementById("front-plot"), card = document.getElementById("front-card"), controls = document.getElementById("front-controls");
const input = (name) => controls.elements[name];
const hidden = () => new Set(address.all("hide"));
const families = document.getElementById("front-families");
const armList = document.getElementById("front-arms"), pinned = document.getElementById("front-pinned");

const MAX_BUTTONS = 60;
const canBeLog = (name) => data.arms.some((arm) => meanOf(arm, name)?.[0] > 0);

// What the reader chose, by the address.
function readView() {
  const choose = (name, fallback) => (metrics.has(name) ? name : fallback);
  const [x, y] = [choose(address.get("x"), data.x), choose(address.get("y"), data.y)];
  const scale = (key, name) => (address.get(key) === "log" && canBeLog(name) ? LOGARITHMIC : LINEAR);
  return {
    x, y, scales: [scale("xscale", x), scale("yscale", y)], byFamily: address.get("fronts") === "family",
    uncertainty: ["intervals", "ellipses", "none", ...(data.attainment ? ["attainment"] : [])].includes(address.get("uncertainty")) ? address.get("uncertainty") : "auto",
    families: new Set(data.families.map((family) => family.name).filter((name) => !hidden().has(name))),
  };
}
function showChoices(view) {
  input("x").value = view.x;
  input("y").value = view.y;
  input("xlog").checked = view.scales[0] === LOGARITHMIC;
  input("ylog").checked = view.scales[1] === LOGARITHMIC;
  input("xlog").disabled = !canBeLog(view.x);
  input("ylog").disabled = !canBeLog(view.y);
  input("uncertainty").value = view.uncertainty;
  input("byfamily").checked = view.byFamily;
  for (const button of families.children) button.setAttribute("aria-pressed", String(view.families.has(button.dataset.family)));
}
let view = readView();

function draw() {
  view = readView();
  showChoices(view);
  const drawn = drawPlot(plot, view);
  describe(drawn);
  listArms(drawn);
  card.hidden = true;
}

function describe({ front, outside }) {
  const { x, y } = view;
  const text = document.getElementById("front-text");
  text.dataset.front = JSON.stringify(front.map((arm) => arm.name));
  const few = (arms) => (arms.length > 12 ? `${arms.slice(0, 12).map((arm) => arm.name).join(", ")} and ${arms.length - 12} more` : arms.map((arm) => arm.name).join(", "));
  const sentences = [];
  if (x === y) sentences.push("Choose two different metrics.");
  else if (!isObjective(x) || !isObjective(y)) sentences.push("No front here: one of the axes is a property that is neither better large nor better small.");
  else if (!front.length) sentences.push("No arm can be placed on a front here.");
  else sentences.push(`On the front of these two metrics: ${few(front.map((arm) => (isUndecided(arm, x, y) ? { name: `${arm.name} (undecided in the race)` } : arm)))}.`);
  const left = data.arms.filter((arm) => !hasBoth(arm, x, y));
  if (left.length) sentences.push(`Not shown because a value is missing: ${few(left)}.`);
  if (outside.length) sentences.push(`Far outside the plot: ${few(outside)}.`);
  for (const name of new Set([x, y])) if (data.truth[name] !== undefined) sentences.push(`The true curves have ${name} ${number(data.truth[name])}.`);
  text.textContent = sentences.join(" ");
}

// Buttons for the keyboard and for touch; with many arms, those on the front and the pinned ones.
function listArms({ arms, front }) {
  const listed = arms.length <= MAX_BUTTONS ? arms : arms.filter((arm) => front.includes(arm) || pins.has(arm.name)).slice(0, MAX_BUTTONS);
  const focused = armList.contains(document.activeElement) ? document.activeElement.dataset.arm : null;
  armList.replaceChildren(...listed.map((arm) => {
    const button = armButton(arm);
    button.addEventListener("focus", () => { if (button.matches(":focus-visible")) showCard(arm, null); });
    button.addEventListener("blur", () => { card.hidden = true; });
    return element("li", {}, button);
  }));
  const again = focused && [...armList.querySelectorAll("button")].find((button) => button.dataset.arm === focused);
  if (again) again.focus();
}

// Shows the card of an arm, or of one of its seeds, beside its mark.
function showCard(arm, seed) {
  if (!hasBoth(arm, view.x, view.y)) return;
  fillHoverCard(card, arm, seed, view);
  card.hidden = false;
  const { xaxis, yaxis } = plot._fullLayout;
  const at = (name) => (seed === null ? meanOf(arm, name)[0] : valuesOf(arm, name)[arm.seeds.indexOf(seed)]);
  const place = (axis, value) => Math.min(Math.max(axis._offset + axis.d2p(value), axis._offset), axis._offset + axis._length);
  const [left, top] = [place(xaxis, at(view.x)), place(yaxis, at(view.y))];
  const isRight = left > plot.clientWidth / 2;
  card.style.left = `${Math.max(0, isRight ? left - card.offsetWidth - 18 : Math.min(left + 18, plot.clientWidth - card.offsetWidth))}px`;
  card.style.top = `${Math.max(0, Math.min(top - card.offsetHeight / 2, plot.clientHeight - card.offsetHeight))}px`;
}

function showPinned() {
  const names = pins.names();
  pinned.replaceChildren(...names.map((name) => pinnedCard(armsByName.get(name))));
  pinned.hidden = !names.length;
}

for (const family of data.families) {
  const button = element("button", { type: "button", "data-family": family.name }, element("i", { style: `background:${family.colour}` }), family.name);
  button.addEventListener("click", () => {
    const now = hidden();
    if (!now.delete(family.name)) now.add(family.name);
    address.set("hide", ...now);
    draw();
  });
  families.append(button);
}
const choices = {
  x: () => address.set("x", input("x").value), y: () => address.set("y", input("y").value),
  xlog: () => address.set("xscale", input("xlog").checked && "log"), ylog: () => address.set("yscale", input("ylog").checked && "log"),
  uncertainty: () => address.set("uncertainty", input("uncertainty").value === "auto" ? null : input("uncertainty").value),
  byfamily: () => address.set("fronts", input("byfamily").checked && "family"),
};
for (const [name, choose] of Object.entries(choices)) input(name).addEventListener("change", () => { choose(); draw(); });

controls.hidden = false;
draw();
showPinned();
plot.on("plotly_hover", ({ points: [point] }) => {
  if (!point.customdata) return;
  plot.querySelector(".draglayer")?.classList.add("on-mark");
  showCard(armsByName.get(point.customdata[0]), point.customdata[1]);
});
plot.on("plotly_unhover", () => { card.hidden = true; });
plot.on("plotly_click", ({ points: [point] }) => { if (point.customdata) pins.toggle(point.customdata[0]); });
pins.onChange(() => { draw(); showPinned(); });
theme.onChange(draw);
address.onChange(draw);
let wasNarrow = plot.clientWidth < 640;
new ResizeObserver(() => {
  if (wasNarrow === plot.clientWidth < 640) return;
  wasNarrow = plot.clientWidth < 640;
  draw();
}).observe(plot);
