"""Wavetable oscillators: exact phase, known sounds, comparison with a loop, and band limits."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from core.ops.table_read import band_limit, read_table
from core.seeding import generator
from core.synths.wavetable import LearnableWavetable, WavetableOscillator
from core.wavetables.builtin import BUILTIN_WAVETABLES, builtin_wavetable


def test_sine_table_plays_a_sine() -> None:
    cycle = torch.sin(2 * math.pi * torch.arange(1024) / 1024)
    oscillator = WavetableOscillator(cycle.expand(2, -1), 16_000, 125)
    audio = oscillator(torch.full((1, 33), 0.5), torch.tensor([261.6]), torch.tensor([0.1]), 4000)
    expected = np.sin(2 * np.pi * (0.1 + 261.6 * np.arange(4000) / 16_000))
    np.testing.assert_allclose(audio[0].numpy(), expected, atol=2e-5)


def test_read_equals_a_loop_and_wraps_around() -> None:
    draw = generator(0, "table")
    tables = torch.rand(1, 3, 8, dtype=torch.float64, generator=draw)
    position = torch.tensor([0.0, 0.3, 0.5, 0.99, 1.0], dtype=torch.float64)
    phase = torch.tensor([0.0, 0.45, 0.9375, 0.99, 0.2], dtype=torch.float64)
    # The first sample of five clips.
    audio = read_table(
        tables.expand(5, -1, -1), position[:, None].expand(-1, 2), torch.full((5,), 100.0), phase, 1, 16_000, 125
    )
    expected = []
    for place, cycle in zip(position.tolist(), phase.tolist(), strict=True):
        row, column = min(place * 2, 2), cycle * 8
        r0, c0 = min(int(row), 1), int(column)
        values = [
            (1 - column + c0) * float(tables[0, r, c0]) + (column - c0) * float(tables[0, r, (c0 + 1) % 8])
            for r in (r0, r0 + 1)
        ]
        expected.append((1 - row + r0) * values[0] + (row - r0) * values[1])
    np.testing.assert_allclose(audio[:, 0].numpy(), expected, atol=1e-12)


def test_gradient_in_table_and_position_equals_finite_differences() -> None:
    draw = generator(1, "gradient")
    tables = torch.rand(2, 4, 8, dtype=torch.float64, generator=draw, requires_grad=True)
    # Positions between the rows, at which the read has a corner.
    position = (torch.tensor([[0.2, 1.4, 2.7], [0.7, 1.1, 2.2]], dtype=torch.float64) / 3).requires_grad_()
    phase = torch.rand(2, dtype=torch.float64, generator=draw)
    f0_hz = torch.tensor([700.0, 1900.0])
    assert torch.autograd.gradcheck(lambda t, p: read_table(t, p, f0_hz, phase, 3, 16_000, 2), (tables, position))


@pytest.mark.parametrize(("length", "n_samples"), [(8, 32), (9, 40), (8, 8)])
def test_longer_cycles_go_through_the_same_samples_with_the_same_harmonics(length: int, n_samples: int) -> None:
    table = torch.randn(3, length, dtype=torch.float64, generator=generator(2, "table"), requires_grad=True)
    limited = band_limit(table, torch.tensor([100.0]), 16_000, n_samples)
    if n_samples % length == 0:
        torch.testing.assert_close(limited[0, :, :: n_samples // length], table)
    spectrum = torch.fft.rfft(limited[0].detach()).abs() / n_samples
    assert float(spectrum[:, length // 2 + 1 :].sum()) < 1e-12
    assert torch.autograd.gradcheck(lambda t: band_limit(t, torch.tensor([1500.0]), 16_000, n_samples), table)


def test_fewer_samples_than_a_table_has_are_refused() -> None:
    with pytest.raises(ValueError, match="no fewer samples per cycle than its own 8; got 4"):
        band_limit(torch.zeros(2, 8), torch.tensor([100.0]), 16_000, 4)


@pytest.mark.parametrize(("length", "sample_rate"), [(100, 16_000), (256, 16_000), (1024, 16_000), (1024, 48_000)])
@pytest.mark.parametrize("f0_hz", [27.5, 110.0, 523.25])
def test_a_white_learnable_table_has_images_below_minus_50_db(length: int, sample_rate: int, f0_hz: float) -> None:
    synth = LearnableWavetable(2, length, sample_rate, 125)
    nn.init.normal_(synth.table, generator=generator(3, "table"))
    assert images_db(synth, f0_hz) < -50


@pytest.mark.parametrize("name", BUILTIN_WAVETABLES)
def test_built_in_tables_are_quiet_enough_at_their_own_length(name: str) -> None:
    table = builtin_wavetable(name)
    oscillator = WavetableOscillator(table, 16_000, 125)
    assert oscillator.read_length == table.shape[1]
    assert images_db(oscillator, 27.5) < -50


def test_a_short_bright_frozen_table_is_read_at_a_greater_length() -> None:
    cycle = torch.linspace(1, -1, 64).expand(2, -1)
    oscillator = WavetableOscillator(cycle, 16_000, 125)
    assert oscillator.read_length == 256
    assert images_db(oscillator, 110.0) < -50


def images_db(oscillator: WavetableOscillator, f0_hz: float) -> float:
    """RMS of what is no harmonic of the last row's sound, relative to that sound, near a pitch.

    The number of samples is prime and there are whole cycles in it, so that no image falls on a harmonic.
    """
    n_samples = 4001
    n_cycles = max(1, round(f0_hz * n_samples / oscillator.sample_rate))
    pitch = torch.tensor([n_cycles * oscillator.sample_rate / n_samples], dtype=torch.float64)
    position = torch.ones(1, n_samples // oscillator.hop_length + 2)
    with torch.no_grad():
        audio = oscillator(position, pitch, torch.tensor([0.1]), n_samples)[0].double()
    power = torch.fft.rfft(audio).abs().square()
    harmonics = power[::n_cycles].sum()
    return 10 * math.log10(float((power.sum() - harmonics) / harmonics))


@pytest.mark.parametrize("f0_hz", [20.0, 110.0, 440.0, 4000.0])
def test_nothing_sounds_but_harmonics_below_nyquist(f0_hz: float) -> None:
    saw = torch.linspace(1, -1, 1024).expand(1, -1)
    limited = band_limit(saw, torch.tensor([f0_hz]), 16_000, 1024)[0, 0]
    magnitude = torch.fft.rfft(limited).abs()
    harmonic = torch.arange(513) * f0_hz
    assert float(magnitude[harmonic >= 8000].sum()) < 1e-3 * float(magnitude.sum())
    passed = harmonic <= 0.9 * 8000
    torch.testing.assert_close(magnitude[passed], torch.fft.rfft(saw[0]).abs()[passed], atol=1e-3, rtol=1e-4)
