// Plays the sounds of the page side by side, of which one is heard: switching keeps the position to the sample.
//   player.hear(key), toggle(), seek(seconds), set({ loops, matches, volume })
//   player.state()   heard, other (what X goes to), playing, position, and the gains of all sounds that run
//   player.onChange(fn), player.onTrouble(fn)
const data = JSON.parse(document.getElementById("data").textContent);
const player = (() => {
  // Long enough not to click, short enough to be a switch.
  const SWITCH_S = 0.012, RELEASE_S = 0.03;
  const sounds = new Map(data.sounds.map((sound) => [sound.key, sound]));
  const options = { loops: true, matches: true, volume: 0.9 };
  const changed = [], troubled = [], buffers = new Map();
  let length = data.played_s, context = null, volume = null, run = null, offset = 0, heard = "target", other = "estimate";
  const tell = () => { for (const listener of changed) listener(); };
  const gainOf = (key) => (options.matches ? 1 : sounds.get(key).rendered_gain);
  const loudness = () => options.volume ** 2;

  function decoded(key) {
    if (!buffers.has(key)) {
      const uri = document.querySelector(`audio[data-sound="${key}"]`).getAttribute("src");
      const bytes = Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (character) => character.charCodeAt(0));
      buffers.set(key, context.decodeAudioData(bytes.buffer));
    }
    return buffers.get(key);
  }
  function position(time = context?.currentTime) {
    if (!run?.sources.size) return offset;
    const elapsed = Math.max(0, time - run.startedAt);
    return run.wraps || options.loops ? elapsed % length : Math.min(elapsed, length);
  }
  // A sound joins those that run, at their position; it is silent unless it is heard.
  function join(key, buffer, at) {
    const source = new AudioBufferSourceNode(context, { buffer, loop: options.loops, loopEnd: length });
    const gain = new GainNode(context, { gain: 0 });
    source.connect(gain).connect(run.out);
    source.start(at, Math.min(position(at), buffer.duration));
    if (!run.sources.size) { const mine = run; source.onended = () => { if (run === mine) stop(); }; }
    run.sources.set(key, { source, gain: gain.gain });
  }
  function fade() {
    // While a sound is still being decoded, the one before it goes on.
    if (!run?.sources.has(heard)) return;
    for (const [key, { gain }] of run.sources) gain.setTargetAtTime(key === heard ? gainOf(key) : 0, context.currentTime, SWITCH_S / 3);
  }
  async function start() {
    context ??= new AudioContext();
    volume ??= new GainNode(context, { gain: loudness() });
    volume.connect(context.destination);
    release();
    const mine = { sources: new Map(), startedAt: 0, wraps: false, out: new GainNode(context, { gain: 0 }) };
    run = mine;
    tell();
    try {
      await context.resume();
      let key, buffer;
      do buffer = await decoded((key = heard)); while (run === mine && key !== heard);
      if (run !== mine) return;
      // Whatever a decoder leaves out at the end, all sounds loop at the same place.
      length = Math.min(length, buffer.duration);
      mine.out.connect(volume);
      const at = context.currentTime + 0.02;
      if (offset >= length - 0.005) offset = 0;
      mine.startedAt = at - offset;
      join(key, buffer, at);
      mine.sources.get(key).gain.setValueAtTime(gainOf(key), context.currentTime);
      // From the start of the sound, whose ends are faded already, at once.
      mine.out.gain.setValueAtTime(offset > 0 ? 0 : 1, at);
      mine.out.gain.linearRampToValueAtTime(1, at + 0.006);
      tell();
      for (const each of sounds.keys()) {
        if (each === key) continue;
        const next = await decoded(each);
        if (run !== mine) return;
        if (options.loops || position() < length - 0.1) join(each, next, context.currentTime + 0.02);
        if (each === heard) fade();
      }
      tell();
    } catch (error) {
      if (run === mine) release();
      for (const listener of troubled) listener(error);
      tell();
    }
  }
  function release() {
    if (!run) return;
    const { sources, out } = run;
    run = null;
    for (const { source } of sources.values()) {
      source.onended = null;
      source.stop(context.currentTime + RELEASE_S);
    }
    out.gain.cancelScheduledValues(context.currentTime);
    out.gain.setTargetAtTime(0, context.currentTime, RELEASE_S / 6);
  }
  function pause() {
    offset = position();
    release();
    tell();
  }
  function stop() {
    release();
    offset = 0;
    tell();
  }
  function hear(key) {
    if (!sounds.has(key) || key === heard) return;
    if (heard !== "target") other = heard;
    heard = key;
    if (heard !== "target") other = heard;
    fade();
    tell();
  }
  return {
    hear,
    toggle: () => (run ? pause() : start()),
    switchSides: () => hear(heard === "target" ? other : "target"),
    seek(seconds) {
      offset = Math.min(Math.max(seconds, 0), length);
      if (run) start();
      else tell();
    },
    set(changes) {
      Object.assign(options, changes);
      for (const { source } of run?.sources.values() ?? []) source.loop = options.loops;
      if (run && !options.loops) run.wraps = true;
      if (volume) volume.gain.setTargetAtTime(loudness(), context.currentTime, 0.01);
      fade();
    },
    state: () => ({ heard, playing: run !== null, position: position(), gains: Object.fromEntries([...(run?.sources ?? [])].map(([key, { gain }]) => [key, gain.value])) }),
    label: (key) => sounds.get(key).label,
    onChange: (listener) => changed.push(listener),
    onTrouble: (listener) => troubled.push(listener),
  };
})();
