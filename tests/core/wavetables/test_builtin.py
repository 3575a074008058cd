"""Built-in wavetables: normalised, periodic, smooth along the position, and different in kind."""

import numpy as np
import pytest
import torch

from core.wavetables import BUILTIN_WAVETABLES, load_wavetable, wavetable_sha256

NAMES = list(BUILTIN_WAVETABLES)


def test_there_are_ten_tables_with_a_description() -> None:
    assert len(NAMES) == 10
    assert all(table.description for table in BUILTIN_WAVETABLES.values())


@pytest.mark.parametrize("name", NAMES)
def test_table_has_zero_mean_and_peak_one_and_is_periodic(name: str) -> None:
    table = load_wavetable(name)
    assert table.shape == (64, 1024)
    assert table.dtype == torch.float32
    assert float(table.mean(dim=1).abs().max()) < 1e-6
    assert float(table.abs().max()) == 1.0
    inside = table.diff(dim=1).abs().amax(dim=1)
    seam = (table[:, 0] - table[:, -1]).abs()
    assert bool((seam <= 1.2 * inside + 1e-6).all())


@pytest.mark.parametrize("name", NAMES)
def test_table_moves_in_small_steps_and_ends_elsewhere(name: str) -> None:
    table = load_wavetable(name).double()
    loudness = table.square().mean(dim=1).sqrt()
    steps = table.diff(dim=0).square().mean(dim=1).sqrt() / torch.maximum(loudness[1:], loudness[:-1])
    # The narrow end of pulse_width has the largest, 0.29, because narrow pulses are quiet; all others are below 0.21.
    assert float(steps.max()) < (0.3 if name == "pulse_width" else 0.21)
    assert float(steps.min()) > 1e-3
    assert float(loudness.min()) > 0.3 * float(loudness.max())
    spectrum = torch.fft.rfft(table).abs()
    assert float((spectrum[0] - spectrum[-1]).norm()) > 0.4 * float(spectrum[0].norm())


def test_tables_are_different_in_kind() -> None:
    spectra = torch.stack([torch.fft.rfft(load_wavetable(name)).abs().flatten() for name in NAMES])
    spectra = spectra / spectra.norm(dim=1, keepdim=True)
    likeness = spectra @ spectra.T - torch.eye(len(NAMES))
    assert float(likeness.max()) < 0.97
    assert len({wavetable_sha256(name) for name in NAMES}) == 10


def test_sine_to_saw_is_a_sine_and_then_a_saw() -> None:
    spectrum = torch.fft.rfft(load_wavetable("sine_to_saw").double()).abs()
    assert float(spectrum[0, 2:].max()) < 1e-4 * float(spectrum[0, 1])
    harmonics = torch.arange(1, 11)
    torch.testing.assert_close(spectrum[-1, 1:11] / spectrum[-1, 1], 1 / harmonics.double(), rtol=5e-3, atol=0)


@pytest.mark.parametrize("row", [0, 20, 63])
def test_pulse_width_has_the_harmonics_of_a_pulse(row: int) -> None:
    spectrum = torch.fft.rfft(load_wavetable("pulse_width").double()).abs()
    duty = 0.5 - 0.45 * row / 63
    ratio = abs(np.sin(2 * np.pi * duty)) / 2 / np.sin(np.pi * duty)
    assert float(spectrum[row, 2] / spectrum[row, 1]) == pytest.approx(ratio, abs=1e-3)


def test_saw_to_square_ends_without_even_harmonics() -> None:
    spectrum = torch.fft.rfft(load_wavetable("saw_to_square").double()).abs()
    assert float(spectrum[-1, 2:255:2].max()) < 1e-4 * float(spectrum[-1, 1])


def test_loaded_table_is_a_copy() -> None:
    load_wavetable("drawbars").zero_()
    assert float(load_wavetable("drawbars").abs().max()) == 1.0
