"""Wavetables from files: length of a cycle, folders of single cycles, and invalid files."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import resample

from core.errors import ConfigError, DataError
from core.wavetables import load_wavetable, wavetable_sha256

Rows = Sequence[Float[ndarray, " sample"]]


def write_wavetable(path: Path, rows: Rows, chunk: bytes | None = None) -> None:
    """A 32-bit float wav of rows one after another, with a `clm ` chunk if its text is given."""
    soundfile.write(path, np.concatenate(rows), 44_100, subtype="FLOAT")
    if chunk is not None:
        data = path.read_bytes()
        marked = data[12:] + b"clm " + struct.pack("<I", len(chunk)) + chunk + b"\0" * (len(chunk) % 2)
        path.write_bytes(b"RIFF" + struct.pack("<I", len(marked) + 4) + b"WAVE" + marked)


def sines(n_rows: int, length: int) -> Rows:
    phase = 2 * np.pi * np.arange(length) / length
    return [np.sin((k + 1) * phase) for k in range(n_rows)]


def test_hash_follows_the_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one.wav", tmp_path / "other.wav"
    write_wavetable(one, sines(4, 2048))
    write_wavetable(other, sines(4, 2048))
    assert wavetable_sha256(str(one)) == wavetable_sha256(str(other))
    write_wavetable(other, sines(5, 2048))
    assert wavetable_sha256(str(one)) != wavetable_sha256(str(other))


def test_clm_chunk_has_the_length_of_a_cycle(tmp_path: Path) -> None:
    path = tmp_path / "table.wav"
    write_wavetable(path, sines(8, 600), b"<!>600 00000000 wavetable")
    table = load_wavetable(str(path))
    assert table.shape == (8, 600)
    np.testing.assert_allclose(table.numpy(), np.stack(sines(8, 600)), atol=1e-4)


@pytest.mark.parametrize(("n_samples", "shape"), [(4 * 2048, (4, 2048)), (6 * 1024, (3, 2048)), (7 * 512, (7, 512))])
def test_without_a_chunk_a_cycle_has_2048_samples_or_the_largest_power_that_divides(
    n_samples: int, shape: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "table.wav"
    write_wavetable(path, [np.sin(np.arange(n_samples))])
    assert load_wavetable(str(path)).shape == shape


@pytest.mark.parametrize(
    ("rows", "chunk", "message"),
    [
        (sines(3, 1000), None, "must divide into whole cycles"),
        (sines(3, 1000), b"<!>2048 x", "clm chunk .*2048"),
        (sines(20, 100), b"<!>100 x", "256 to 4096"),
        (sines(1, 2048), None, "2 to 4096 cycles"),
        ([np.zeros(8192)], None, "silent or broken"),
        ([np.full(8192, np.nan)], None, "broken: contains NaN"),
    ],
)
def test_wav_that_is_no_wavetable_is_refused_with_the_rule(
    rows: Rows, chunk: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "table.wav"
    write_wavetable(path, rows, chunk)
    with pytest.raises(DataError, match=message):
        load_wavetable(str(path))


def test_broken_files_and_unknown_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.wav"
    path.write_bytes(b"not sound at all")
    with pytest.raises(DataError, match="cannot read the wavetable"):
        load_wavetable(str(path))
    with pytest.raises(ConfigError, match="built in are sine_to_saw"):
        load_wavetable("saw")
    with pytest.raises(ConfigError, match="a wavetable is"):
        load_wavetable("")


def test_single_cycles_are_sorted_by_name_and_resampled_to_one_length(tmp_path: Path) -> None:
    for name, length in (("b", 336), ("a", 372), ("c", 350)):
        soundfile.write(tmp_path / f"{name}.wav", 0.5 * sines(2, length)[1], 44_100, subtype="FLOAT")
    table = load_wavetable(str(tmp_path))
    assert table.shape == (3, 512)
    # A resampled sine is a sine of the new length: the cycle stays periodic.
    np.testing.assert_allclose(table.numpy(), np.stack([sines(2, 512)[1]] * 3), atol=1e-3)


def test_single_cycles_of_one_length_stay_as_they_are(tmp_path: Path) -> None:
    for name, row in zip("ab", sines(2, 300), strict=True):
        soundfile.write(tmp_path / f"{name}.wav", row, 44_100, subtype="FLOAT")
    np.testing.assert_allclose(load_wavetable(str(tmp_path)).numpy(), np.stack(sines(2, 300)), atol=1e-4)


def test_folder_that_holds_more_than_cycles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has none"):
        load_wavetable(str(tmp_path))
    soundfile.write(tmp_path / "loop.wav", np.ones(5000) * 0.1, 44_100)
    with pytest.raises(DataError, match="a single cycle has 8 to 4096 samples"):
        load_wavetable(str(tmp_path))


def test_resampling_equals_scipy(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.uniform(-0.5, 0.5, 100), rng.uniform(-0.5, 0.5, 200)]
    for name, row in zip("ab", rows, strict=True):
        soundfile.write(tmp_path / f"{name}.wav", row - row.mean(), 44_100, subtype="FLOAT")
    expected = np.stack([resample(row - row.mean(), 256) for row in rows])
    np.testing.assert_allclose(load_wavetable(str(tmp_path)), expected / np.abs(expected).max(), atol=1e-5)
