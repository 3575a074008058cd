// Links to sounds play them in the page, one at a time; from target to estimate of the same sound at the same position.
const audio = new Audio();
audio.loop = true;
let playing = null;
function show() {
  for (const link of document.querySelectorAll(".listen-to")) {
    const isOn = link === playing && !audio.paused;
    link.classList.toggle("playing", isOn);
    link.setAttribute("aria-pressed", String(isOn));
    link.setAttribute("aria-label", `${isOn ? "Pause" : "Play"} the ${link.dataset.label}`);
  }
}
async function play(link) {
  if (link === playing && !audio.paused) return audio.pause();
  const isSameSound = playing && playing.closest("tr") === link.closest("tr"), at = isSameSound ? audio.currentTime : 0;
  if (link !== playing) {
    playing = link;
    audio.src = link.href;
    if (at > 0) audio.currentTime = at;
  }
  try {
    await audio.play();
  } catch (error) {
    // A file that is missing or of another kind says so on its button; a sound that is replaced meanwhile is none of these.
    if (error.name !== "AbortError") { link.title = `this browser cannot play it: ${error.message}`; link.classList.add("broken"); }
  }
  show();
}
for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, show);
for (const link of document.querySelectorAll(".listen-to")) link.setAttribute("role", "button");
document.addEventListener("click", (event) => {
  const link = event.target.closest(".listen-to");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  play(link);
});
document.addEventListener("keydown", (event) => {
  const link = event.target.closest(".listen-to");
  if (!link || event.key !== " ") return;
  event.preventDefault();
  play(link);
});
show();
