"""Dominant rates of curves, and their comparison with declared rates."""

import math

import pytest
import torch
from torch import Tensor

from core.metrics.lfo import chance_rate_match, rate_match
from core.metrics.rates import dominant_rate_hz
from core.parameterizations.random_spline import RandomSpline
from core.seeding import generator

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


def declared_rates(n_clips: int) -> Tensor:
    """Log-uniform in 2..8 Hz, as of rendered LFOs."""
    return 2 * 4 ** torch.rand(n_clips, generator=generator(0, "rates"))


def test_the_modulation_that_the_lfo_moves_matches_and_the_others_do_not() -> None:
    lfo_hz = declared_rates(20)
    time = torch.arange(round(3 * FRAME_RATE) + 1) / FRAME_RATE
    moved = 0.5 + 0.3 * torch.sin(2 * math.pi * lfo_hz[:, None] * time + 1)
    ramp, still = (time / 3).expand_as(moved), torch.full_like(moved, 0.5)
    matches = rate_match(torch.stack([ramp, still, moved], 1), lfo_hz, FRAME_RATE)
    assert matches.mean(0).tolist() == [0, 0, 1]


def test_chance_of_a_match_by_curves_that_ignore_the_sound() -> None:
    """Random splines, noise and constants rarely match; perfect curves of other sounds as often as rates are near."""
    lfo_hz = declared_rates(300)
    time = torch.arange(round(3 * FRAME_RATE) + 1) / FRAME_RATE
    shape = (300, 1, len(time))
    guesses = {
        "spline of 24 segments": RandomSpline(len(time), 24, 3)(300, 1, generator(0, "splines")),
        "frames": torch.rand(shape, generator=generator(0, "frames")),
        "constant": torch.full(shape, 0.5),
        "sines": 0.5 + 0.3 * torch.sin(2 * math.pi * lfo_hz[:, None, None] * time),
    }
    matches = {name: float(rate_match(curve, lfo_hz, FRAME_RATE).mean()) for name, curve in guesses.items()}
    chance = {name: float(chance_rate_match(curve, lfo_hz, FRAME_RATE)) for name, curve in guesses.items()}
    assert matches["constant"] == chance["constant"] == matches["frames"] == chance["frames"] == 0
    assert matches["spline of 24 segments"] == pytest.approx(chance["spline of 24 segments"], abs=0.03)
    assert chance["spline of 24 segments"] < 0.1
    assert matches["sines"] == 1
    # Rates are log-uniform over ln 4, and those within 15 % lie in about 0.3 of it.
    assert chance["sines"] == pytest.approx(0.3 / math.log(4), abs=0.04)


def test_chance_needs_two_declared_rates() -> None:
    curves = sines(4.0, 2.0)[:3, None]
    assert chance_rate_match(curves, torch.tensor([4.0, torch.nan, torch.nan]), FRAME_RATE).isnan().all()
    assert chance_rate_match(curves, torch.tensor([4.0, torch.nan, 8.0]), FRAME_RATE).tolist() == [0.5]
