// Wavetables as stacked cycles, and the magnitude responses of filters, harmonics and noise bands.
const SYNTH_PLOT = { width: 340, height: 220 };

function wavetablePlot({ n_rows: rows, n_columns: columns, data: text }, colour, label) {
  const { width, height } = SYNTH_PLOT, levels = bytesOf(text);
  const lift = (height - 76) / Math.max(rows - 1, 1), shift = 44 / Math.max(rows - 1, 1), swing = Math.min(26, 3.2 * lift + 10);
  const plot = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  // The last position is at the back and drawn first; each cycle covers those behind it.
  for (let row = rows - 1; row >= 0; row--) {
    const x = (column) => 34 + row * shift + (column / (columns - 1)) * (width - 90), base = height - 40 - row * lift;
    const points = Array.from({ length: columns }, (_, column) => `${x(column).toFixed(1)} ${(base - swing * (levels[row * columns + column] / 127 - 1)).toFixed(1)}`);
    const path = svg("path", { class: "cycle", d: `M${points.join("L")}` });
    path.style.stroke = colour;
    path.style.strokeOpacity = String(1 - (0.72 * row) / Math.max(rows - 1, 1));
    plot.append(svg("path", { class: "cover", d: `M${points.join("L")}L${x(columns - 1)} ${base + swing}L${x(0)} ${base + swing}Z` }), path);
  }
  plot.append(svg("text", { class: "tick", x: 34, y: height - 6 }, "one cycle"), svg("text", { class: "tick", x: width - 6, y: height - 6, "text-anchor": "end" }, "front: position 0, back: 1"));
  return plot;
}

function responsePlot(response, colour) {
  const { width, height } = SYNTH_PLOT, left = 40, right = 10, top = 10, bottom = 34;
  const curves = response.magnitude_db.map(unpack);
  const positions = response.positions, isLog = response.unit === "Hz" && positions[0] > 0;
  const high = Math.max(...curves.flat()) + 3, low = Math.max(Math.min(...curves.flat()), high - 72);
  const place = (position) => (isLog ? Math.log(position / positions[0]) / Math.log(positions.at(-1) / positions[0]) : (position - positions[0]) / (positions.at(-1) - positions[0]));
  const x = (position) => left + place(position) * (width - left - right);
  const y = (db) => top + ((high - Math.min(Math.max(db, low), high)) / (high - low)) * (height - top - bottom);
  const label = `Magnitude of the ${response.module} for ${response.modulation} = ${response.values.join(", ")}`;
  const plot = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  const step = [6, 12, 20, 40].find((each) => (high - low) / each <= 5) ?? 40;
  for (let db = Math.ceil(low / step) * step; db <= high; db += step) {
    plot.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(db), y2: y(db) }), svg("text", { class: "tick", x: left - 6, y: y(db) + 4, "text-anchor": "end" }, String(db).replace("-", "−")));
  }
  const ticks = isLog ? [100, 1000, 10000] : response.unit === "harmonic" ? [1, 10, 20, 40, 60, 100] : [0, 2000, 4000, 8000, 12000, 16000, 20000];
  for (const tick of ticks.filter((each) => each >= positions[0] && each <= positions.at(-1))) {
    const text = response.unit === "harmonic" ? String(tick) : tick < 1000 ? `${tick}` : `${tick / 1000}k`;
    plot.append(svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: height - bottom }), svg("text", { class: "tick", x: x(tick), y: height - bottom + 14, "text-anchor": "middle" }, text));
  }
  curves.forEach((values, i) => {
    const share = response.values[i];
    const path = svg("path", { class: "response", d: pathOf(values, (at) => x(positions[Math.round(at * (values.length - 1))]), y) });
    path.style.stroke = colour;
    path.style.strokeOpacity = String(0.25 + 0.75 * share);
    path.style.strokeWidth = String(1.2 + 1.2 * share);
    path.append(svg("title", {}, `${response.modulation} = ${share}`));
    plot.append(path);
  });
  plot.append(
    svg("text", { class: "tick", x: left - 6, y: height - 4, "text-anchor": "start" }, "dB"),
    svg("text", { class: "tick", x: width - right, y: height - 4, "text-anchor": "end" }, `${response.unit === "harmonic" ? "harmonic" : "Hz"}; ${response.modulation} = 0 (faint) … 1 (strong)`),
  );
  return plot;
}

function synthCard(synth, shown) {
  const arms = shown.filter((arm) => synth.arms.includes(arm.name)), isShared = arms.length > 1;
  const colour = isShared ? "var(--ink, #222)" : arms[0].colour;
  const names = isShared ? [`the same for ${arms.map((arm) => arm.name).join(", ")}`] : [swatch(arms[0]), arms[0].name];
  const figures = [];
  if (synth.wavetable) {
    const title = synth.table_name === null ? "learned wavetable" : `wavetable ${synth.table_name}, not trained`;
    figures.push(element("figure", {}, element("figcaption", {}, title, element("small", {}, ` ${synth.wavetable.n_positions} positions`)), wavetablePlot(synth.wavetable, colour, title)));
  }
  for (const response of synth.responses) {
    const when = response.module === "learned filter" ? " middle of the clip" : response.module.endsWith(" filter") ? " medium resonance" : "";
    figures.push(element("figure", {}, element("figcaption", {}, response.module, element("small", {}, ` controlled by ${response.modulation}${when ? `,${when}` : ""}`)), responsePlot(response, colour)));
  }
  return element("div", { class: "synth" }, element("p", {}, ...names), element("div", { class: "figures" }, ...figures));
}

function drawSynths() {
  const shown = shownArms(), synths = explorer.synths.filter((synth) => shown.some((arm) => synth.arms.includes(arm.name)));
  const place = byId("synths");
  place.replaceChildren(...(synths.length ? [element("h3", {}, "Wavetables and filters"), ...synths.map((synth) => synthCard(synth, shown))] : []));
  const without = shown.filter((arm) => !explorer.synths.some((synth) => synth.arms.includes(arm.name)));
  if (synths.length && without.length) place.append(element("p", { class: "note" }, `Not on this page: the synth of ${without.map((arm) => arm.name).join(", ")}.`));
}
let shownBefore = "";
views.all.push(() => {
  const names = shownArms().map((arm) => arm.name).join("\n");
  if (names !== shownBefore) drawSynths();
  shownBefore = names;
});

// Colours that depend on the theme are painted again when it changes.
theme.onChange(drawSounds);
views.draw();
