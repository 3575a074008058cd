"""Hostile files with names of sounds: each function writes one, and its row tells what becomes of it."""

import os
import shutil
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support.sounds import tone, write_sound

HEADER_BYTES = 44
"""Length of the header of a wav file of 16-bit samples."""


@dataclass(frozen=True, slots=True)
class Row:
    """A hostile file."""

    name: str
    write: Callable[[Path], object]
    outcome: str
    """Beginning of its problem or remark; empty if it is used without one."""
    is_skipped: bool = True


def wav(
    data: bytes, *, sample_rate: int = 16_000, channels: int = 1, bits: int = 16, kind: int = 1, size: int | None = None
) -> bytes:
    """A wav file with any values in its header.

    Args:
        data: The samples.
        sample_rate: In Hz.
        channels: Number of channels.
        bits: Bits per sample.
        kind: Code of the format: 1 for whole numbers, 3 for floating-point ones.
        size: Announced length of the samples in bytes; by default the true one.
    """
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, sample_rate, (sample_rate * align) & 0xFFFFFFFF, align, bits)
    size = len(data) if size is None else size
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", (4 + len(form) + 16 + size) & 0xFFFFFFFF) + b"WAVE" + chunks


def samples(seconds: float = 0.5) -> bytes:
    """A tone in 16 bits."""
    return (tone(seconds=seconds) * 32_767).astype("<i2").tobytes()


def content(data: bytes) -> Callable[[Path], object]:
    """A function that writes these bytes."""
    return lambda path: path.write_bytes(data)


def sound(audio: Any = None, sample_rate: int = 16_000, **settings: Any) -> Callable[[Path], object]:
    """A function that writes a valid sound file."""
    audio = tone() if audio is None else audio
    return lambda path: write_sound(path, audio, sample_rate, **settings)


def cut(share: float, *, seconds: float = 3.0, **settings: Any) -> Callable[[Path], object]:
    """A function that writes a sound file of which only a share is left."""

    def write(path: Path) -> None:
        write_sound(path, tone(seconds=seconds), **settings)
        os.truncate(path, int(path.stat().st_size * share))

    return write


def sparse(n_bytes: int) -> Callable[[Path], object]:
    """A function that writes a wav file of zeros that takes no space on the disk."""

    def write(path: Path) -> None:
        path.write_bytes(wav(b"", size=min(n_bytes, 0xFFFFFFF0)))
        os.truncate(path, n_bytes + HEADER_BYTES)

    return write


def flac_of_length(n_samples: int) -> Callable[[Path], object]:
    """A function that writes a flac file whose header announces a number of samples."""

    def write(path: Path) -> None:
        write_sound(path, tone())
        data = bytearray(path.read_bytes())
        # The last 36 bits of bytes 18 to 25 are the number of samples (RFC 9639).
        word = int.from_bytes(data[18:26], "big") >> 36 << 36 | n_samples
        data[18:26] = word.to_bytes(8, "big")
        path.write_bytes(data)

    return write


def with_doubles(*values: float) -> Callable[[Path], object]:
    """A function that writes a file of doubles, a tone with some values at its start."""
    return content(wav(np.concatenate([values, tone()]).astype("<f8").tobytes(), bits=64, kind=3))


def link(target: str) -> Callable[[Path], object]:
    """A function that makes a link."""
    return lambda path: path.symlink_to(target)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        # A socket's path has at most 108 bytes.
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            end.bind(path.name)
        finally:
            os.chdir(here)


def copy_of_a_neighbour(path: Path) -> None:
    shutil.copy(next(p for p in sorted(path.parent.iterdir()) if p.name.startswith("p48")), path)


def rf64(path: Path) -> None:
    write_sound(path, tone(), format="RF64")


