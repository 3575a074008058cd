"""Sounds and folders of sound files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float
from numpy import ndarray


def tone(
    f0_hz: float = 220.0, sample_rate: int = 16_000, *, seconds: float = 0.5, level: float = 0.5, channels: int = 1
) -> Float[ndarray, "sample *channel"]:
    """A sine from phase 0, with a channel axis where there are several equal channels."""
    time_s = np.arange(round(seconds * sample_rate)) / sample_rate
    audio = level * np.sin(2 * np.pi * f0_hz * time_s)
    return np.stack([audio] * channels, axis=1) if channels > 1 else np.asarray(audio)


def noise(seed: int, *, seconds: float = 0.5, sample_rate: int = 16_000) -> Float[ndarray, " sample"]:
    """White noise that is not clipped."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * sample_rate))
    return np.asarray(0.2 * samples.clip(-3, 3))


def write_sound(
    path: Path, audio: Float[ndarray, "sample *channel"], sample_rate: int = 16_000, **format_: Any
) -> None:
    """Write a sound file in the format of its suffix; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, sample_rate, **format_)


def write_named_notes(folder: Path, midi: Iterable[int] = (48, 50, 52, 54)) -> None:
    """Write a sine per MIDI note, each as a patch of its own; the note is part of the file name."""
    for note in midi:
        write_sound(folder / f"p{note}_{note}-100.wav", tone(440 * 2 ** ((note - 69) / 12), level=0.5))
