// What is seen of the player: buttons, spectrograms, curves that rest, playheads, and values under the pointer.
const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const lanes = all("[data-lane]"), tip = document.querySelector(".tip");
let pointed = null;

// The controls do nothing without this script, which is why the page has them hidden; it has its own players then.
for (const each of all("#player, #keys, .buttons, .overlay")) each.hidden = false;
byId("plain").hidden = true;

// Whether a curve rests at its mean in what is heard.
function rests(index, heard) {
  const [kind, number] = heard.split("-");
  return kind === "solo" ? Number(number) !== index : kind === "muted" && Number(number) === index;
}
function show() {
  const { heard, playing, position } = player.state(), label = player.label(heard);
  const bar = byId("player");
  bar.dataset.state = playing ? "playing" : position > 0 ? "paused" : "stopped";
  bar.dataset.heard = heard;
  byId("play").classList.toggle("playing", playing);
  byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  for (const button of all("[data-hear]")) {
    // Solo and mute are versions of the estimate.
    const isOn = button.dataset.hear === heard || (button.dataset.hear === "estimate" && heard !== "target");
    button.setAttribute("aria-pressed", String(isOn));
  }
  for (const text of [byId("heard"), byId("seen")]) text.textContent = label;
  for (const image of all("[data-seen]")) image.hidden = image.dataset.seen !== heard;
  for (const track of all("[data-track]")) track.classList.toggle("resting", rests(Number(track.dataset.track), heard));
  mark();
}
function say() {
  const { heard, playing } = player.state();
  byId("status").textContent = `${player.label(heard)}${playing ? "" : ", paused"}`;
}
const shareOf = (seconds) => seconds / data.duration_s;
function mark() {
  const { playing, position } = player.state();
  if (document.activeElement !== byId("position") || playing) byId("position").value = String(position);
  byId("position").setAttribute("aria-valuetext", `${position.toFixed(2)} of ${data.played_s.toFixed(2)} seconds`);
  byId("time").textContent = `${position.toFixed(2)} / ${data.played_s.toFixed(2)} s`;
  const isMarked = playing || position > 0;
  for (const line of all(".playhead")) {
    line.hidden = !isMarked;
    line.style.left = `${100 * shareOf(position)}%`;
  }
  readValues(pointed ?? (isMarked ? shareOf(position) : null));
}
let isFollowing = false;
function follow() {
  isFollowing = player.state().playing;
  if (!isFollowing) return;
  mark();
  requestAnimationFrame(follow);
}
player.onChange(() => { show(); if (!isFollowing) follow(); });
player.onTrouble((error) => {
  byId("trouble").textContent = `This browser cannot play the sounds together (${error.message}); the plain players below may work.`;
  byId("trouble").hidden = byId("plain").hidden = false;
});

function valueAt(track, share) {
  const place = share * (track.values.length - 1), i = Math.min(Math.floor(place), track.values.length - 2);
  return track.values[i] + (place - i) * (track.values[i + 1] - track.values[i]);
}
// Values of all curves at a place in 0..1 of the sound, or none.
function readValues(share) {
  for (const [index, track] of data.tracks.entries()) {
    const text = share === null ? "" : valueAt(track, share).toFixed(2);
    document.querySelector(`.track[data-track="${index}"] .value`).textContent = text;
    const own = tip.children[index + 1];
    if (own) own.lastChild.textContent = text;
  }
}
for (const child of [document.createElement("b"), ...data.tracks.map((track, index) => {
  const line = document.createElement("span");
  line.className = document.querySelector(`.track[data-track="${index}"]`).className.replace(/\b(track|resting)\b/g, "").trim();
  line.append(document.createElement("i"), `${track.name} `, document.createElement("b"));
  return line;
})]) tip.append(child);

function point(share) {
  pointed = share;
  for (const line of all(".cursor")) {
    line.hidden = share === null;
    if (share !== null) line.style.left = `${100 * share}%`;
  }
  tip.hidden = share === null;
  if (share !== null) {
    tip.firstChild.textContent = `${(share * data.duration_s).toFixed(3)} s`;
    tip.classList.toggle("left", share > 0.6);
    tip.style.left = `${100 * share}%`;
  }
  mark();
}
for (const lane of lanes) {
  const at = (event) => {
    const box = lane.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  lane.addEventListener("pointermove", (event) => point(at(event)));
  lane.addEventListener("pointerleave", () => point(null));
  lane.addEventListener("click", (event) => player.seek(Math.min(at(event) * data.duration_s, data.played_s)));
}
// The curve of a track stands out over the spectrogram while the pointer or the focus is on the track.
for (const track of all(".track[data-track]")) {
  const bring = (isOn) => () => {
    byId("curves-over").classList.toggle("one", isOn);
    document.querySelector(`#curves-over [data-track="${track.dataset.track}"]`).classList.toggle("this", isOn);
  };
  for (const [event, isOn] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]]) track.addEventListener(event, bring(isOn));
}

// Pressing solo or mute again returns to the estimate.
function choose(key) {
  player.hear(player.state().heard === key && key !== "target" ? "estimate" : key);
  say();
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.hear) choose(button.dataset.hear);
  else if (button.id === "play") player.toggle();
  // After a click of the pointer, the space bar plays instead of pressing the button again; the keyboard's focus stays.
  if (event.detail > 0) button.blur();
});
byId("position").addEventListener("input", () => player.seek(Number(byId("position").value)));
byId("loop").addEventListener("change", () => player.set({ loops: byId("loop").checked }));
byId("match").addEventListener("change", () => player.set({ matches: byId("match").checked }));
byId("volume").addEventListener("input", () => player.set({ volume: Number(byId("volume").value) }));
byId("overlay").addEventListener("change", () => { byId("curves-over").style.visibility = byId("overlay").checked ? "" : "hidden"; });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input:not([type=checkbox], [type=range]), select, textarea, audio")) return;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
  if (event.key === " ") {
    if (event.target.closest("button, a, summary, [type=checkbox]")) return;
    player.toggle();
  } else if (digit && Number(digit) <= data.tracks.length) choose(`${event.shiftKey ? "muted" : "solo"}-${digit - 1}`);
  else if (["a", "b", "x"].includes(event.key.toLowerCase())) {
    if (event.key.toLowerCase() === "x") player.switchSides();
    else player.hear(event.key.toLowerCase() === "a" ? "target" : "estimate");
    say();
  } else return;
  event.preventDefault();
});
show();
