// Plays one sound at a time. Target and estimate run side by side and only one is heard, so that switching between them
// keeps the position to the sample. `heard` is null for the target, or the name of an arm.
const SWITCH_S = 0.008;
const player = (() => {
  let context = null, run = null, offset = 0, heard = null, partner = null;
  const buffers = new Map();

  const clipArms = () => shownArms().filter((arm) => currentClip().arms[arm.name]?.sound);
  // The arm whose estimate is compared with the target.
  const estimateOf = () => clipArms().find((arm) => arm.name === (heard ?? partner)) ?? clipArms()[0] ?? null;
  const soundOf = (name) => (name === null ? targetOf(currentClip(), estimateOf()) : currentClip().arms[name]?.sound) ?? null;
  const duration = () => soundOf(heard)?.duration_s ?? currentClip().duration_s;
  const gainOf = (sound) => (byId("match").checked ? sound.gain : 1);

  function decoded(sound) {
    if (!buffers.has(sound.audio)) buffers.set(sound.audio, context.decodeAudioData(bytesOf(sound.audio.slice(sound.audio.indexOf(",") + 1)).buffer));
    return buffers.get(sound.audio);
  }
  function position() {
    if (!run?.sources) return offset;
    const elapsed = Math.max(0, context.currentTime - run.startedAt);
    return run.loops || byId("loop").checked ? elapsed % run.duration : Math.min(elapsed, run.duration);
  }

  async function start() {
    context ??= new AudioContext();
    const mine = { sources: null, startedAt: 0, duration: duration(), loops: false };
    silence();
    run = mine;
    show();
    const names = [null, estimateOf()?.name].filter((name) => name !== undefined && soundOf(name));
    const sounds = names.map(soundOf);
    const audio = await Promise.all([context.resume(), ...sounds.map(decoded)]);
    if (run !== mine) return;
    const at = context.currentTime + 0.02;
    if (offset >= mine.duration - 0.005) offset = 0;
    mine.sources = names.map((name, i) => {
      const source = new AudioBufferSourceNode(context, { buffer: audio[i + 1], loop: byId("loop").checked });
      const gain = new GainNode(context, { gain: name === heard ? gainOf(sounds[i]) : 0 });
      source.connect(gain).connect(context.destination);
      source.start(at, offset);
      return { name, sound: sounds[i], source, gain: gain.gain };
    });
    mine.startedAt = at - offset;
    mine.sources.find(({ name }) => name === heard).source.onended = () => { if (run === mine) stop(); };
    requestAnimationFrame(follow);
    show();
  }
  function silence() {
    for (const { source } of run?.sources ?? []) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    run = null;
  }
  function pause() {
    offset = position();
    silence();
    show();
  }
  function stop() {
    silence();
    offset = 0;
    show();
  }

  // Hears another sound at the same position.
  function hear(name) {
    if (name !== null && name !== estimateOf()?.name) {
      offset = position();
      heard = partner = name;
      if (run) start();
    } else {
      if (heard !== null) partner = heard;
      heard = name;
      for (const each of run?.sources ?? []) {
        each.gain.setTargetAtTime(each.name === heard ? gainOf(each.sound) : 0, context.currentTime, SWITCH_S / 3);
        each.source.onended = each.name === heard ? ((mine) => () => { if (run === mine) stop(); })(run) : null;
      }
    }
    byId("status").textContent = `${heard === null ? "target" : `estimate of ${heard}`}${run ? "" : ", paused"}`;
    show();
  }
  function switchSides() {
    const other = heard === null ? estimateOf()?.name : null;
    if (other !== undefined && soundOf(other)) hear(other);
  }
  function playOrPause(name) {
    if (run && name === heard) pause();
    else if (soundOf(name)) {
      if (name !== heard) hear(name);
      if (!run) start();
    }
  }
  function seek(seconds) {
    offset = Math.min(Math.max(seconds, 0), duration());
    if (run) start();
    show();
  }

  const label = () => (heard === null ? "the target" : `the estimate of ${heard}`);
  // The state in words and marks. `data-state` and `data-heard` are also what tests and scripts of readers can rely on.
  function show() {
    const bar = byId("player"), estimate = estimateOf();
    bar.dataset.state = run ? "playing" : offset > 0 ? "paused" : "stopped";
    bar.dataset.heard = heard ?? "target";
    byId("play").setAttribute("aria-label", `${run ? "Pause" : "Play"} ${label()}`);
    byId("play").disabled = !soundOf(heard);
    byId("target").disabled = !soundOf(null);
    byId("estimate").disabled = !estimate;
    byId("estimate").textContent = estimate ? `estimate: ${estimate.name}` : "estimate";
    press(byId("target"), heard === null);
    press(byId("estimate"), heard !== null);
    for (const button of byId("spectrograms").querySelectorAll("[data-plays]")) {
      const isPlaying = run !== null && button.dataset.plays === (heard ?? "target");
      button.classList.toggle("playing", isPlaying);
      button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\w+/, isPlaying ? "Pause" : "Play"));
    }
    for (const row of byId("spectrograms").children) row.classList.toggle("heard", row.dataset.sound === (heard ?? "target"));
    byId("play").classList.toggle("playing", run !== null);
    byId("position").max = String(duration());
    mark();
  }
  function mark() {
    const seconds = position(), total = duration(), isMarked = run !== null || seconds > 0;
    if (document.activeElement !== byId("position") || run) byId("position").value = String(seconds);
    byId("position").setAttribute("aria-valuetext", `${seconds.toFixed(2)} of ${total.toFixed(2)} seconds`);
    byId("time").textContent = `${seconds.toFixed(2)} / ${total.toFixed(2)} s`;
    for (const line of byId("spectrograms").querySelectorAll(".playhead")) {
      line.hidden = !isMarked;
      line.style.left = `${(100 * seconds) / total}%`;
    }
    for (const { place } of curvePlots) place?.playhead(isMarked ? Math.min(1, seconds / currentClip().duration_s) : null);
  }
  // Moves the playheads; after a change of clip or arms, first stops what is no longer there.
  function follow() {
    if (run?.sources) {
      mark();
      requestAnimationFrame(follow);
    }
  }
  let clipBefore = null;
  function changed() {
    const hasGone = heard !== null && !clipArms().some((arm) => arm.name === heard);
    if (clipBefore !== state.clip || hasGone) {
      silence();
      offset = 0;
      if (hasGone) heard = null;
    }
    clipBefore = state.clip;
    if (heard === null && !soundOf(null) && estimateOf()) heard = estimateOf().name;
    show();
  }

  byId("play").addEventListener("click", () => (run ? pause() : start()));
  byId("target").addEventListener("click", () => hear(null));
  byId("estimate").addEventListener("click", () => hear(estimateOf().name));
  byId("position").addEventListener("input", () => seek(Number(byId("position").value)));
  byId("loop").addEventListener("change", () => {
    for (const { source } of run?.sources ?? []) source.loop = byId("loop").checked;
    if (run) Object.assign(run, { loops: true });
  });
  byId("match").addEventListener("change", () => { if (heard !== null || soundOf(null)) hear(heard); });
  // One key, and only while a sound is on or the explorer has the focus: elsewhere an x is the reader's.
  document.addEventListener("keydown", (event) => {
    const isWriting = event.target.closest?.("input:not([type=checkbox], [type=range]), select, textarea, [contenteditable]");
    const isHere = run !== null || event.target.closest?.("#explorer");
    if (event.key.toLowerCase() !== "x" || event.ctrlKey || event.metaKey || event.altKey || isWriting || !isHere) return;
    event.preventDefault();
    switchSides();
  });
  return { playOrPause, seek, changed, state: () => ({ position: position(), duration: duration(), heard, gains: run?.sources?.map(({ name, gain }) => [name, gain.value]) }) };
})();
