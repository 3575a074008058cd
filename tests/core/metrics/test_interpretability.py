"""Interpretability of a curve: known answers, invariance to scale, and flat curves."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.metrics.base import CurveProperty
from core.metrics.interpretability import (
    DOMINANT_RATE,
    saturation,
    spectral_entropy,
    total_variation,
    turning_points,
    value_range,
)
from core.seeding import generator

SHAPES: tuple[Callable[[Tensor], Tensor], ...] = (turning_points, spectral_entropy)


def sine(cycles: float, n_frames: int = 501) -> Tensor:
    return 0.5 + 0.4 * torch.sin(2 * math.pi * cycles * torch.linspace(0, 1, n_frames))


def test_ramp_sweeps_once() -> None:
    ramp = torch.linspace(0.2, 0.7, 126)
    assert float(total_variation(ramp, 125.0)) == pytest.approx(1.0, abs=1e-5)
    assert float(turning_points(ramp)) == 0
    assert float(value_range(ramp)) == pytest.approx(0.5)


@pytest.mark.parametrize("n_frames", [126, 501, 1501])
def test_total_variation_per_second_does_not_depend_on_the_frame_rate(n_frames: int) -> None:
    assert float(total_variation(sine(3, n_frames), n_frames - 1.0)) == pytest.approx(6, rel=0.01)


def test_sine_has_one_spectral_line_and_two_turns_a_cycle() -> None:
    noise = torch.rand(500, generator=generator(0, "noise"))
    assert float(spectral_entropy(sine(5)[:-1])) < 0.15
    assert float(spectral_entropy(noise)) > 0.8
    assert float(turning_points(sine(5))) == pytest.approx(10 / 499)


@pytest.mark.parametrize(("n_frames", "expected"), [(129, 0.152), (1501, 0.096)])
def test_a_sine_has_the_entropy_of_two_lines_its_own_and_that_of_its_mean(n_frames: int, expected: float) -> None:
    time = torch.arange(n_frames) / n_frames
    entropy = float(spectral_entropy(0.5 + 0.4 * torch.sin(2 * math.pi * 3 * time)))
    assert entropy == pytest.approx((math.log(3) - 2 / 3 * math.log(2)) / math.log(n_frames // 2 + 1), abs=1e-3)
    assert entropy == pytest.approx(expected, abs=1e-3)
    between_cycles = float(spectral_entropy(0.5 + 0.4 * torch.sin(2 * math.pi * 3.5 * time)))
    assert entropy + 0.1 < between_cycles < 0.65


def test_the_dominant_rate_is_that_of_the_sine_and_that_of_a_ramp_is_undefined() -> None:
    function = DOMINANT_RATE.compute
    assert isinstance(function, CurveProperty)
    curves = torch.stack([sine(4.0, 129), torch.linspace(0, 1, 129)])[None]
    rates = function.function(curves, 128.0)
    assert float(rates[0, 0]) == pytest.approx(4, rel=0.02)
    assert math.isnan(float(rates[0, 1]))


def test_shape_of_a_flat_curve_is_undefined_but_its_range_is_not() -> None:
    flat = 0.5 + 0.02 * torch.rand(2, 100, generator=generator(0, "flat"))
    for metric in SHAPES:
        assert bool(metric(flat).isnan().all())
    assert bool(total_variation(flat, 125.0).isnan().all())
    assert float(value_range(flat).max()) < 0.02


@given(st.floats(0.1, 1.0), st.floats(-1.0, 1.0))
def test_shape_does_not_depend_on_scale_and_offset(scale: float, offset: float) -> None:
    curve = sine(2.3)
    moved = scale * curve + offset
    for metric in SHAPES:
        assert float(metric(moved)) == pytest.approx(float(metric(curve)), rel=1e-2)
    assert float(total_variation(moved, 125.0)) == pytest.approx(float(total_variation(curve, 125.0)), rel=1e-2)


def test_saturation_is_the_share_of_frames_at_either_end() -> None:
    curve = torch.tensor([0.0, 0.005, 0.5, 0.5, 0.995, 1.0, 0.02, 0.98])
    assert float(saturation(curve)) == 0.5
    assert float(saturation(torch.full((10,), 0.5))) == 0
