// State of the curve explorer: which clip, which arms, which kind of curve. `views.draw` redraws what depends on it.
const explorer = JSON.parse(document.getElementById("explorer-data").textContent);
const MAX_SHOWN = 6;
const byId = (name) => document.getElementById(`explorer-${name}`);
const explorerClips = new Map(explorer.clips.map((clip) => [clip.id, clip]));
const explorerArms = new Map(explorer.arms.map((arm) => [arm.name, arm]));
const METRIC_NAMES = { "audio.mss": "sound (audio.mss)", "curves.l1.lls3": "curves (curves.l1.lls3)" };
const RANK_NAMES = { best: "best", median: "median", worst: "worst" };

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
// Values of a packed curve; NaN where it is undefined.
function unpack({ lo, hi, data: text }) {
  return Array.from(bytesOf(text), (byte) => (byte === 255 ? NaN : lo + (byte / 254) * (hi - lo)));
}
const press = (button, isPressed) => button.setAttribute("aria-pressed", String(isPressed));
const swatch = (arm) => element("i", { class: "swatch", style: `background:${arm.colour}` });

const state = {
  clip: (explorer.clips.find((clip) => clip.target) ?? explorer.clips[0]).id,
  kind: document.querySelector("#explorer-kinds [aria-pressed=true]")?.dataset.kind ?? "raw",
};
// Each view redraws itself when the clip, the arms, the kind of curve, the theme or the width changes.
const views = { all: [], draw: () => { for (const view of views.all) view(); } };
const currentClip = () => explorerClips.get(state.clip);
const pinnedHere = () => pins.names().filter((name) => explorerArms.has(name));
function shownArms() {
  const names = pinnedHere().length ? pinnedHere() : explorer.shown;
  return names.slice(0, MAX_SHOWN).map((name) => explorerArms.get(name));
}

function toggleArm(name) {
  // The arms shown at first are pinned as soon as the reader changes the choice, so that the others stay.
  if (!pinnedHere().length) for (const arm of shownArms()) pins.toggle(arm.name);
  pins.toggle(name);
}

function fillControls() {
  const groups = [["with sound", (clip) => clip.target], ["curves only", (clip) => !clip.target]];
  for (const [label, belongs] of groups) {
    const options = explorer.clips.filter(belongs).map((clip) => new Option(clip.id, clip.id));
    if (options.length) byId("clip").append(element("optgroup", { label }, ...options));
  }
  for (const metric of Object.keys(explorer.rankings)) byId("metric").append(new Option(METRIC_NAMES[metric] ?? metric, metric));
  byId("over").append(new Option(explorer.arms.some((arm) => arm.on_front) ? "the front's mean" : "all arms' mean", ""));
  for (const arm of explorer.arms) byId("over").append(new Option(arm.name, arm.name));
  for (const arm of explorer.arms) {
    const button = element("button", { type: "button", class: "arm", "data-show": arm.name }, swatch(arm), arm.name);
    button.addEventListener("click", () => toggleArm(arm.name));
    byId("arms").append(button);
  }
}

const ranking = () => explorer.rankings[byId("metric").value]?.[byId("over").value];

function describeClip() {
  const clip = currentClip(), ranked = ranking();
  byId("clip").value = clip.id;
  for (const button of byId("ranks").children) {
    const id = ranked?.[button.dataset.rank];
    button.disabled = !explorerClips.has(id);
    button.title = id === undefined ? "not known" : explorerClips.has(id) ? id : `${id} is not on this page`;
    press(button, id === clip.id);
  }
  const facts = [clip.id, ...(clip.f0_hz ? [`${Number(clip.f0_hz.toPrecision(4))} Hz`] : []), `${Number(clip.duration_s.toPrecision(3))} s`];
  const rank = Object.keys(RANK_NAMES).filter((name) => ranked?.[name] === clip.id);
  if (rank.length) facts.push(`${rank.map((name) => RANK_NAMES[name]).join(" and ")} test clip by ${byId("metric").value}, ${byId("over").selectedOptions[0].text}`);
  if (byId("kinds")) facts.push(`curves: ${byId("kinds").querySelector("[aria-pressed=true]").textContent}`);
  const left = pins.names().filter((name) => !explorerArms.has(name));
  if (left.length) facts.push(`not on this page: ${left.join(", ")}`);
  if (pinnedHere().length > MAX_SHOWN) facts.push(`the first ${MAX_SHOWN} of ${pinnedHere().length} pinned arms are shown`);
  byId("facts").textContent = facts.join(" · ");
  const names = new Set(shownArms().map((arm) => arm.name));
  for (const button of byId("arms").children) press(button, names.has(button.dataset.show));
}
views.all.push(describeClip);

function chooseClip(id) {
  state.clip = id;
  views.draw();
}
byId("clip").addEventListener("change", () => chooseClip(byId("clip").value));
byId("ranks").addEventListener("click", (event) => {
  const id = ranking()?.[event.target.dataset?.rank];
  if (explorerClips.has(id)) chooseClip(id);
});
for (const select of [byId("metric"), byId("over")]) select.addEventListener("change", describeClip);
byId("kinds")?.addEventListener("click", (event) => {
  if (!event.target.dataset.kind) return;
  state.kind = event.target.dataset.kind;
  for (const button of byId("kinds").children) press(button, button === event.target);
  views.draw();
});
fillControls();
pins.onChange(views.draw);
