import struct

import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import resample

from core.errors import ConfigError, DataError
from core.wavetables import BUILTIN_WAVETABLES, load_wavetable, wavetable_sha256

NAMES = list(BUILTIN_WAVETABLES)


def write_wavetable(path, rows, chunk=None):
    """A 32-bit float wav of rows one after another, with a `clm ` chunk where its text is given."""
    soundfile.write(path, np.concatenate(rows), 44_100, subtype="FLOAT")
    if chunk is not None:
        data = path.read_bytes()
        marked = data[12:] + b"clm " + struct.pack("<I", len(chunk)) + chunk + b"\0" * (len(chunk) % 2)
        path.write_bytes(b"RIFF" + struct.pack("<I", len(marked) + 4) + b"WAVE" + marked)


def sines(n_rows, length):
    phase = 2 * np.pi * np.arange(length) / length
    return [np.sin((k + 1) * phase) for k in range(n_rows)]


def test_there_are_ten_builtin_tables():
    assert len(NAMES) == 10
    assert all(table.prose for table in BUILTIN_WAVETABLES.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_builtin_table_is_zero_mean_normalised_and_periodic(name):
    table = load_wavetable(name)
    assert table.shape == (64, 1024)
    assert table.dtype == torch.float32
    assert table.mean(dim=1).abs().max() < 1e-6
    assert table.abs().max() == 1.0
    inside = table.diff(dim=1).abs().amax(dim=1)
    seam = (table[:, 0] - table[:, -1]).abs()
    assert bool((seam <= 1.2 * inside + 1e-6).all())


@pytest.mark.parametrize("name", NAMES)
def test_a_builtin_table_moves_in_small_steps_and_arrives_elsewhere(name):
    table = load_wavetable(name).double()
    loudness = table.square().mean(dim=1).sqrt()
    steps = table.diff(dim=0).square().mean(dim=1).sqrt() / loudness.mean()
    assert steps.max() < 0.5
    assert steps.min() > 1e-3
    assert loudness.min() > 0.3 * loudness.max()
    spectrum = torch.fft.rfft(table).abs()
    assert (spectrum[0] - spectrum[-1]).norm() > 0.4 * spectrum[0].norm()


def test_builtin_tables_are_different_in_kind():
    spectra = torch.stack([torch.fft.rfft(load_wavetable(name)).abs().flatten() for name in NAMES])
    spectra = spectra / spectra.norm(dim=1, keepdim=True)
    likeness = spectra @ spectra.T - torch.eye(len(NAMES))
    assert likeness.max() < 0.97


def test_sine_to_saw_is_a_sine_and_then_a_saw():
    spectrum = torch.fft.rfft(load_wavetable("sine_to_saw").double()).abs()
    assert spectrum[0, 2:].max() < 1e-4 * spectrum[0, 1]
    harmonics = torch.arange(1, 11)
    torch.testing.assert_close(spectrum[-1, 1:11] / spectrum[-1, 1], 1 / harmonics.double(), rtol=5e-3, atol=0)


def test_pulse_width_has_the_harmonics_of_a_pulse():
    spectrum = torch.fft.rfft(load_wavetable("pulse_width").double()).abs()
    for row in (0, 20, 63):
        duty = 0.5 - 0.45 * row / 63
        ratio = abs(np.sin(2 * np.pi * duty)) / 2 / np.sin(np.pi * duty)
        assert float(spectrum[row, 2] / spectrum[row, 1]) == pytest.approx(ratio, abs=1e-3)


def test_saw_to_square_ends_without_even_harmonics():
    spectrum = torch.fft.rfft(load_wavetable("saw_to_square").double()).abs()
    assert spectrum[-1, 2:255:2].max() < 1e-4 * spectrum[-1, 1]


def test_a_loaded_table_is_a_copy():
    load_wavetable("drawbars").zero_()
    assert load_wavetable("drawbars").abs().max() == 1.0


def test_hashes_name_contents(tmp_path):
    assert len({wavetable_sha256(name) for name in NAMES}) == 10
    one, other = tmp_path / "one.wav", tmp_path / "other.wav"
    write_wavetable(one, sines(4, 2048))
    write_wavetable(other, sines(4, 2048))
    assert wavetable_sha256(str(one)) == wavetable_sha256(str(other))
    write_wavetable(other, sines(5, 2048))
    assert wavetable_sha256(str(one)) != wavetable_sha256(str(other))


def test_the_clm_chunk_tells_the_cycle_length(tmp_path):
    path = tmp_path / "table.wav"
    write_wavetable(path, sines(8, 600), b"<!>600 00000000 wavetable")
    table = load_wavetable(str(path))
    assert table.shape == (8, 600)
    np.testing.assert_allclose(table.numpy(), np.stack(sines(8, 600)), atol=1e-4)


@pytest.mark.parametrize(("n_samples", "shape"), [(4 * 2048, (4, 2048)), (6 * 1024, (3, 2048)), (7 * 512, (7, 512))])
def test_without_a_chunk_the_cycle_is_2048_or_the_largest_power_that_divides(tmp_path, n_samples, shape):
    path = tmp_path / "table.wav"
    write_wavetable(path, [np.sin(np.arange(n_samples))])
    assert load_wavetable(str(path)).shape == shape


@pytest.mark.parametrize(
    ("rows", "chunk", "message"),
    [
        (sines(3, 1000), None, "must divide into whole cycles"),
        (sines(3, 1000), b"<!>2048 x", "clm chunk says 2048"),
        (sines(20, 100), b"<!>100 x", "256 to 4096"),
        (sines(1, 2048), None, "at least 2 cycles"),
        ([np.zeros(8192)], None, "silent or broken"),
        ([np.full(8192, np.nan)], None, "silent or broken"),
    ],
)
def test_a_wav_that_is_no_wavetable_is_refused_with_the_rule(tmp_path, rows, chunk, message):
    path = tmp_path / "table.wav"
    write_wavetable(path, rows, chunk)
    with pytest.raises(DataError, match=message):
        load_wavetable(str(path))


def test_a_broken_file_and_an_unknown_name_are_refused(tmp_path):
    path = tmp_path / "table.wav"
    path.write_bytes(b"not sound at all")
    with pytest.raises(DataError, match="cannot read the wavetable"):
        load_wavetable(str(path))
    with pytest.raises(ConfigError, match="built in are sine_to_saw"):
        load_wavetable("saw")
    with pytest.raises(ConfigError, match="a wavetable is"):
        load_wavetable("")


def test_single_cycles_are_taken_by_name_and_brought_to_one_length(tmp_path):
    for name, length in (("b", 336), ("a", 372), ("c", 350)):
        soundfile.write(tmp_path / f"{name}.wav", 0.5 * sines(2, length)[1], 44_100, subtype="FLOAT")
    table = load_wavetable(str(tmp_path))
    assert table.shape == (3, 512)
    # A resampled sine is a sine of the new length: the cycle stays periodic.
    np.testing.assert_allclose(table.numpy(), np.stack([sines(2, 512)[1]] * 3), atol=1e-3)


def test_single_cycles_of_one_length_stay_as_they_are(tmp_path):
    for name, row in zip("ab", sines(2, 300), strict=True):
        soundfile.write(tmp_path / f"{name}.wav", row, 44_100, subtype="FLOAT")
    np.testing.assert_allclose(load_wavetable(str(tmp_path)).numpy(), np.stack(sines(2, 300)), atol=1e-4)


def test_a_folder_that_holds_more_than_cycles_is_refused(tmp_path):
    with pytest.raises(DataError, match="has none"):
        load_wavetable(str(tmp_path))
    soundfile.write(tmp_path / "loop.wav", np.ones(5000) * 0.1, 44_100)
    with pytest.raises(DataError, match="a single cycle has 8 to 4096 samples"):
        load_wavetable(str(tmp_path))


def test_fourier_resampling_is_the_one_of_scipy(tmp_path):
    rng = np.random.default_rng(0)
    rows = [rng.uniform(-0.5, 0.5, 100), rng.uniform(-0.5, 0.5, 200)]
    for name, row in zip("ab", rows, strict=True):
        soundfile.write(tmp_path / f"{name}.wav", row - row.mean(), 44_100, subtype="FLOAT")
    expected = np.stack([resample(row - row.mean(), 256) for row in rows])
    np.testing.assert_allclose(load_wavetable(str(tmp_path)), expected / np.abs(expected).max(), atol=1e-5)
