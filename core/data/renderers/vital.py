"""Rendering of labelled sounds with the wavetable synth Vital through the package `vita` (GPL-3, extra `real`).

A patch has one oscillator over a wavetable, a 12 dB low-pass and no effects. Drawn LFOs (core.data.lfo_shapes), each
played once over the whole sound, control one parameter each. The true curve is that of the LFO, y in 0..1:

    add      wave frame        frame = 256 y, from the first row of the wavetable to the last
    sub      filter cutoff     semitone = 44 + 73 y: 104 Hz to 7040 Hz, linear in octaves
    env      oscillator level  level = y; the amplitude is y^2, because Vital's level is quadratic
    vibrato  oscillator tune   2 y - 1 semitones from the note

An LFO may also be periodic (core.data.renderers.vital_rates).

Each take uses a new synth, so it depends only on seed and number. `core.data.renderers.vital_json` has the parts of the
patch and the defaults of Vital that it compensates.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import DrawnLfo, draw_lfo
from core.data.manifest_columns import MODULATIONS
from core.data.note_names import midi_to_hz
from core.data.periodic_lfo import PeriodicLfo
from core.data.renderers.folder import RenderSettings, RenderSummary, Take, check_size, fill_folder
from core.data.renderers.vital_json import (
    ONCE,
    REPEATED,
    UNIT_VOLUME,
    keyframes_of,
    lfo_controls,
    lfo_settings,
    modulation_controls,
    play_note,
    require_vita,
    wavetable_components,
)
from core.data.vital_lfos import shapes_sha256, vital_lfos_in
from core.errors import DataError
from core.wavetables import load_wavetable, wavetable_sha256

MIN_NOTE, MAX_NOTE = 45, 69
"""Range of random MIDI notes, 110 to 440 Hz, as in the synthetic data of the preset `small`."""
MIN_CUTOFF_NOTE, MAX_CUTOFF_NOTE = 44.0, 117.0
"""Filter cutoff in semitones at curve values 0 and 1."""
DEFAULT_WAVETABLE = "pulse_width"
"""Built-in table of the oscillator; unlike a cutoff, its position changes which harmonics are present."""

_RECIPE = 1
"""Version of the renderer, incremented whenever the same seed gives other sounds."""
_DESTINATIONS = {
    "add": "osc_1_wave_frame",
    "sub": "filter_1_cutoff",
    "env": "osc_1_level",
    "vibrato": "osc_1_tune",
}
"""Vital's parameter by modulation."""
_AMOUNTS = {"add": 1.0, "sub": (MAX_CUTOFF_NOTE - MIN_CUTOFF_NOTE) / 128.0, "env": 1.0, "vibrato": 1.0}
"""Modulation depth as a share of the range of the parameter."""
_N_KEYFRAMES = 65
"""Rows of a wavetable passed to Vital."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalPatch:
    """Parameters of one take."""

    note: int
    """MIDI note."""
    resonance: float
    """In Vital's range 0..1, whose default is 0.5."""
    lfos: Mapping[str, DrawnLfo | PeriodicLfo]
    """By name of the modulation: add, sub, env, vibrato."""


def render_vital(
    out: Path,
    *,
    n: int,
    seed: int,
    sample_rate: int = 48_000,
    duration_s: float = 1.0,
    wavetable: str = DEFAULT_WAVETABLE,
    lfos: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> RenderSummary:
    """Render `n` takes and their manifest into a folder; the same call completes an interrupted render.

    Args:
        out: The folder.
        n: Number of takes.
        seed: Seed of all random parameters.
        sample_rate: In Hz.
        duration_s: Length of a take; the default is that of the clips of the preset `small`, which thus contain whole
            LFO shapes. Longer clips need longer takes.
        wavetable: Name or path of the oscillator's wavetable.
        lfos: A folder of `.vitallfo` files, from which the shapes of the LFOs are drawn; None draws random shapes.
        on_progress: Called with the numbers of finished and of all takes.

    Raises:
        ConfigError: a setting is out of range, or the wavetable is unknown.
        DataError: vita is not installed, or the folder has other content.
    """
    check_size(n=n, seed=seed, sample_rate=sample_rate, duration_s=duration_s)
    require_vita()
    keyframes = vital_keyframes(wavetable)
    shapes = () if lfos is None else vital_lfos_in(lfos)

    def take(number: int) -> Take:
        patch = draw_patch(seed, number, shapes)
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
        source={"wavetable": wavetable, "wavetable_sha256": wavetable_sha256(wavetable)}
        | ({"lfos_sha256": shapes_sha256(shapes)} if shapes else {}),
    )
    return fill_folder(out, settings, take, on_progress)