SQUARE = 2 * (np.sin(2 * np.pi * 220 * np.arange(8000) / 16_000) > 0) - 1.0
ROWS = (
    Row("rate of 1 Hz C4.wav", content(wav(samples(), sample_rate=1)), "odd sample rate"),
    Row("rate of 0 Hz C4.wav", content(wav(samples(), sample_rate=0)), "unreadable"),
    Row("rate of 2^31 Hz C4.wav", content(wav(samples(), sample_rate=2**31)), "unreadable"),
    Row("rate of 2^31-1 Hz C4.wav", content(wav(samples(), sample_rate=2**31 - 1)), "odd sample rate"),
    Row("rate of 999 Hz C4.wav", sound(sample_rate=999), "odd sample rate"),
    Row("rate of 769 kHz C4.wav", sound(sample_rate=769_000), "odd sample rate"),
    Row("rate of 44101 Hz C4.wav", sound(sample_rate=44_101), "odd sample rate: 44101 to 16000 Hz is 16000 / 44101"),
    Row("prime rate C4.wav", sound(sample_rate=47_951), "odd sample rate"),
    Row("rate of 47952 Hz C4.wav", sound(tone(sample_rate=47_952), 47_952), "", is_skipped=False),
    Row("no channels C4.wav", content(wav(samples(), channels=0)), "unreadable"),
    Row("1000 channels C4.wav", content(wav(samples() * 100, channels=1000)), "too many channels"),
    Row("65 channels C4.wav", content(wav(samples() * 65, channels=65)), "too many channels"),
    Row("64 channels C4.wav", sound(tone(channels=64)), "", is_skipped=False),
    Row("no bits C4.wav", content(wav(samples(), bits=0)), "unreadable"),
    Row("no samples C4.wav", content(wav(b"")), "empty"),
    Row("no samples C4.flac", sound(np.zeros(0)), "unreadable"),
    Row("no bytes C4.wav", content(b""), "unreadable"),
    Row("only a header C4.wav", content(wav(samples())[:20]), "unreadable"),
    Row("text C4.wav", content(b"These are the lyrics.\n" * 1000), "unreadable"),
    Row("zeros C4.wav", content(bytes(100_000)), "unreadable"),
    Row("html C4.ogg", content(b"<html><body>404 Not Found</body></html>"), "unreadable"),
    Row("riff of nothing C4.wav", content(b"RIFF\xff\xff\xff\xffWAVE" + b"\xff" * 1000), "unreadable"),
    Row("chunks of no length C4.wav", content(b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 20_000), "unreadable"),
    Row("gsm C4.wav", sound(tone(sample_rate=8000), 8000, subtype="GSM610"), "", is_skipped=False),
    Row("adpcm C4.wav", sound(subtype="IMA_ADPCM"), "", is_skipped=False),
    Row("mulaw C4.wav", sound(subtype="ULAW"), "", is_skipped=False),
    Row("mpeg C4.wav", sound(format="MP3"), "", is_skipped=False),
    Row("flac C4.wav", sound(format="FLAC"), "", is_skipped=False),
    Row("rf64 C4.wav", rf64, "", is_skipped=False),
    Row("doubles of 1e300 C4.wav", with_doubles(1e300, -1e300), "broken: contains samples of 1e+300"),
    Row("doubles of 1e10 C4.wav", with_doubles(1e10), "broken: contains samples of 1e+10"),
    Row("whole numbers as floats C4.wav", with_doubles(30_000.0, -20_000.0), "", is_skipped=False),
    Row("nan C4.wav", with_doubles(float("nan")), "broken: contains NaN"),
    Row("infinity C4.wav", with_doubles(float("inf")), "broken: contains NaN"),
    Row("denormal C4.wav", sound(np.full(8000, 1e-310), subtype="DOUBLE"), "silent"),
    Row("late nan C4.wav", sound(np.append(tone(seconds=3.0), np.nan), subtype="FLOAT"), "broken"),
    Row("silence C4.wav", sound(np.zeros(8000)), "silent: its first 0.25 s stay below"),
    Row("direct current C4.wav", sound(np.full(8000, 0.5)), "silent: its first 0.25 s are constant at 0.5"),
    Row("offset C4.wav", sound(0.3 * tone() + 0.5), "offset: the mean of its first 0.25 s is", is_skipped=False),
    Row("clipped C4.wav", sound(SQUARE), "clipped", is_skipped=False),
    Row("cut C4.wav", cut(0.5), "truncated: its header announces 96000 bytes", is_skipped=False),
    Row("cut by a byte C4.wav", cut(0.99999), "truncated", is_skipped=False),
    Row("cut to its header C4.wav", cut(0.00046), "empty"),
    Row("cut C4.aiff", cut(0.5), "truncated", is_skipped=False),
    Row("cut C4.aif", cut(0.9, format="AIFF"), "truncated", is_skipped=False),
    Row("cut rf64 C4.wav", cut(0.5, format="RF64"), "truncated", is_skipped=False),
    Row("cut C4.flac", cut(0.5), "unreadable"),
    Row("cut at the end C4.flac", cut(0.98), "unreadable"),
    Row("cut C4.ogg", cut(0.5, seconds=60), "truncated: it ends before the last page", is_skipped=False),
    Row("cut at its head C4.ogg", cut(0.05), "unreadable"),
    Row("from a pipe C4.wav", content(wav(samples(), size=0xFFFFFFFF)), "", is_skipped=False),
    Row("promises 4 GB C4.wav", content(wav(samples(), size=0xFFFFFFF0)), "truncated", is_skipped=False),
    Row("promises 2^36 samples C4.flac", flac_of_length(2**36 - 1), "unreadable"),
    Row("a minute of nothing C4.wav", sparse(2 * 16_000 * 60), "silent"),
    Row("3 GB of nothing C4.wav", sparse(3 * 2**30), "unreadable: it has 3072 MiB"),
    Row("11 minutes C4.wav", content(wav(samples() * 1320)), "long: only its first 600 s", is_skipped=False),
    Row("pipe C4.wav", lambda path: os.mkfifo(path), "unreadable: it is a pipe"),
    Row("socket C4.wav", unix_socket, "unreadable"),
    Row("device C4.wav", link("/dev/zero"), "unreadable: it is a device"),
    Row("terminal C4.wav", link("/dev/tty"), "unreadable"),
    Row("memory C4.wav", link("/proc/self/mem"), "unreadable"),
    Row("dead link C4.wav", link("nothing.wav"), "unreadable: No such file"),
    Row("link to itself C4.wav", link("link to itself C4.wav"), "unreadable: Too many levels"),
    Row("folder C4.wav", lambda path: path.mkdir(), "unreadable: it is a folder"),
    Row("link to a folder C4.wav", link("/"), "unreadable: it is a folder"),
    Row("link to a neighbour C4.wav", link("p48_48-100.wav"), "the same file as"),
    Row("copy C4.wav", copy_of_a_neighbour, "the same file as"),
    Row("with a\nline break C4.wav", sound(tone(level=0.41)), "", is_skipped=False),
    Row("with an escape \x1b[31m C4.wav", sound(tone(level=0.42)), "", is_skipped=False),
    Row("reversed \u202evaw. C4.wav", sound(tone(level=0.43)), "", is_skipped=False),
    Row(os.fsdecode(b"latin \xe9 C4.wav"), content(wav(samples(0.44))), "", is_skipped=False),
    Row(os.fsdecode(b"\xff\xfe\x80 C4.wav"), content(b"no sound"), "unreadable"),
    Row("n" * 248 + " C4.wav", sound(tone(level=0.45)), "", is_skipped=False),
    Row("<script>alert(1)<script> C4.wav", sound(tone(level=0.46)), "", is_skipped=False),
    Row("=1+1 C4.wav", sound(tone(level=0.47)), "", is_skipped=False),
    Row(" .. C4.wav", sound(tone(level=0.48)), "", is_skipped=False),
    Row("[red] C4.wav", content(b"no sound"), "unreadable"),
)


def every_format() -> Iterator[tuple[str, bytes]]:
    """Name and content of a short sound in each format that is read."""
    import io

    for suffix, settings in {
        "wav": {"format": "WAV"},
        "flac": {"format": "FLAC"},
        "ogg": {"format": "OGG"},
        "aiff": {"format": "AIFF"},
        "float.wav": {"format": "WAV", "subtype": "DOUBLE"},
        "adpcm.wav": {"format": "WAV", "subtype": "MS_ADPCM"},
    }.items():
        buffer = io.BytesIO()
        soundfile.write(buffer, tone(seconds=0.1), 16_000, **settings)
        yield f"sound.{suffix}", buffer.getvalue()
