"""Rendering of notes of known pitch from a SoundFont with FluidSynth through `pyfluidsynth` (LGPL-2.1, extra `real`).

A take is one held note of a General MIDI program, without reverb and chorus. An optional LFO of a declared rate
(core.data.periodic_lfo), y in 0..1, is sent as MIDI every 64 samples:

    tremolo  attenuation by NRPN   amplitude = y, in steps of 0.1 dB
    filter   cutoff by NRPN        5 octaves (1 - y) below 8.4 kHz, or below the cutoff of the program if it is lower
    vibrato  pitch bend            2 y - 1 semitones

NRPN 120/48 and 120/8 add to the generators "initial attenuation" and "initial filter cutoff" (SoundFont 2.01, 9.6), as
controllers 11 and 74 would do in 128 steps, of which FluidSynth ignores the latter. Each take uses a new synth, so it
depends only on the SoundFont, the seed and the number. All takes of a program are in one group.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, assert_never

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.note_names import midi_to_hz
from core.data.periodic_lfo import PeriodicLfo, check_rates, draw_periodic_lfo
from core.data.renderers.folder import RenderSettings, RenderSummary, Take, check_size, fill_folder
from core.errors import ConfigError, DataError
from core.settings.value_rules import printable
from core.sound_decoding import reason

NoteTarget = Literal["tremolo", "filter", "vibrato"]
"""What the LFO of a note can move."""
SOUNDFONTS = (
    "/usr/share/sounds/sf3/FluidR3Mono_GM.sf3",
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/sounds/sf3/default-GM.sf3",
    "/usr/share/sounds/sf2/default-GM.sf2",
)
"""Where Debian's packages put SoundFonts, in order of preference."""
SUSTAINED_PROGRAMS = (
    *range(19, 24),  # organs without percussion
    *range(40, 44),  # bowed strings
    *range(48, 55),  # ensembles and voices
    *range(56, 60),  # brass
    *range(64, 74),  # reeds, piccolo, flute
    *(81, 87),  # leads
    *(109, 110, 111),  # bagpipe, fiddle, shanai
)
"""General MIDI programs (from 0) drawn from if there is an LFO: their notes last and have overtones to filter.

Others of the FluidR3 SoundFont move by themselves or are almost sines: LFOs were found in them less often.
"""
PITCHED_PROGRAMS = tuple(sorted({*SUSTAINED_PROGRAMS, *range(44), 45, 46, *range(56, 84), 85, *range(104, 109)}))
"""Programs whose notes have one clear pitch: no tremolo strings, timpani, fifths, pads, effects or percussion."""

