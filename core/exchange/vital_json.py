"""The JSON text of a preset of the synthesizer Vital, as its version 1.0 saves it.

Vital gives controls that a preset does not have their defaults, as it does for presets of older versions, so a preset
has only those that differ. It refuses presets of newer versions than its own.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import DrawnLfo
from core.data.renderers.vital_json import LAST_FRAME, keyframes_of, lfo_settings, wavetable_components
from core.exchange.wavetables import at_positions
from core.synths.subtractive import saw_and_square

VERSION = "1.0.7"
"""Version of Vital that a preset names."""
N_LFOS, N_MODULATIONS = 8, 64
"""LFOs and modulations of Vital."""
_NOISE_LENGTH = 8192
"""Samples of noise."""


def preset_text(
    name: str,
    *,
    comments: str,
    controls: Mapping[str, float],
    table: Float[ndarray, "position sample"],
    lfos: Sequence[dict[str, Any]],
    modulations: Sequence[tuple[str, str]],
) -> str:
    """The text of a preset.

    Args:
        name: Name that Vital shows.
        comments: Comments that Vital shows.
        controls: Values of Vital's controls by name.
        table: Wavetable of the first oscillator, which is read as it is.
        lfos: LFOs from the first on, see `core.data.renderers.vital_json.lfo_settings`.
        modulations: Source and destination of the modulations from the first on.
    """
    triangle = lfo_settings(DrawnLfo(points=((0.0, 0.0), (0.5, 1.0), (1.0, 0.0)), powers=(0.0, 0.0)), "Triangle")
    saw = _wavetable(saw_and_square().numpy()[:1].astype(np.float64), "Saw")
    connections = [*modulations, *[("", "")] * (N_MODULATIONS - len(modulations))]
    settings = {
        **controls,
        "wavetables": [_wavetable(table, name), saw, saw],
        "lfos": [*lfos, *[triangle] * (N_LFOS - len(lfos))],
        "modulations": [{"source": source, "destination": destination} for source, destination in connections],
        "sample": _noise(),
    }
    macros = {f"macro{number}": f"MACRO {number}" for number in range(1, 5)}
    about = {"author": "", "comments": comments, "preset_name": name, "preset_style": "", "synth_version": VERSION}
    return json.dumps(about | macros | {"settings": settings})


# ---------------------------------------------------------------------------------------------------------------------


def _wavetable(table: Float[ndarray, "position sample"], name: str) -> dict[str, Any]:
    """A wavetable, its rows at the nearest of Vital's 257 frames."""
    if len(table) > LAST_FRAME + 1:
        table = at_positions(table, LAST_FRAME + 1)
    frames = np.rint(np.linspace(0, LAST_FRAME, len(table))).astype(int).tolist()
    component = {"type": "Wave Source"} | wavetable_components(keyframes_of(table, frames))
    return {
        "author": "",
        "full_normalize": False,
        "groups": [{"components": [component]}],
        "name": name,
        "remove_all_dc": True,
        "version": VERSION,
    }


def _noise() -> dict[str, Any]:
    """The sample of the noise source, which is off."""
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, _NOISE_LENGTH)
    return {
        "name": "White Noise",
        "length": _NOISE_LENGTH,
        "sample_rate": 44_100,
        "samples": base64.b64encode((32_767 * noise).astype("<i2").tobytes()).decode(),
    }
