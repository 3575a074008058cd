"""Rendering of sounds with an LFO of a declared rate with Vital: tremolo, filter LFO, vibrato or wavetable position.

One parameter follows a periodic LFO (core.data.periodic_lfo), the others are constant, but for the level: in half of
the sounds without tremolo it follows a slow envelope, one rise and one fall. `metadata.csv` declares the rates, so the
folder can be studied like recordings. The true curves are in the manifest as well, but for vibrato, which it has no
column for.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from core.data.lfo_shapes import DrawnLfo
from core.data.note_names import midi_to_hz
from core.data.periodic_lfo import PeriodicLfo, Target, check_rates, draw_periodic_lfo
from core.data.renderers.folder import RenderSettings, RenderSummary, Take, check_size, fill_folder
from core.data.renderers.vital import (
    DEFAULT_WAVETABLE,
    MAX_NOTE,
    MIN_NOTE,
    VitalPatch,
    render_patch,
    vital_keyframes,
)
from core.data.renderers.vital_json import require_vita
from core.wavetables import wavetable_sha256

MODULATION_OF: Mapping[Target, str] = MappingProxyType(
    {"tremolo": "env", "filter": "sub", "vibrato": "vibrato", "position": "add"}
)
"""The modulation whose curve is the LFO."""
_RECIPE = 1
"""Version of the renderer, incremented whenever the same seed gives other sounds."""


def render_vital_rates(
    out: Path,
    *,
    n: int,
    seed: int,
    target: Target,
    rates_hz: tuple[float, float] = (2.0, 8.0),
    sample_rate: int = 48_000,
    duration_s: float = 3.0,
    wavetable: str = DEFAULT_WAVETABLE,
    on_progress: Callable[[int, int], None] | None = None,
) -> RenderSummary:
    """Render `n` takes and their `metadata.csv` into a folder; the same call completes an interrupted render.

    Args:
        out: The folder.
        n: Number of takes.
        seed: Seed of all random parameters.
        target: What the LFO moves.
        rates_hz: Lowest and highest rate; rates are log-uniform.
        sample_rate: In Hz.
        duration_s: Length of a take.
        wavetable: Name or path of the oscillator's wavetable.
        on_progress: Called with the numbers of finished and of all takes.

    Raises:
        ConfigError: a setting is out of range, or the wavetable is unknown.
        DataError: vita is not installed, or the folder has other content.
    """
    check_size(n=n, seed=seed, sample_rate=sample_rate, duration_s=duration_s)
    check_rates(rates_hz, duration_s)
    require_vita()
    keyframes = vital_keyframes(wavetable)

    def take(number: int) -> Take:
        patch = draw_rate_patch(seed, number, target, rates_hz)
        lfo = patch.lfos[MODULATION_OF[target]]
        assert isinstance(lfo, PeriodicLfo)
        return Take(
            patch=f"patch_{number:05d}",
            f0_hz=midi_to_hz(patch.note),
            lfos=patch.lfos if target != "vibrato" else {},
            patch_settings={"note": patch.note, "resonance": patch.resonance, "wavetable": wavetable},
            render=lambda: render_patch(patch, keyframes, sample_rate=sample_rate, duration_s=duration_s),
            declared=lfo,
        )

    settings = RenderSettings(
        renderer=f"vital_{target}",
        recipe=_RECIPE,
        n=n,
        seed=seed,
        sample_rate=sample_rate,
        duration_s=duration_s,
        source={
            "wavetable": wavetable,
            "wavetable_sha256": wavetable_sha256(wavetable),
            "min_lfo_hz": rates_hz[0],
            "max_lfo_hz": rates_hz[1],
        },
    )
    return fill_folder(out, settings, take, on_progress)


def draw_rate_patch(seed: int, number: int, target: Target, rates_hz: tuple[float, float]) -> VitalPatch:
    """Random parameters of a take: a note, a resonance in 0.1..0.6, the LFO, and the values of the other parameters.

    Without an LFO the wavetable position lies in 0..1, the cutoff at 0.4..1 of its range and the level at 0.8..1, or
    the level follows a slow envelope.
    """
    rng = np.random.default_rng([seed, number])
    note, resonance = int(rng.integers(MIN_NOTE, MAX_NOTE + 1)), float(rng.uniform(0.1, 0.6))
    lfos: dict[str, DrawnLfo | PeriodicLfo] = {
        "add": _constant(float(rng.random())),
        "sub": _constant(float(rng.uniform(0.4, 1.0))),
        "env": _envelope(rng) if rng.random() < 0.5 else _constant(float(rng.uniform(0.8, 1.0))),
    }
    lfos[MODULATION_OF[target]] = draw_periodic_lfo(target, rates_hz, rng)
    return VitalPatch(note=note, resonance=resonance, lfos=lfos)


# ---------------------------------------------------------------------------------------------------------------------


def _constant(value: float) -> DrawnLfo:
    return DrawnLfo(points=((0.0, value), (1.0, value)), powers=(0.0,))


def _envelope(rng: np.random.Generator) -> DrawnLfo:
    """An attack to 1 within a quarter of the sound and a fall to 0.3..0.7 at its end."""
    top = float(rng.uniform(0.02, 0.25))
    points = ((0.0, 0.5), (top, 1.0), (1.0, float(rng.uniform(0.3, 0.7))))
    return DrawnLfo(points=points, powers=(float(rng.uniform(-3, 0)), float(rng.uniform(-3, 0))))
