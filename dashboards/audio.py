"""Kept sounds of an attempt: which there are, their samples, and a form that a page can carry."""

import base64
import io

import numpy as np
import soundfile
from jaxtyping import Float
from numpy import ndarray

from core.store import Attempt

ESTIMATE = ".estimate.flac"
TARGET = ".target.flac"


def kept_clips(attempt: Attempt) -> tuple[str, ...]:
    """File-safe ids of the clips whose estimated sound was kept, in order."""
    return tuple(name.removesuffix(ESTIMATE) for name in attempt.names("audio") if name.endswith(ESTIMATE))


def kept_sound(attempt: Attempt, clip: str, suffix: str) -> bytes | None:
    """A kept sound as its FLAC file; None where there is none."""
    name = f"audio/{clip}{suffix}"
    return attempt.get(name) if attempt.store.has(attempt.key(name)) else None


def read_sound(data: bytes) -> tuple[Float[ndarray, " sample"], int]:
    """Samples (the mean over channels) and sample rate in Hz."""
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return np.asarray(samples.mean(axis=1)), int(sample_rate)


def data_uri(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
