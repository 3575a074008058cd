"""Labelled sound from the wavetable synth Vital, through the `vita` package (GPL-3, optional extra `real`).

A patch is one oscillator over a wavetable, a 12 dB low-pass and no effect. Three drawn LFOs (core.data.lfo_shapes),
each played once over the whole sound, move one parameter each; the kept truth is the LFO's curve, the parameter's place
in its own range:

    add  wave frame        frame = 256 y, from the first row of the wavetable to the last
    sub  filter cutoff     semitone = 44 + 73 y, so 104 Hz to 7040 Hz, linear in octaves
    env  oscillator level  level = y, so the amplitude is y^2: Vital's level is quadratic

What Vital does by itself and is undone here: LFO points hang upside down (1 - y); a new modulation is bipolar; an LFO
loops, in time with the tempo; it is smoothed over 5.5 ms; the oscillator starts at a random phase; the amplitude
envelope fades in; a render's last 5 ms fade out; and parameters glide from their defaults to what was set over some
100 ms, which a note before the take absorbs. Each take has a synth of its own, so that it depends on the seed and its
number alone.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import resample

from core.data.lfo_shapes import DrawnLfo, draw_lfo
from core.data.manifest import MODULATIONS
from core.data.pitch import midi_to_hz
from core.data.renderers.folder import RenderSettings, RenderSummary, Take, fill_folder
from core.errors import ConfigError, DataError
from core.wavetables import load_wavetable, wavetable_sha256

MIN_NOTE, MAX_NOTE = 45, 69
"""MIDI notes drawn, 110 to 440 Hz: the range of the small preset's synthetic data."""
MIN_CUTOFF_NOTE, MAX_CUTOFF_NOTE = 44.0, 117.0
"""Filter cutoff in semitones at curve values 0 and 1."""
DEFAULT_WAVETABLE = "pulse_width"
"""Its position changes which harmonics there are, not how bright they are: add is not a second cutoff."""

_RECIPE = 1
_DESTINATIONS = {"add": "osc_1_wave_frame", "sub": "filter_1_cutoff", "env": "osc_1_level"}
_AMOUNTS = {"add": 1.0, "sub": (MAX_CUTOFF_NOTE - MIN_CUTOFF_NOTE) / 128.0, "env": 1.0}  # shares of the whole range
_CYCLE_LENGTH = 2048
_N_KEYFRAMES = 65
_VELOCITY = 1.0
_VOLUME = 6400.0  # 0 dB: the oscillator's own level
_WARM_UP_S = (0.3, 1.0)  # note and its release; both must be over before the take, or its first 50 ms are wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalPatch:
    """What is drawn for one take."""

    note: int
    resonance: float
    """Vital's 0..1; 0.5 is its default."""
    lfos: dict[str, DrawnLfo]
    """By modulation: add, sub, env."""


def render_vital(
    out: Path,
    *,
    n: int,
    seed: int,
    sample_rate: int = 48_000,
    duration_s: float = 1.0,
    wavetable: str = DEFAULT_WAVETABLE,
    on_progress: Callable[[int, int], None] | None = None,
) -> RenderSummary:
    """Fill a folder with `n` takes and their manifest; the same call completes an interrupted folder.

    The default length is that of the small preset's clips, so that a clip sees whole LFO shapes; training on longer
    clips needs longer renders. `on_progress` gets the takes done and to do.

    Raises:
        ConfigError: a setting is out of range, or the wavetable is unknown.
        DataError: vita is not installed, or the folder holds something else.
    """
    if n < 1:
        raise ConfigError(f"a render makes at least 1 sound; got n={n}")
    if seed < 0:
        raise ConfigError(f"a seed is 0 or above; got {seed}")
    if not 16_000 <= sample_rate <= 192_000:
        raise ConfigError(f"Vital is rendered at 16000 to 192000 Hz; got {sample_rate}")
    if not 0.1 <= duration_s <= 30:
        raise ConfigError(f"a sound lasts 0.1 to 30 s; got {duration_s:g}")
    _require_vita()
    keyframes = vital_keyframes(wavetable)

    def take(number: int) -> Take:
        patch = draw_patch(seed, number)
        return Take(
            patch=f"patch_{number:05d}",
            f0_hz=midi_to_hz(patch.note),
            lfos=patch.lfos,
            patch_settings={"note": patch.note, "resonance": patch.resonance, "wavetable": wavetable},
            render=lambda: render_patch(patch, keyframes, sample_rate=sample_rate, duration_s=duration_s),
        )

    settings = RenderSettings(
        renderer="vital",
        recipe=_RECIPE,
        n=n,
        seed=seed,
        sample_rate=sample_rate,
        duration_s=duration_s,
        wavetable=wavetable,
        wavetable_sha256=wavetable_sha256(wavetable),
    )
    return fill_folder(out, settings, take, on_progress)


