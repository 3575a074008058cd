"""Compiles the kernels of discovery ahead of time, as `make setup` does: `python -m core.discovery.warmup`."""

import numpy as np

from core.discovery.discover import discover
from core.discovery.pitch_finding import Pitch
from core.discovery.sound_input import LoadedSound
from core.exchange.shapes import fit_shape
from core.settings.discovery import DiscoverySettings

_RATE = 16_000
_SECONDS = 0.5


def warm_up() -> None:
    """Discover a short tone whose pitch moves; numba caches the compiled kernels on disk."""
    time_s = np.arange(round(_RATE * _SECONDS)) / _RATE
    cycles = 220 * time_s + 0.8 * np.sin(2 * np.pi * 6 * time_s)
    tone = sum(np.sin(2 * np.pi * k * cycles) / k for k in range(1, 8))
    audio = np.asarray(tone / np.abs(tone).max(), dtype=np.float32)
    sound = LoadedSound(name="tone", source="tone", audio=audio, sample_rate=_RATE, gain=1.0)
    found = discover(sound, Pitch(220.0, "given"), DiscoverySettings(steps=5))
    for curve in found.curves:
        fit_shape(curve.values, curve.modulation.name)


if __name__ == "__main__":
    warm_up()
