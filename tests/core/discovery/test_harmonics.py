"""Levels of harmonics and the tuning of a pitch against sounds whose harmonics are known."""

import math

import pytest
import torch
from torch import Tensor

from core.discovery.harmonics import harmonic_levels, n_harmonics, tuned
from core.discovery.starts import cycle_of, level_curve, logits_of, timbre_curve
from core.parameterizations.low_pass import LowPass
from core.parameterizations.spline import Spline
from core.seeding import generator

RATE = 16_000


def harmonic_sound(f0_hz: float, amplitudes: list[float], seconds: float = 1.0) -> Tensor:
    time_s = torch.arange(round(RATE * seconds), dtype=torch.float64) / RATE
    waves = [a * torch.sin(2 * math.pi * f0_hz * (k + 1) * time_s + k) for k, a in enumerate(amplitudes)]
    return torch.stack(waves).sum(0).float()


def test_levels_are_the_amplitudes_of_the_harmonics() -> None:
    levels = harmonic_levels(harmonic_sound(200.0, [0.5, 0.25, 0.0, 0.1]), RATE, 200.0, 4, 80)
    middle = levels[50:150].mean(0)
    torch.testing.assert_close(middle, torch.tensor([0.5, 0.25, 0.0, 0.1]), atol=0.01, rtol=0.02)


@pytest.mark.parametrize("cents", [-25.0, 0.0, 12.0, 30.0])
def test_a_pitch_is_tuned_to_the_cent(cents: float) -> None:
    sound = harmonic_sound(220.0 * 2 ** (cents / 1200), [0.5, 0.4, 0.3, 0.2, 0.1])
    assert 1200 * math.log2(tuned(sound, RATE, 220.0) / 220.0) == pytest.approx(cents, abs=1.0)


def test_noise_is_not_tuned() -> None:
    noise = torch.randn(RATE, generator=generator(0, "noise"))
    assert abs(1200 * math.log2(tuned(noise, RATE, 220.0) / 220.0)) <= 40


def test_harmonics_stay_below_nyquist_and_within_the_table() -> None:
    assert n_harmonics(1000.0, RATE, 2048) == 7
    assert n_harmonics(50.0, RATE, 64) == 31
    assert n_harmonics(7900.0, RATE, 2048) == 1


def test_a_cycle_has_the_amplitudes_of_the_loud_frames() -> None:
    levels = torch.zeros(10, 3)
    levels[2:] = torch.tensor([0.5, 0.25, 0.125])
    spectrum = torch.fft.rfft(cycle_of(levels, 256)).abs() / 128
    torch.testing.assert_close(spectrum[1:4], levels[-1], atol=1e-5, rtol=1e-4)
    assert spectrum[4:].max() < 1e-5


def test_the_level_follows_the_sound_and_the_timbre_what_an_estimate_lacks() -> None:
    n, move = 100, torch.linspace(0, 1, 100)
    target = torch.stack([torch.ones(n), 0.1 + 0.9 * move, 1.0 - 0.9 * move], 1)
    assert level_curve(target * move[:, None])[-1] == 1.0
    found = timbre_curve(target, torch.ones(n, 3))
    assert abs(torch.corrcoef(torch.stack([found, move]))[0, 1]) > 0.95
    assert found.min() >= 0.1 - 1e-6
    assert found.max() <= 0.9 + 1e-6


@pytest.mark.parametrize(
    "parameterization", [LowPass(201, 16.0, 200.0), Spline(201, 16, 3)], ids=["low-pass", "spline"]
)
def test_logits_of_a_curve_give_the_curve_back(parameterization: LowPass | Spline) -> None:
    time = torch.linspace(0, 1, 201)
    curves = torch.stack([0.5 + 0.3 * torch.sin(2 * math.pi * 2 * time), 0.2 + 0.6 * time])[None]
    logits = logits_of(parameterization, curves)
    assert (parameterization(logits) - curves)[..., 4:-4].abs().max() < 0.05