def draw_patch(seed: int, number: int) -> VitalPatch:
    """The take of this number: a note, a resonance of 0.1 to 0.6, and three shapes that know nothing of each other."""
    rng = np.random.default_rng([seed, number])
    return VitalPatch(
        note=int(rng.integers(MIN_NOTE, MAX_NOTE + 1)),
        resonance=float(rng.uniform(0.1, 0.6)),
        lfos={modulation: draw_lfo(rng) for modulation in MODULATIONS},
    )


def render_patch(
    patch: VitalPatch, keyframes: list[dict[str, Any]], *, sample_rate: int, duration_s: float
) -> Float[ndarray, " sample"]:
    """Play one take on a synth of its own; a modulation without an LFO rests (first row, open filter, full level)."""
    vita = _require_vita()
    synth = vita.Synth()
    synth.set_sample_rate(sample_rate)
    preset = json.loads(synth.to_json())
    table = preset["settings"]["wavetables"][0]
    # Rows keep their own loudness, and the frames between two keyframes are their weighted sum.
    table["full_normalize"] = False
    table["groups"][0]["components"][0] |= {"keyframes": keyframes, "interpolation": 0, "interpolation_style": 1}
    for place, lfo in enumerate(patch.lfos.values()):
        preset["settings"]["lfos"][place] = _lfo_settings(lfo)
    if not synth.load_json(json.dumps(preset)):
        raise DataError("Vital refused the patch: the installed vita is not a version this renderer knows")
    # Connecting sets a modulation's own controls, so they are set after it.
    for place, modulation in enumerate(patch.lfos, start=1):
        synth.connect_modulation(f"lfo_{place}", _DESTINATIONS[modulation])
    controls = synth.get_controls()
    for name, value in _control_values(patch, duration_s).items():
        controls[name].set(value)
    synth.render(patch.note, _VELOCITY, *_WARM_UP_S)
    # The note outlasts the take, so its release is not heard; nor are the last 5 ms of a render, which vita fades out.
    stereo = np.asarray(synth.render(patch.note, _VELOCITY, duration_s + 1.0, duration_s + 0.05), dtype=np.float64)
    return np.asarray(stereo.mean(axis=0)[: round(duration_s * sample_rate)])


def vital_keyframes(name_or_path: str) -> list[dict[str, Any]]:
    """A wavetable in Vital's terms: 65 rows of 2048 samples, read linearly between the table's own rows.

    They stand four of Vital's 257 frames apart.
    """
    table = load_wavetable(name_or_path).numpy().astype(np.float64)
    place = np.linspace(0, len(table) - 1, _N_KEYFRAMES)
    left = np.minimum(place.astype(int), len(table) - 2)
    share = (place - left)[:, None]
    rows = resample((1 - share) * table[left] + share * table[left + 1], _CYCLE_LENGTH, axis=1)
    return [
        {"position": 4 * i, "wave_data": base64.b64encode(row.astype("<f4").tobytes()).decode()}
        for i, row in enumerate(rows)
    ]


# ---------------------------------------------------------------------------------------------------------------------


def _require_vita() -> Any:
    try:
        import vita
    except ImportError as error:
        raise DataError(
            "rendering with Vital needs the vita package, which is not installed; pip install 'modstudy[real]'"
        ) from error
    return vita


def _control_values(patch: VitalPatch, duration_s: float) -> dict[str, float]:
    values = {
        "osc_1_random_phase": 0.0,
        "env_1_attack": 0.0,
        "env_1_sustain": 1.0,
        "volume": _VOLUME,
        "filter_1_on": 1.0,
        "filter_1_resonance": patch.resonance,
        "filter_1_cutoff": MIN_CUTOFF_NOTE if "sub" in patch.lfos else 136.0,
        "osc_1_level": 0.0 if "env" in patch.lfos else 1.0,
        "osc_1_wave_frame": 0.0,
    }
    for place, modulation in enumerate(patch.lfos, start=1):
        values |= {
            f"lfo_{place}_sync": 0.0,  # seconds
            f"lfo_{place}_sync_type": 2.0,  # played once, then held
            f"lfo_{place}_frequency": float(np.log2(1.0 / duration_s)),
            f"lfo_{place}_smooth_mode": 0.0,
            f"lfo_{place}_smooth_time": -10.0,
            f"modulation_{place}_bipolar": 0.0,
            f"modulation_{place}_amount": _AMOUNTS[modulation],
        }
    return values


def _lfo_settings(lfo: DrawnLfo) -> dict[str, Any]:
    return {
        "name": "drawn",
        "num_points": len(lfo.points),
        "points": [value for x, y in lfo.points for value in (x, 1.0 - y)],
        "powers": [*lfo.powers, 0.0],
        "smooth": False,
    }
