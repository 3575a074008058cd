"""Low-frequency oscillators: rates and phases of known curves, and shapes."""

import math

import pytest
import torch
from torch import Tensor

from core.ops.lfo import SHAPES, fitted_phase, fitted_rate, frame_times, rate_bank, waveform
from core.seeding import generator

N_FRAMES, FRAME_RATE = 126, 125.0
RATES, BANK = rate_bank(N_FRAMES, FRAME_RATE, 0.5, 20.0)
TIME = frame_times(N_FRAMES, FRAME_RATE)


def oscillation(rate_hz: float, shape: int, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """An oscillation of a shape for each phase, and sine and cosine of its own phase."""
    angle = 2 * math.pi * rate_hz * TIME + phase[:, None]
    weights = torch.eye(len(SHAPES), dtype=torch.float64)[shape].expand(len(phase), -1)
    return waveform(angle.sin(), angle.cos(), weights, 0.95), angle.sin(), angle.cos()


PHASES = torch.linspace(0, 6, 9, dtype=torch.float64)


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
@pytest.mark.parametrize(
    ("rate_hz", "tolerance"), [(1.5, 0.08), (2.3, 0.04), (5.0, 0.02), (11.3, 0.005), (19.0, 0.005)]
)
def test_rate_of_every_shape_is_found_at_every_phase(shape: int, rate_hz: float, tolerance: float) -> None:
    wave, sine, cosine = oscillation(rate_hz, shape, PHASES)
    found = fitted_rate(0.5 + 0.3 * wave, RATES, BANK)
    assert float((found / rate_hz - 1).abs().max()) < tolerance
    own_sine, own_cosine = fitted_phase(wave, torch.full_like(PHASES, rate_hz), TIME)
    assert float((own_sine - sine).abs().max()) < 0.25
    assert float((own_cosine - cosine).abs().max()) < 0.25


def test_phase_of_a_sinusoid_is_exact() -> None:
    wave, sine, cosine = oscillation(3.21, 0, PHASES)
    own_sine, own_cosine = fitted_phase(0.4 + 0.1 * wave, torch.full_like(PHASES, 3.21), TIME)
    torch.testing.assert_close(own_sine, sine, atol=1e-8, rtol=0)
    torch.testing.assert_close(own_cosine, cosine, atol=1e-8, rtol=0)


def test_rate_is_found_in_noise() -> None:
    wave, _, _ = oscillation(4.4, 0, PHASES)
    noise = 0.5 * torch.randn(wave.shape, dtype=torch.float64, generator=generator(0, "noise"))
    assert float((fitted_rate(wave + noise, RATES, BANK) / 4.4 - 1).abs().max()) < 0.05


def test_flat_curves_have_finite_values_and_gradients() -> None:
    curve = torch.full((2, N_FRAMES), 0.5, dtype=torch.float64, requires_grad=True)
    sine, cosine = fitted_phase(curve, fitted_rate(curve, RATES, BANK), TIME)
    (gradient,) = torch.autograd.grad((sine + cosine).sum(), curve)
    assert bool(gradient.isfinite().all())
    assert bool(sine.isfinite().all())


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_shapes_reach_both_ends_and_are_in_phase_with_their_sine(shape: int) -> None:
    angle = torch.linspace(0, 2 * math.pi, 4001, dtype=torch.float64)[:-1]
    weights = torch.eye(len(SHAPES), dtype=torch.float64)[shape]
    wave = waveform(angle.sin()[None], angle.cos()[None], weights[None], 0.95)[0]
    assert float(wave.max()) == pytest.approx(1, abs=1e-5)
    assert float(wave.min()) == pytest.approx(-1, abs=1e-5)
    assert float((wave * angle.cos()).mean()) == pytest.approx(0, abs=1e-9)
    assert float((wave * angle.sin()).mean()) > 0.2


def test_sharp_shapes_are_those_that_synths_have() -> None:
    angle = torch.linspace(-math.pi, math.pi, 401, dtype=torch.float64)[1:-1]
    shapes = torch.eye(len(SHAPES), dtype=torch.float64)
    waves = waveform(angle.sin().expand(5, -1), angle.cos().expand(5, -1), shapes, 0.999)
    expected = {
        "triangle": 2 / math.pi * torch.asin(angle.sin()),
        "square": angle.sin().sign(),
        "rising saw": angle / math.pi,
    }
    for name, curve in expected.items():
        found = waves[SHAPES.index(name)]
        middle = (angle.abs() > 0.2) & (angle.abs() < math.pi - 0.2)
        assert float((found - curve)[middle].abs().max()) < 0.04, name


def test_gradients_of_rate_and_phase_equal_finite_differences() -> None:
    wave, _, _ = oscillation(2.7, 1, PHASES[:2])
    curve = (wave + 0.05 * torch.randn(wave.shape, dtype=torch.float64, generator=generator(1, "n"))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: fitted_rate(x, RATES, BANK), (curve,))
    rate = torch.tensor([2.7, 2.6], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, r: fitted_phase(x, r, TIME), (curve, rate))