_RECIPE = 1
"""Version of the renderer, incremented whenever the same seed gives other sounds."""
_MIN_NOTE, _MAX_NOTE = 45, 69
"""Range of random MIDI notes, as of the sounds of Vital."""
_GAIN = 1.5
"""Gain of FluidSynth, at which the loudest note of the FluidR3 SoundFont has a peak of about 0.6."""
_BLOCK = 64
"""Samples between changes of a controller; FluidSynth computes as many at once."""
_GENERATOR: Mapping[str, int] = MappingProxyType({"tremolo": 48, "filter": 8})
"""Number of the SoundFont generator that an LFO moves."""
_OCTAVES = 5.0
"""Range of the filter LFO."""
_TOP_CENTS = -1500.0
"""Cutoff at curve value 1, against that of the program, which is usually 13500 cents: 19.9 kHz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundfontNote:
    """Random parameters of one take."""

    program: int
    note: int
    velocity: int
    lfo: PeriodicLfo | None


def render_soundfont(
    out: Path,
    *,
    n: int,
    seed: int,
    soundfont: Path | None = None,
    programs: Sequence[int] = (),
    target: NoteTarget | None = None,
    rates_hz: tuple[float, float] = (2.0, 8.0),
    sample_rate: int = 48_000,
    duration_s: float = 3.0,
    on_progress: Callable[[int, int], None] | None = None,
) -> RenderSummary:
    """Render `n` notes and their `metadata.csv` into a folder; the same call completes an interrupted render.

    Args:
        out: The folder.
        n: Number of notes.
        seed: Seed of all random parameters.
        soundfont: A SoundFont (sf2 or sf3); the first of `SOUNDFONTS` that exists by default.
        programs: General MIDI programs from 0 to choose from; `SUSTAINED_PROGRAMS` with an LFO and `PITCHED_PROGRAMS`
            without one if there are none.
        target: What an LFO moves; None for notes without one.
        rates_hz: Lowest and highest rate; rates are log-uniform.
        sample_rate: In Hz.
        duration_s: Length of a take.
        on_progress: Called with the numbers of finished and of all takes.

    Raises:
        ConfigError: a setting is out of range.
        DataError: pyfluidsynth, FluidSynth or the SoundFont is missing, or the folder has other content.
    """
    check_size(n=n, seed=seed, sample_rate=sample_rate, duration_s=duration_s)
    if target is not None:
        check_rates(rates_hz, duration_s)
    if wrong := [program for program in programs if not 0 <= program <= 127]:
        raise ConfigError(f"General MIDI programs are numbered 0 to 127; got {wrong[0]}")
    chosen = tuple(programs) or (PITCHED_PROGRAMS if target is None else SUSTAINED_PROGRAMS)
    _require_fluidsynth()
    path = _existing_soundfont(soundfont)

    def take(number: int) -> Take:
        note = draw_note_of(seed, number, chosen, target, rates_hz)
        return Take(
            patch=f"program_{note.program:03d}",
            f0_hz=midi_to_hz(note.note),
            lfos={},
            patch_settings={"program": note.program, "note": note.note, "velocity": note.velocity},
            render=lambda: render_note(note, path, sample_rate=sample_rate, duration_s=duration_s),
            declared=note.lfo,
        )

    rates: dict[str, str | float] = {}
    if target is not None:
        rates = {"target": target, "min_lfo_hz": rates_hz[0], "max_lfo_hz": rates_hz[1]}
    settings = RenderSettings(
        renderer="soundfont" if target is None else f"soundfont_{target}",
        recipe=_RECIPE,
        n=n,
        seed=seed,
        sample_rate=sample_rate,
        duration_s=duration_s,
        source={"soundfont_sha256": _sha256(path), "programs": list(chosen), **rates},
    )
    return fill_folder(out, settings, take, on_progress)


def draw_note_of(
    seed: int,
    number: int,
    programs: Sequence[int] = PITCHED_PROGRAMS,
    target: NoteTarget | None = None,
    rates_hz: tuple[float, float] = (2.0, 8.0),
) -> SoundfontNote:
    """Random parameters of a take: a program, a note, a velocity in 70..110, and the LFO if something is moved."""
    rng = np.random.default_rng([seed, number])
    return SoundfontNote(
        program=programs[int(rng.integers(len(programs)))],
        note=int(rng.integers(_MIN_NOTE, _MAX_NOTE + 1)),
        velocity=int(rng.integers(70, 111)),
        lfo=None if target is None else draw_periodic_lfo(target, rates_hz, rng),
    )


def render_note(
    note: SoundfontNote, soundfont: Path, *, sample_rate: int, duration_s: float
) -> Float[ndarray, " sample"]:
    """Render a take with a new synth.

    Raises:
        DataError: the SoundFont cannot be read, or lacks the program.
    """
    fluidsynth = _require_fluidsynth()
    settings = {"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.dynamic-sample-loading": 1}
    synth = fluidsynth.Synth(gain=_GAIN, samplerate=float(sample_rate), channels=16, **settings)
    try:
        font = synth.sfload(str(soundfont))
        if font < 0 or synth.program_select(0, font, 0, note.program) != fluidsynth.FLUID_OK:
            raise DataError(
                f"{printable(soundfont)} must be a SoundFont with the General MIDI program {note.program}; "
                "name another file or other programs"
            )
        blocks = []
        for start in range(0, math.ceil(duration_s * sample_rate), _BLOCK):
            if note.lfo is not None:
                value = float(note.lfo.at(np.array([start / sample_rate]))[0])
                _send(synth, note.lfo, value)
            if start == 0:
                synth.noteon(0, note.note, note.velocity)
            blocks.append(synth.get_samples(_BLOCK))
    finally:
        synth.delete()
    stereo = np.concatenate(blocks).reshape(-1, 2).astype(np.float64) / 2**15
    return np.asarray(stereo.mean(axis=1)[: round(duration_s * sample_rate)])


# ---------------------------------------------------------------------------------------------------------------------


def _send(synth: Any, lfo: PeriodicLfo, value: float) -> None:
    """Send a value of an LFO in 0..1 to the first channel."""
    match lfo.target:
        case "tremolo":  # in centibels
            _send_nrpn(synth, _GENERATOR["tremolo"], -200.0 * math.log10(max(value, 1e-3)))
        case "filter":  # in steps of 2 cents
            _send_nrpn(synth, _GENERATOR["filter"], (_TOP_CENTS - 1200.0 * _OCTAVES * (1.0 - value)) / 2.0)
        case "vibrato":  # the range of the pitch wheel is 2 semitones
            synth.pitch_bend(0, round(4096 * (2.0 * value - 1.0)))
        case "position":
            raise ValueError("a note of a SoundFont has no wavetable position")
        case _:
            assert_never(lfo.target)


def _send_nrpn(synth: Any, generator: int, offset: float) -> None:
    """Send an offset of a SoundFont generator, in its own unit, in 14 bits."""
    data = 8192 + round(offset)
    for controller, value in ((99, 120), (98, generator), (38, data & 127), (6, data >> 7)):
        synth.cc(0, controller, value)


def _require_fluidsynth() -> Any:
    """The module `fluidsynth`.

    Raises:
        DataError: it or the library is not installed.
    """
    try:
        import fluidsynth
    except ImportError as error:
        raise DataError(
            "rendering a SoundFont needs pyfluidsynth and the library FluidSynth, and one of them is not installed; "
            "pip install 'modstudy[real]', and apt-get install libfluidsynth3 fluidr3mono-gm-soundfont or the like"
        ) from error
    return fluidsynth


def _existing_soundfont(soundfont: Path | None) -> Path:
    """The SoundFont, or the first of Debian's.

    Raises:
        DataError: there is none.
    """
    paths = [Path(path) for path in SOUNDFONTS] if soundfont is None else [soundfont]
    for path in paths:
        if path.is_file():
            return path
    raise DataError(
        f"rendering needs a SoundFont, and {printable(paths[0])} is none; name one by --soundfont, "
        "or apt-get install fluidr3mono-gm-soundfont"
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be read: {reason(error)}; name another SoundFont") from error
