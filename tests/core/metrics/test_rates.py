"""Dominant rates of curves whose rate is known, and of curves that have none."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from core.metrics.rates import dominant_rate_hz

FRAME_RATE = 125.0


def time_of(duration_s: float = 1.0) -> Tensor:
    return torch.arange(round(duration_s * FRAME_RATE) + 1) / FRAME_RATE


def sine(rate_hz: float, phase: float = 0.0, duration_s: float = 1.0) -> Tensor:
    return 0.5 + 0.4 * torch.sin(2 * math.pi * (rate_hz * time_of(duration_s) + phase))


@pytest.mark.parametrize(("rate_hz", "error"), [(2.0, 0.12), (2.7, 0.05), (5.8, 0.01), (11.3, 0.01), (30.0, 0.01)])
@pytest.mark.parametrize("phase", [0.0, 0.13, 0.25, 0.6])
def test_the_rate_of_a_sine_is_found(rate_hz: float, error: float, phase: float) -> None:
    # Few cycles look like a trend to some extent, which bends the spectrum.
    assert float(dominant_rate_hz(sine(rate_hz, phase), FRAME_RATE)) == pytest.approx(rate_hz, rel=error)


@pytest.mark.parametrize("rate_hz", [3.3, 7.0])
def test_the_rate_of_other_shapes_is_that_of_their_fundamental(rate_hz: float) -> None:
    phase = (rate_hz * time_of(2.0)) % 1
    shapes = torch.stack([phase, (phase < 0.5).float(), (2 * phase - 1).abs()])
    assert dominant_rate_hz(shapes, FRAME_RATE).tolist() == pytest.approx([rate_hz] * 3, rel=0.05)


def test_neither_trend_nor_offset_nor_scale_changes_the_rate() -> None:
    curve = sine(4.4)
    expected = float(dominant_rate_hz(curve, FRAME_RATE))
    for changed in (curve + 3, 0.05 * curve, -curve, curve + 0.8 * time_of()):
        assert float(dominant_rate_hz(changed, FRAME_RATE)) == pytest.approx(expected, rel=0.01)


def test_curves_without_an_oscillation_have_no_rate() -> None:
    time = time_of()
    noise = torch.tensor(np.random.default_rng(0).uniform(size=(20, len(time))))
    still = torch.stack(
        [torch.full_like(time, 0.5), time, torch.exp(-3 * time), sine(0.8), sine(4.0) * 1e-5, time + 0.1 * sine(5.0)]
    )
    assert dominant_rate_hz(still, FRAME_RATE).isnan().all()
    assert dominant_rate_hz(noise, FRAME_RATE).isnan().all()


def test_undefined_frames_and_short_curves_have_no_rate() -> None:
    curve = sine(4.0)
    curve[3] = torch.nan
    assert dominant_rate_hz(curve, FRAME_RATE).isnan()
    assert dominant_rate_hz(sine(4.0)[:5], FRAME_RATE).isnan()


def test_curves_of_a_batch_do_not_depend_on_each_other() -> None:
    curves = torch.stack([torch.stack([sine(3.0), sine(5.0)]), torch.stack([sine(8.0), time_of()])])
    rates = dominant_rate_hz(curves, FRAME_RATE)
    assert rates.shape == (2, 2)
    for index in np.ndindex(2, 2):
        alone = dominant_rate_hz(curves[index], FRAME_RATE)
        torch.testing.assert_close(rates[index], alone, equal_nan=True)
