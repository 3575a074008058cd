"""Decoding of sound files from others: regular files only, and limits on everything that a header can promise.

Files are decoded by libsndfile from an open descriptor, block by block, so that neither a name in another encoding nor
a header that announces 2^40 samples does harm, and a file that is replaced meanwhile stays the one that was opened.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float
from numpy import ndarray

from core.errors import DataError
from core.regular_files import open_regular

MAX_FILE_BYTES = 2**30
"""Largest sound file: an hour of stereo at 44.1 kHz has 0.6 of that."""
MIN_RATE, MAX_RATE = 1000, 768_000
"""Lowest and highest sample rate of a file in Hz; 768 kHz is the highest of audio converters."""
MAX_CHANNELS = 64
"""Most channels of a file, those of seventh-order Ambisonics."""
MAX_DECODED_S = 600.0
"""At most this much is decoded of a file, in seconds; clips are not longer."""
MAX_DECODED_VALUES = 2**28
"""At most this many samples of all channels are decoded of a file: 600 s of stereo at 192 kHz have 0.86 of that."""
MAX_MAGNITUDE = 2.0**31
"""Largest magnitude of a floating-point sample, whose full scale is 1; some programs write whole numbers up to 2^31."""
CLIPPED_RUN = 8
"""A file with this many consecutive samples at full scale is clipped."""
CLIPPED = f"clipped: {CLIPPED_RUN} or more consecutive samples at full scale"
"""The remark on a file that is."""
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "ALAC_16": 16, "ALAC_24": 24}
"""Bits per sample by libsndfile's subtype; full scale of other subtypes (float, compressed) is 1."""
_BLOCK = 1 << 18
"""Samples of all channels per block."""
_MAX_CHUNKS = 10_000
"""Most chunks of a RIFF or AIFF file that are looked at."""
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""Sizes in the header of a file that was written to a pipe, whose length was unknown."""
_OGG_TAIL = 1 << 17
"""An Ogg page has at most 65307 bytes, so that this many bytes at the end contain the last page."""


class SoundFileError(DataError):
    """A file is not a sound that can be used; the message is a category, a colon and the reason, without the path."""


@contextmanager
def open_sound(path: Path) -> Iterator[BufferedReader]:
    """A sound file, open for reading.

    Raises:
        SoundFileError: it is missing, unreadable, no regular file, or too large.
    """
    try:
        with open_regular(path, MAX_FILE_BYTES) as file:
            yield file
    except OSError as error:
        raise SoundFileError(f"unreadable: {reason(error)}") from error


@contextmanager
def decoder(file: BufferedReader) -> Iterator[soundfile.SoundFile]:
    """The decoder of an open sound file, after a check of its header.

    Raises:
        SoundFileError: the file is no sound file, or its header is out of range, or decoding in the block fails.
    """
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    try:
        with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
            if not MIN_RATE <= sound.samplerate <= MAX_RATE:
                raise SoundFileError(
                    f"odd sample rate: a sound has {MIN_RATE} to {MAX_RATE} Hz; this one says {sound.samplerate} Hz"
                )
            if sound.channels > MAX_CHANNELS:
                raise SoundFileError(
                    f"too many channels: a sound has at most {MAX_CHANNELS}; this one has {sound.channels}"
                )
            yield sound
    except (soundfile.SoundFileError, OSError) as error:
        raise SoundFileError(f"unreadable: {reason(error)}") from error


def n_decoded(sound: soundfile.SoundFile, duration_s: float = MAX_DECODED_S) -> int:
    """Number of samples per channel that are decoded for a duration from the start, within all limits."""
    n_samples = round(min(duration_s, MAX_DECODED_S) * sound.samplerate)
    return int(max(0, min(n_samples, sound.frames, MAX_DECODED_VALUES // sound.channels)))


def blocks(sound: soundfile.SoundFile, n_samples: int) -> Iterator[Float[ndarray, "sample channel"]]:
    """The next samples in float64, block by block; fewer than `n_samples` if the file ends before.

    Raises:
        SoundFileError: a value is NaN, infinite or larger than `MAX_MAGNITUDE`.
    """
    n_left = n_samples
    while n_left > 0:
        block = sound.read(min(n_left, max(1, _BLOCK // sound.channels)), dtype="float64", always_2d=True)
        if not len(block):
            return
        largest = float(np.abs(block).max())
        if not np.isfinite(largest):
            raise SoundFileError("broken: contains NaN or infinite samples")
        if largest > MAX_MAGNITUDE:
            raise SoundFileError(f"broken: contains samples of {largest:.3g}, where full scale is 1")
        n_left -= len(block)
        yield block


class Clipping:
    """Whether a sound that is read block by block is clipped."""

    def __init__(self, sound: soundfile.SoundFile) -> None:
        bits = _BITS.get(sound.subtype)
        # The largest positive value of the encoding.
        self._full_scale = 1.0 - 2.0 ** (1 - bits) if bits else 1.0
        self._tail = np.zeros((0, sound.channels))
        self.is_found = False

    def look_at(self, block: Float[ndarray, "sample channel"]) -> None:
        """Look at the next samples."""
        # A run may begin in the block before.
        joined = np.concatenate([self._tail, block])
        self._tail = joined[-(CLIPPED_RUN - 1) :]
        self.is_found = self.is_found or _has_run(joined >= self._full_scale) or _has_run(joined <= -self._full_scale)


def read_mono(path: Path, duration_s: float = MAX_DECODED_S) -> tuple[Float[ndarray, " sample"], int]:
    """The mean of a file's channels and its sample rate in Hz.

    Args:
        path: A file that libsndfile can read.
        duration_s: Seconds to read from the start, at most `MAX_DECODED_S`.

    Raises:
        SoundFileError: the file is no sound that can be used.
    """
    with open_sound(path) as file, decoder(file) as sound:
        mono = [block.mean(axis=1) for block in blocks(sound, n_decoded(sound, duration_s))]
        return np.concatenate([np.zeros(0), *mono]), int(sound.samplerate)


def truncation(file: BufferedReader) -> str | None:
    """How an open wav, aiff or ogg file is cut short, of which libsndfile says nothing; None if it is not."""
    n_bytes = os.fstat(file.fileno()).st_size
    file.seek(0)
    if file.read(4) == b"OggS":
        file.seek(max(0, n_bytes - _OGG_TAIL))
        tail = file.read(_OGG_TAIL)
        page = tail.rfind(b"OggS")
        # The third bit of byte 5 of a page marks the last one of a stream (RFC 3533).
        is_last = 0 <= page < len(tail) - 5 and tail[page + 5] & 4
        return None if is_last else "truncated: it ends before the last page of its stream"
    for name, start, size in chunks(file):
        if name in (b"data", b"SSND") and start + size > n_bytes and size not in _UNKNOWN_SIZES:
            return f"truncated: its header announces {size} bytes of samples, and {max(0, n_bytes - start)} are there"
    return None


def chunks(file: BufferedReader) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size in bytes of the chunks of an open RIFF, RF64 or AIFF file; none of other files."""
    file.seek(0)
    head = file.read(12)
    kind = head[:4]
    if kind not in (b"RIFF", b"RIFX", b"RF64", b"FORM") or len(head) < 12:
        return
    order = "little" if kind in (b"RIFF", b"RF64") else "big"
    start, long_size = 12, None
    for _ in range(_MAX_CHUNKS):
        file.seek(start)
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = header[:4], int.from_bytes(header[4:], "little" if order == "little" else "big")
        if name == b"ds64":  # sizes that do not fit in 32 bits: of the whole, then of the samples (EBU Tech 3306)
            long_size = int.from_bytes(file.read(16)[8:], "little")
        if name == b"data" and kind == b"RF64" and long_size is not None:
            size = long_size
        yield name, start + 8, size
        start += 8 + size + size % 2


def reason(error: Exception) -> str:
    """Why a file cannot be read, without its path, in printable characters."""
    if isinstance(error, soundfile.LibsndfileError):
        text = str(error.error_string)
    elif isinstance(error, OSError):
        text = error.strerror or type(error).__name__
    else:
        text = str(error)
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))[:200].rstrip(".")


def _has_run(at_full_scale: np.ndarray) -> bool:
    """Whether any column holds `CLIPPED_RUN` true values in a row."""
    if len(at_full_scale) < CLIPPED_RUN or not at_full_scale.any():
        return False
    counts = np.cumsum(np.pad(at_full_scale.astype(np.int64), ((1, 0), (0, 0))), axis=0)
    return bool((counts[CLIPPED_RUN:] - counts[:-CLIPPED_RUN] == CLIPPED_RUN).any())
