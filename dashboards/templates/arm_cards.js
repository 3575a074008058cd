// Cards of single arms: the small one at the pointer, and those of pinned arms with everything needed to run them again.
function armCurves(arm) {
  const found = data.sparklines[arm.name];
  if (!found) return [];
  const box = element("div", { class: "curves" });
  for (const curve of found.curves) {
    const drawing = svg("svg", { viewBox: "-1 -6 102 112", preserveAspectRatio: "none", role: "img", "aria-label": `${curve.modulation} curve of ${arm.name}` });
    drawing.append(svg("path", { class: "rule", d: "M0 0L100 0M0 100L100 100" }));
    if (curve.estimate) drawing.append(svg("path", { class: "estimate", d: curve.estimate, style: `stroke:${arm.colour}` }));
    if (curve.truth) drawing.append(svg("path", { class: "truth", d: curve.truth }));
    box.append(element("span", {}, curve.modulation), drawing);
  }
  const hasTruth = found.curves.some((curve) => curve.truth);
  return [box, element("p", { class: "scores" }, `Clip ${found.clip}, its best by audio.mss (seed ${found.seed})${hasTruth ? "; thin: the truth" : ""}`)];
}

const swatch = (arm) => element("i", { style: `background:${arm.colour}` });
const undefinedText = (arm, name) => (!data.common[name] && arm.undefined[name] ? `${arm.undefined[name]} undefined ${arm.undefined[name] === 1 ? "value" : "values"} left out` : "");

// The card at the pointer: values of the axes, and the curves.
function fillHoverCard(card, arm, seed, view) {
  const value = (name) => {
    if (seed === null) return `${number(meanOf(arm, name)?.[0])} ${meanOf(arm, name) ? bounds(meanOf(arm, name)) : ""}`;
    return number(valuesOf(arm, name)[arm.seeds.indexOf(seed)]);
  };
  const verdict = isUndecided(arm, view.x, view.y) ? "undecided in the race" : arm.status_text;
  const list = element("dl");
  for (const name of new Set([view.x, view.y])) list.append(element("dt", {}, name), element("dd", {}, value(name)));
  card.replaceChildren(
    element("p", { class: "arm" }, swatch(arm), element("b", {}, arm.name)),
    element("p", { class: "scores" }, seed === null ? `${verdict} · ${arm.seeds_text} seeds` : `seed ${seed}`),
    list, ...armCurves(arm), element("p", { class: "scores" }, pins.has(arm.name) ? "Click to unpin" : "Click to pin"),
  );
}

function copyButton(text) {
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      // Without permission, the text is selected, so that the reader's own keys copy it.
      getSelection().selectAllChildren(button.parentElement.querySelector("pre"));
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

const fileName = (arm) => `${arm.name.replace(/[^\w.-]+/g, "-") || "arm"}.toml`;

// Metrics, settings and command of a pinned arm.
function pinnedCard(arm) {
  const unpin = element("button", { type: "button", class: "plain", "aria-label": `Unpin ${arm.name}` }, "Unpin");
  unpin.addEventListener("click", () => pins.toggle(arm.name));
  const values = element("dl");
  for (const name of data.table_metrics) {
    const mean = meanOf(arm, name);
    values.append(element("dt", { title: metrics.get(name)?.description ?? "" }, name), element("dd", {}, mean ? `${number(mean[0])} ` : "–",
      element("span", { class: "ci" }, mean ? bounds(mean) : "", " ", undefinedText(arm, name))));
  }
  const settings = element("pre", {}, [`preset = "${arm.preset}"`, ...arm.settings, ...data.shared_settings].join("\n"));
  const command = `modstudy train ${fileName(arm)} --set seed=${arm.seeds[0] ?? 0}`;
  return element("article", { class: "card pinned-arm", "aria-label": arm.name },
    element("h3", { class: "arm" }, swatch(arm), arm.name, element("span", { class: "tag" }, `${arm.status_text} · ${arm.seeds_text} seeds`), unpin),
    element("div", { class: "pinned-parts" },
      element("div", {}, element("h4", {}, "Metrics"), values),
      element("div", {}, element("h4", {}, "Curves"), ...(armCurves(arm).length ? armCurves(arm) : [element("p", { class: "scores" }, "No curves of this arm are on the page.")])),
      element("div", {}, element("h4", {}, "What sets it apart"), element("pre", {}, arm.settings.join("\n") || "no setting of its own")),
    ),
    element("details", {}, element("summary", {}, "Train it again"),
      element("p", { class: "note" }, `Save the settings as ${fileName(arm)}, then run the command; other seeds of the study: ${arm.seeds.join(", ") || "none finished"}.`),
      element("div", { class: "copied" }, element("pre", {}, command), copyButton(() => command)),
      element("div", { class: "copied" }, settings, copyButton(() => `${settings.textContent}\n`)),
    ),
  );
}