def draw_patch(seed: int, number: int, shapes: Sequence[DrawnLfo] = ()) -> VitalPatch:
    """Random parameters of a take: a note, a resonance in 0.1..0.6 and three independent LFO shapes.

    Args:
        seed: Seed of all takes.
        number: Number of the take.
        shapes: LFO shapes to choose from; if there are none, they are made up.
    """
    rng = np.random.default_rng([seed, number])
    return VitalPatch(
        note=int(rng.integers(MIN_NOTE, MAX_NOTE + 1)),
        resonance=float(rng.uniform(0.1, 0.6)),
        lfos={
            modulation: shapes[int(rng.integers(len(shapes)))] if shapes else draw_lfo(rng)
            for modulation in MODULATIONS
        },
    )


def render_patch(
    patch: VitalPatch, keyframes: list[dict[str, Any]], *, sample_rate: int, duration_s: float
) -> Float[ndarray, " sample"]:
    """Render a take with a new synth; parameters without an LFO are constant (first row, open filter, full level)."""

    def load(synth: Any) -> None:
        preset = json.loads(synth.to_json())
        table = preset["settings"]["wavetables"][0]
        # Rows are not normalised.
        table["full_normalize"] = False
        table["groups"][0]["components"][0] |= wavetable_components(keyframes)
        for index, lfo in enumerate(patch.lfos.values()):
            preset["settings"]["lfos"][index] = lfo_settings(lfo.cycle if isinstance(lfo, PeriodicLfo) else lfo)
        if not synth.load_json(json.dumps(preset)):
            raise DataError("Vital refused the patch: the installed vita is not a version this renderer knows")
        # Connecting a modulation sets its controls, which are therefore set afterwards.
        for number, modulation in enumerate(patch.lfos, start=1):
            synth.connect_modulation(f"lfo_{number}", _DESTINATIONS[modulation])
        controls = synth.get_controls()
        for name, value in _control_values(patch, duration_s).items():
            controls[name].set(value)

    return play_note(load, patch.note, sample_rate=sample_rate, duration_s=duration_s)


def vital_keyframes(name_or_path: str) -> list[dict[str, Any]]:
    """A wavetable as keyframes of Vital: 65 rows of 2048 samples, interpolated linearly between the rows of the table.

    The distance between keyframes is four of Vital's 257 frames.
    """
    table = load_wavetable(name_or_path).numpy().astype(np.float64)
    position = np.linspace(0, len(table) - 1, _N_KEYFRAMES)
    left = np.minimum(position.astype(int), len(table) - 2)
    share = (position - left)[:, None]
    return keyframes_of((1 - share) * table[left] + share * table[left + 1], range(0, 257, 4))


def _control_values(patch: VitalPatch, duration_s: float) -> dict[str, float]:
    """Values of Vital's controls by name."""
    values = {
        "osc_1_random_phase": 0.0,
        "env_1_attack": 0.0,
        "env_1_sustain": 1.0,
        "volume": UNIT_VOLUME,
        "filter_1_on": 1.0,
        "filter_1_resonance": patch.resonance,
        "filter_1_cutoff": MIN_CUTOFF_NOTE if "sub" in patch.lfos else 136.0,
        "osc_1_level": 0.0 if "env" in patch.lfos else 1.0,
        "osc_1_wave_frame": 0.0,
    }
    if "vibrato" in patch.lfos:
        values["osc_1_tune"] = -1.0
    for number, (modulation, lfo) in enumerate(patch.lfos.items(), start=1):
        match lfo:
            case DrawnLfo():  # one cycle, then the last value
                rate_hz, sync_type, phase = 1.0 / duration_s, ONCE, 0.0
            case PeriodicLfo():
                rate_hz, sync_type, phase = lfo.rate_hz, REPEATED, lfo.phase
            case _:
                assert_never(lfo)
        values |= lfo_controls(number, rate_hz=rate_hz, sync_type=sync_type, phase=phase)
        values |= modulation_controls(number, _AMOUNTS[modulation])
    return values
