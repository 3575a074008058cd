"""Wavetable files: the chunks, and that the project's loader reads back what was written."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from jaxtyping import Float
from numpy import ndarray

from core.errors import DataError
from core.exchange.wavetables import wavetable_wav
from core.wavetables import load_wavetable


def table_of(n_positions: int, length: int, n_harmonics: int = 20) -> Float[ndarray, "position sample"]:
    """Random harmonics, of zero mean, scaled to a peak of 1."""
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.arange(length) / length
    harmonics = np.arange(1, n_harmonics + 1)[:, None]
    cosines, sines = np.cos(harmonics * phase), np.sin(harmonics * phase)
    table = rng.standard_normal((n_positions, n_harmonics)) @ cosines
    table += rng.standard_normal((n_positions, n_harmonics)) @ sines
    return np.asarray(table / np.abs(table).max())


def read_back(data: bytes, folder: Path) -> Float[ndarray, "position sample"]:
    path = folder / "table.wav"
    path.write_bytes(data)
    return np.asarray(load_wavetable(str(path)).numpy())


@pytest.mark.parametrize("n_positions", [2, 16, 256])
def test_a_table_of_2048_samples_is_read_back_as_it_was(n_positions: int, tmp_path: Path) -> None:
    table = table_of(n_positions, 2048)
    np.testing.assert_allclose(read_back(wavetable_wav(table), tmp_path), table, atol=2e-7)


@pytest.mark.parametrize("length", [256, 1024, 1000, 4096])
def test_other_lengths_are_resampled_without_change_of_their_harmonics(length: int, tmp_path: Path) -> None:
    read = read_back(wavetable_wav(table_of(4, length)), tmp_path)
    expected = table_of(4, 2048)
    np.testing.assert_allclose(read, expected / np.abs(expected).max(), atol=2e-3)
    spectrum = np.abs(np.fft.rfft(read))
    assert spectrum[:, 21:].max() < 1e-5 * spectrum.max()


def test_more_than_256_positions_are_interpolated(tmp_path: Path) -> None:
    table = np.linspace(0, 1, 400)[:, None] * table_of(1, 2048)
    read = read_back(wavetable_wav(table), tmp_path)
    assert read.shape == (256, 2048)
    np.testing.assert_allclose(read, np.linspace(0, 1, 256)[:, None] * table_of(1, 2048), atol=1e-6)


def test_loudness_and_offset_do_not_matter(tmp_path: Path) -> None:
    table = table_of(3, 2048)
    np.testing.assert_allclose(read_back(wavetable_wav(7 * table + 2), tmp_path), table, atol=1e-6)


def test_file_has_the_chunks_that_synths_look_for() -> None:
    data = wavetable_wav(table_of(4, 1024))
    assert data[:4] == b"RIFF"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    start, chunks = 12, {}
    while start < len(data):
        name, size = data[start : start + 4], struct.unpack("<I", data[start + 4 : start + 8])[0]
        chunks[name] = data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2
    assert list(chunks) == [b"fmt ", b"fact", b"clm ", b"data"]
    assert chunks[b"clm "].startswith(b"<!>2048 10000000 ")
    assert len(chunks[b"data"]) == 4 * 2048 * 4
    info = soundfile.info(io.BytesIO(data))
    assert (info.channels, info.subtype, info.frames) == (1, "FLOAT", 4 * 2048)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((1, 64)), "two or more cycles of finite values; got 1 cycles"),
        (np.array([[0.0, np.nan], [1.0, 0.0]]), "1 values that are not finite"),
        (np.ones((4, 64)), "all cycles of this one are silent"),
    ],
)
def test_tables_without_sound_are_refused(table: Float[ndarray, "position sample"], message: str) -> None:
    with pytest.raises(DataError, match=message):
        wavetable_wav(table)
