// Spectrograms of the target and the estimates, and their differences. The images have one grey level per 0.8 dB, from
// which both are coloured here.
const SCALE = explorer.spectrogram;
const SHOWN_DB = [-80, 0], DIFFERENCE_DB = 30;
// Control points of matplotlib's "magma" (van der Walt and Smith, CC0).
const MAGMA = [[0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122], [229, 80, 100], [251, 135, 97], [254, 194, 135], [252, 253, 191]];
// Diverging maps whose middle is the background: blue is quieter, red is louder than the target.
const DIVERGING = {
  light: [[5, 62, 122], [49, 122, 190], [150, 196, 226], [247, 247, 246], [243, 176, 145], [203, 76, 62], [122, 10, 32]],
  dark: [[152, 208, 255], [72, 144, 214], [33, 72, 112], [26, 29, 33], [112, 48, 38], [214, 98, 66], [255, 190, 148]],
};

function colourAt(map, share) {
  const at = Math.min(Math.max(share, 0), 1) * (map.length - 1), i = Math.min(Math.floor(at), map.length - 2);
  return map[i].map((low, channel) => low + (at - i) * (map[i + 1][channel] - low));
}
const cssGradient = (map) => `linear-gradient(to right, ${map.map((colour) => `rgb(${colour.join(" ")})`).join(", ")})`;
function isDark() {
  const [red, green, blue] = (getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return red + green + blue < 380;
}

// Levels of an image in dB relative to the target's peak, by its data URI.
const decibels = new Map();
function decibelsOf(uri) {
  if (!decibels.has(uri)) {
    decibels.set(uri, (async () => {
      const image = new Image();
      image.src = uri;
      await image.decode();
      const canvas = element("canvas", { width: image.width, height: image.height });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      const pixels = context.getImageData(0, 0, image.width, image.height).data;
      const values = new Float32Array(image.width * image.height);
      for (let i = 0; i < values.length; i++) values[i] = SCALE.floor_db + SCALE.step_db * pixels[4 * i];
      return { width: image.width, height: image.height, values };
    })());
  }
  return decibels.get(uri);
}

function paint(canvas, { width, height, values }, map, share) {
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue] = colourAt(map, share(values[i]));
    image.data.set([red, green, blue, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

async function paintSpectrogram(canvas, sound) {
  paint(canvas, await decibelsOf(sound.spectrogram), MAGMA, (db) => (db - SHOWN_DB[0]) / (SHOWN_DB[1] - SHOWN_DB[0]));
}
async function paintDifference(canvas, sound, target) {
  const [estimate, reference] = [await decibelsOf(sound.spectrogram), await decibelsOf(target.spectrogram)];
  if (estimate.values.length !== reference.values.length) {
    canvas.parentElement.replaceChildren(element("p", { class: "missing" }, "no difference: target and estimate differ in length"));
    return;
  }
  const values = estimate.values.map((value, i) => value - reference.values[i]);
  paint(canvas, { ...estimate, values }, isDark() ? DIVERGING.dark : DIVERGING.light, (db) => 0.5 + db / (2 * DIFFERENCE_DB));
}

// A canvas with frequency marks and a playhead, which the player moves.
function panel(label, sound) {
  const canvas = element("canvas", { role: "img", "aria-label": label });
  const marks = [100, 1000, 10000].filter((hz) => hz > SCALE.min_hz && hz < sound.top_hz * 0.8).map((hz) => {
    const share = Math.log(hz / SCALE.min_hz) / Math.log(sound.top_hz / SCALE.min_hz);
    return element("span", { class: "hz", style: `bottom:${(100 * share).toFixed(1)}%` }, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`);
  });
  return { canvas, box: element("div", { class: "panel" }, canvas, ...marks, element("i", { class: "playhead", hidden: "" })) };
}

// The target that belongs to an arm's estimate: its own if its data differ from those of the clip.
const targetOf = (clip, arm) => (arm && clip.arms[arm.name]?.own_target) || clip.target;

function soundRow(clip, arm) {
  const view = arm && clip.arms[arm.name], sound = arm ? view?.sound : clip.target, target = targetOf(clip, arm);
  const name = arm ? arm.name : "target";
  const play = element("button", { type: "button", class: "play", "aria-label": arm ? `Play the estimate of ${name}` : "Play the target", "data-plays": name });
  play.addEventListener("click", () => player.playOrPause(arm?.name ?? null));
  const facts = [];
  if (view) facts.push(`seed ${arm.seed}${view.audio_mss == null ? "" : ` · audio.mss ${view.audio_mss.toPrecision(3)}`}`);
  if (arm && sound?.level_db != null && target?.level_db != null) {
    const difference = sound.level_db - target.level_db;
    facts.push(Math.abs(difference) < 0.05 ? "as loud as the target" : `${Math.abs(difference).toFixed(1)} dB ${difference < 0 ? "below" : "above"} the target`);
  }
  const caption = element("div", { class: "caption" }, ...(sound ? [play] : []), element("div", {}, element("b", {}, ...(arm ? [swatch(arm)] : []), name), ...facts.map((fact) => element("small", {}, fact))));
  const row = element("div", { class: "sound", "data-sound": name }, caption);
  if (!sound) {
    row.append(element("p", { class: "missing" }, view ? "its sound of this clip is not on this page" : "its data do not have this clip"));
    return row;
  }
  const spectrum = panel(`Spectrogram of ${arm ? `the estimate of ${name}` : "the target"}`, sound);
  row.append(spectrum.box);
  paintSpectrogram(spectrum.canvas, sound);
  if (arm && target) {
    const difference = panel(`Difference of the estimate of ${name} from the target`, sound);
    row.append(difference.box);
    paintDifference(difference.canvas, sound, target);
  } else if (!arm) row.append(legend());
  return row;
}

function legend() {
  const bar = (map, ...labels) => element("div", { class: "bar" }, element("i", { style: `background:${cssGradient(map)}` }), element("div", {}, ...labels.map((text) => element("span", {}, text))));
  return element("div", { class: "legend" },
    element("p", {}, "spectrograms, relative to the target's peak"), bar(MAGMA, "−80", "−40", "0 dB"),
    element("p", {}, "difference: estimate − target"), bar(isDark() ? DIVERGING.dark : DIVERGING.light, `−${DIFFERENCE_DB}`, "equal", `+${DIFFERENCE_DB} dB`));
}

function drawSounds() {
  const clip = currentClip(), hasSound = Boolean(clip.target) || Object.values(clip.arms).some((arm) => arm.sound);
  byId("sounds").hidden = !hasSound;
  byId("silent").hidden = hasSound;
  if (!hasSound) {
    const others = explorer.clips.filter((each) => each.target).length;
    byId("silent").textContent = `No sound of this clip is stored: every trial keeps the sounds of a few test clips only (trainer.n_audio_clips), and the curves of all. ${others ? `${others === 1 ? "One clip" : `${others} clips`} with sound ${others === 1 ? "comes" : "come"} first in the list.` : ""}`;
  }
  byId("spectrograms").replaceChildren(...(hasSound ? [soundRow(clip, null), ...shownArms().map((arm) => soundRow(clip, arm))].filter((row, i) => i || clip.target) : []));
  player.changed();
}
views.all.push(drawSounds);
