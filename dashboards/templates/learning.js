// Plot of learning curves; pinned arms are in front of the others.
const plot = document.getElementById("learning-plot"), text = document.getElementById("learning-text"), controls = document.getElementById("learning-controls");
const [choice, isLog, hasBands] = ["arms", "log", "bands"].map((name) => document.getElementById(`learning-${name}`));
const { steps, arms: curves } = data.learning;
const trained = data.arms.filter((arm) => curves[arm.name]);
const MAX_SHOWN = 12;
const CHOICES = {
  front: ["on the front", (arm) => arm.status === "front" || arm.status === "undecided"],
  all: [`all ${trained.length}`, () => true],
  pinned: ["only pinned", () => false],
};

function shownArms() {
  const [, isChosen] = CHOICES[choice.value];
  const found = trained.filter((arm) => pins.has(arm.name) || isChosen(arm));
  const pinned = found.filter((arm) => pins.has(arm.name)), others = found.filter((arm) => !pins.has(arm.name));
  return [...others.slice(0, Math.max(0, (choice.value === "all" ? 60 : MAX_SHOWN) - pinned.length)), ...pinned];
}

function draw() {
  const arms = shownArms(), isQuiet = arms.some((arm) => pins.has(arm.name));
  const strength = (arm) => (!isQuiet || pins.has(arm.name) ? 1 : 0.45);
  const bands = hasBands.checked ? arms.filter((arm) => arm.seeds.length > 1 || curves[arm.name][2].some((low, i) => low < curves[arm.name][3][i])).map((arm) => {
    const [grid, , low, high] = curves[arm.name], x = steps[grid];
    return {
      x: [...x, ...[...x].reverse()], y: [...high, ...[...low].reverse()], mode: "lines", fill: "toself", hoverinfo: "skip", showlegend: false,
      legendgroup: arm.name, line: { width: 0, color: arm.colour }, fillcolor: `${arm.colour}${strength(arm) === 1 ? "2e" : "12"}`,
    };
  }) : [];
  const lines = arms.map((arm) => ({
    x: steps[curves[arm.name][0]], y: curves[arm.name][1], mode: "lines", name: plain(arm.name), legendgroup: arm.name, opacity: strength(arm),
    customdata: steps[curves[arm.name][0]].map((_, i) => [curves[arm.name][2][i], curves[arm.name][3][i]]),
    line: { color: arm.colour, width: pins.has(arm.name) ? 3 : 1.8 },
    hovertemplate: `${plain(arm.name)}<br>step %{x}: %{y:.4g} (%{customdata[0]:.4g} to %{customdata[1]:.4g})<extra></extra>`,
  }));
  const axis = (title) => ({ ...axisBase(), title: { text: title, font: { size: 13 } }, zeroline: false });
  const isNarrow = plot.clientWidth < 640;
  Plotly.react(plot, [...bands, ...lines], {
    ...plotBase(), margin: { l: isNarrow ? 52 : 68, r: 14, t: 8, b: 46 }, hovermode: "closest", showlegend: arms.length <= 20,
    legend: isNarrow ? { orientation: "h", y: -0.22, font: { size: 12 } } : { font: { size: 12 } },
    xaxis: axis("training step"), yaxis: { ...axis("validation loss"), type: isLog.checked ? "log" : "linear", automargin: true },
  }, { ...config, displayModeBar: false });
  const left = trained.length - arms.length;
  text.textContent = !arms.length ? "No arm is chosen: pin one." : left ? `${arms.length} of ${trained.length} arms; a pinned arm is always shown.` : "";
}

for (const [value, [label]] of Object.entries(CHOICES)) choice.append(new Option(label, value));
choice.value = trained.length > MAX_SHOWN && trained.some(CHOICES.front[1]) ? "front" : "all";
for (const each of [choice, isLog, hasBands]) each.addEventListener("change", draw);
controls.addEventListener("submit", (event) => event.preventDefault());
controls.hidden = false;
draw();
pins.onChange(draw);
theme.onChange(draw);
