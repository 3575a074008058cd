"""Wavetables as sound files that Vital, Serum and Surge read: cycles of 2,048 samples, one after another.

The file is a RIFF wav of mono 32-bit floating-point samples with a chunk `clm ` that gives the samples per cycle, the
convention of Xfer Serum: the text `<!>2048 `, eight digits of which the first is 1 for linear interpolation between
cycles, and the origin.
"""

import struct

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import DataError

CYCLE_LENGTH = 2048
"""Samples per cycle."""
MAX_POSITIONS = 256
"""Most cycles."""
_SAMPLE_RATE = 44_100
"""Sample rate in the header, which has no meaning."""
_CLM = b"<!>2048 10000000 wavetable (modstudy)"


def wavetable_wav(table: Float[ndarray, "position sample"]) -> bytes:
    """The content of a wav file with the cycles of a wavetable, each of zero mean, scaled to a peak of 1.

    Cycles of other lengths are resampled in the Fourier domain, which preserves periodicity; of more than 256 positions
    256 are interpolated linearly.

    Raises:
        DataError: the table has fewer than two positions or is silent, or some of its values are not finite.
    """
    if len(table) < 2 or not np.isfinite(table).all():
        raise DataError(
            f"a wavetable has two or more cycles of finite values; got {len(table)} cycles, with "
            f"{int((~np.isfinite(table)).sum())} values that are not finite"
        )
    rows = np.asarray(table, dtype=np.float64)
    if len(rows) > MAX_POSITIONS:
        rows = at_positions(rows, MAX_POSITIONS)
    if rows.shape[1] != CYCLE_LENGTH:
        # Importing scipy.signal takes a second and is needed only here.
        from scipy.signal import resample

        rows = resample(rows, CYCLE_LENGTH, axis=1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    peak = float(np.abs(rows).max())
    if not peak > 1e-9:
        raise DataError("a wavetable holds sound; all cycles of this one are silent")
    samples = (rows / peak).astype("<f4").ravel()
    return _riff(
        (b"fmt ", struct.pack("<HHIIHHH", 3, 1, _SAMPLE_RATE, 4 * _SAMPLE_RATE, 4, 32, 0)),
        (b"fact", struct.pack("<I", len(samples))),
        (b"clm ", _CLM),
        (b"data", samples.tobytes()),
    )


def at_positions(table: Float[ndarray, "position sample"], n_positions: int) -> Float[ndarray, "other sample"]:
    """A wavetable with another number of positions, interpolated linearly between its own."""
    position = np.linspace(0, len(table) - 1, n_positions)
    left = np.minimum(position.astype(int), len(table) - 2)
    share = (position - left)[:, None]
    return np.asarray((1 - share) * table[left] + share * table[left + 1])


def _riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A RIFF file of chunks, each padded to an even length."""
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body
