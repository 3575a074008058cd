"""Dominant rates of curves, and their comparison with declared rates."""

import math

import pytest
import torch
from torch import Tensor

from core.metrics.lfo import rate_match
from core.metrics.rates import dominant_rate_hz

FRAME_RATE = 125.0


def sines(rate_hz: float, duration_s: float, *, drift: float = 0.0) -> Tensor:
    """Sines of 16 phases around 0.5, which drift by a share of the range."""
    time = torch.arange(round(duration_s * FRAME_RATE) + 1) / FRAME_RATE
    phase = torch.linspace(0, 2 * math.pi, 16)[:, None]
    return 0.5 + 0.25 * torch.sin(2 * math.pi * rate_hz * time + phase) + drift * (time / duration_s - 0.5)


@pytest.mark.parametrize("duration_s", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("rate_hz", [0.5, 0.83, 1.0, 2.0, 3.7, 5.8, 12.0, 20.0])
def test_the_rate_of_two_or_more_cycles_is_found_to_within_2_percent(rate_hz: float, duration_s: float) -> None:
    if rate_hz * duration_s < 2:
        assert (dominant_rate_hz(sines(0.5 / duration_s, duration_s), FRAME_RATE).isnan()).all()
        return
    for drift in (0.0, 0.5):
        found = dominant_rate_hz(sines(rate_hz, duration_s, drift=drift), FRAME_RATE)
        torch.testing.assert_close(found, torch.full_like(found, rate_hz), rtol=0.02, atol=0)


def test_a_drawn_lfo_has_the_rate_of_its_cycle() -> None:
    time = torch.arange(251) / FRAME_RATE
    triangle = (2 * ((3.0 * time) % 1) - 1).abs()
    saw = (4.0 * time) % 1
    assert dominant_rate_hz(torch.stack([triangle, saw]), FRAME_RATE).tolist() == pytest.approx([3.0, 4.0], rel=0.02)


def test_flat_curves_ramps_and_noise_have_no_rate() -> None:
    noise = torch.rand(8, 251, generator=torch.Generator().manual_seed(0))
    curves = torch.cat([torch.full((1, 251), 0.5), torch.linspace(0, 1, 251)[None], noise])
    assert dominant_rate_hz(curves, FRAME_RATE).isnan().all()


@pytest.mark.parametrize(("declared_hz", "match"), [(4.0, 1), (3.6, 1), (4.6, 1), (3.4, 0), (4.9, 0), (8.0, 0)])
def test_a_rate_matches_within_15_percent_of_the_declared_one(declared_hz: float, match: int) -> None:
    curves = sines(4.0, 2.0)[:, None]
    assert rate_match(curves, torch.full((16,), declared_hz), FRAME_RATE).tolist() == [[match]] * 16


def test_a_flat_curve_does_not_match_and_an_undeclared_rate_is_undefined() -> None:
    curves = torch.stack([torch.full((2, 251), 0.5), sines(4.0, 2.0)[:2]])
    matches = rate_match(curves, torch.tensor([4.0, torch.nan]), FRAME_RATE)
    assert matches[0].tolist() == [0.0, 0.0]
    assert matches[1].isnan().all()
