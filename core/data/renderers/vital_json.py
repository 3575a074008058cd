"""Parts of presets of the synthesizer Vital as JSON, and rendering of a note through the package `vita` (GPL-3).

Several defaults of Vital have to be compensated or disabled for a sound that follows given curves: LFO points are
upside down (1 - y); new modulations are bipolar; LFOs loop in time with the tempo and are smoothed over 5.5 ms; the
oscillator starts at a random phase; the amplitude envelope fades in; the last 5 ms of a render fade out; and parameters
glide from their defaults to the set values within about 100 ms, which a note before the take absorbs.
"""

import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import DrawnLfo
from core.errors import DataError

CYCLE_LENGTH = 2048
"""Samples per row of Vital's wavetables."""
LAST_FRAME = 256
"""Vital's wavetables have the frames 0 to 256."""
UNIT_VOLUME = 6400.0
"""Volume of 0 dB, which leaves the level of the oscillator unchanged; the volume in dB is sqrt(value) - 80."""
ONCE = 2.0
"""Sync type of an LFO that is played once with each note and then keeps its last value."""
REPEATED = 0.0
"""Sync type of an LFO that starts again with each note and repeats."""
_VELOCITY = 1.0
"""Velocity of all notes, 0..1."""
_WARM_UP_S = (0.3, 1.0)
"""Duration of a note before each take, and of its render including the release.

Without this note the first 50 ms of the take are wrong.
"""


def require_vita() -> Any:
    """The module `vita`.

    Raises:
        DataError: it is not installed.
    """
    try:
        import vita
    except ImportError as error:
        raise DataError(
            "rendering with Vital needs the vita package, which is not installed; pip install 'modstudy[real]'"
        ) from error
    return vita


def play_note(
    load: Callable[[Any], None], note: int, *, sample_rate: int, duration_s: float
) -> Float[ndarray, " sample"]:
    """A note of a new synth in mono.

    It runs in a thread of its own: vita leaves the thread that renders in a mode in which the processor takes denormal
    numbers for zero, and there scipy's k-d tree recurses without end.

    Args:
        load: Gives its patch to a `vita.Synth`.
        note: MIDI note.
        sample_rate: In Hz.
        duration_s: Length of the sound, during which the note is held.

    Raises:
        DataError: vita is not installed.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_play_note, load, note, sample_rate=sample_rate, duration_s=duration_s).result()


def keyframes_of(rows: Float[ndarray, "position sample"], frames: Sequence[int]) -> list[dict[str, Any]]:
    """Rows of a wavetable as keyframes of Vital, at given frames of 0 to 256, resampled to 2048 samples a cycle."""
    # Importing scipy.signal takes a second and is needed only here.
    from scipy.signal import resample

    return [
        {"position": frame, "wave_data": base64.b64encode(row.astype("<f4").tobytes()).decode()}
        for frame, row in zip(frames, resample(rows, CYCLE_LENGTH, axis=1), strict=True)
    ]


def wavetable_components(keyframes: list[dict[str, Any]]) -> dict[str, Any]:
    """The entries of a component of Vital's wavetables; frames between two keyframes are interpolated linearly."""
    return {"keyframes": keyframes, "interpolation": 0, "interpolation_style": 1}


def lfo_settings(lfo: DrawnLfo, name: str = "drawn") -> dict[str, Any]:
    """An LFO in the format of Vital's presets and `.vitallfo` files."""
    return {
        "name": name,
        "num_points": len(lfo.points),
        "points": [value for x, y in lfo.points for value in (x, 1.0 - y)],
        "powers": [*lfo.powers, 0.0],
        "smooth": False,
    }


def lfo_controls(number: int, *, rate_hz: float, sync_type: float, phase: float) -> dict[str, float]:
    """Values of the controls of an LFO.

    Args:
        number: From 1.
        rate_hz: Cycles per second.
        sync_type: `ONCE` or `REPEATED`.
        phase: Where in its cycle the LFO starts, 0..1.
    """
    return {
        f"lfo_{number}_sync": 0.0,  # seconds
        f"lfo_{number}_sync_type": sync_type,
        f"lfo_{number}_frequency": float(np.log2(rate_hz)),
        f"lfo_{number}_phase": phase,
        f"lfo_{number}_smooth_mode": 0.0,
        f"lfo_{number}_smooth_time": -10.0,
    }


def modulation_controls(number: int, amount: float, *, is_bipolar: bool = False) -> dict[str, float]:
    """Values of the controls of a modulation, numbered from 1.

    Args:
        number: Its number.
        amount: Change of the destination from LFO value 0 to 1, as a share of its range.
        is_bipolar: Whether LFO value 0.5 leaves the destination as it is; else 0 does.
    """
    return {f"modulation_{number}_bipolar": float(is_bipolar), f"modulation_{number}_amount": amount}


# ---------------------------------------------------------------------------------------------------------------------


def _play_note(
    load: Callable[[Any], None], note: int, *, sample_rate: int, duration_s: float
) -> Float[ndarray, " sample"]:
    synth = require_vita().Synth()
    synth.set_sample_rate(sample_rate)
    load(synth)
    synth.render(note, _VELOCITY, *_WARM_UP_S)
    # The note is longer than the take, which excludes its release; the last 5 ms, which vita fades out, are cut off.
    stereo = np.asarray(synth.render(note, _VELOCITY, duration_s + 1.0, duration_s + 0.05), dtype=np.float64)
    return np.asarray(stereo.mean(axis=0)[: round(duration_s * sample_rate)])
