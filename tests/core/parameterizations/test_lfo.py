"""Oscillators: bounds, known settings reproduced, and the curriculum."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.errors import ConfigError
from core.ops.lfo import SHAPES, waveform
from core.parameterizations.lfo import INITIAL_LEVEL, Lfo
from core.seeding import generator
from core.settings.rules import check
from tests.support.configs import configured

N_FRAMES, FRAME_RATE = 126, 125.0


def lfo_of(*, sharpness: float = 0.9, max_rate_hz: float = 20.0) -> Lfo:
    return Lfo(N_FRAMES, FRAME_RATE, min_rate_hz=0.5, max_rate_hz=max_rate_hz, sharpness=sharpness)


def logits_of(frames: Tensor, low: float, high: float, shape: int) -> Tensor:
    """Logits of a frame-wise curve, two levels and a shape."""
    logits = torch.zeros(*frames.shape, 3 + len(SHAPES))
    logits[..., 0] = torch.logit(frames)
    for place, (level, sign) in enumerate(((low, 1), (high, -1)), 1):
        logits[..., place] = math.atanh((level - 0.5) / (0.5 * (1 - 1e-3))) + sign * INITIAL_LEVEL
    logits[..., 3 + shape] = 30.0
    return logits


@given(st.floats(0.1, 1000.0), st.floats(0.01, 0.999), st.integers(0, 1000))
@settings(max_examples=20)
def test_curve_stays_in_bounds(scale: float, sharpness: float, seed: int) -> None:
    logits = scale * torch.randn(2, 3, N_FRAMES, 8, generator=generator(seed, "logits"))
    curve = lfo_of(sharpness=sharpness)(logits)
    assert bool(curve.isfinite().all())
    assert 0 <= float(curve.min()) <= float(curve.max()) <= 1


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_an_oscillation_is_reproduced_from_its_frames(shape: int) -> None:
    rates = torch.tensor([2.5, 4.0, 7.3])
    phases = torch.tensor([0.3, 2.0, 4.5])
    angle = 2 * math.pi * rates[:, None] * torch.arange(N_FRAMES) / FRAME_RATE + phases[:, None]
    weights = torch.eye(len(SHAPES))[shape].expand(3, -1)
    frames = (0.5 + 0.3 * waveform(angle.sin(), angle.cos(), weights, 0.9))[:, None]
    logits = logits_of(frames, 0.2, 0.8, shape)
    torch.testing.assert_close(lfo_of().rate_hz(logits)[:, 0], rates, rtol=0.03, atol=0)
    assert float((lfo_of()(logits) - frames).abs().mean()) < 0.02


def test_the_curriculum_begins_with_the_frames_themselves() -> None:
    logits = torch.randn(2, 3, N_FRAMES, 8, generator=generator(0, "logits"))
    lfo = lfo_of()
    torch.testing.assert_close(lfo(logits, 1.0), torch.sigmoid(logits[..., 0]))
    torch.testing.assert_close(lfo(logits, 0.25), 0.75 * lfo(logits) + 0.25 * torch.sigmoid(logits[..., 0]))


def test_rates_that_frames_or_clips_cannot_show_are_refused() -> None:
    lfo = "parameterization.kind=lfo"
    check(configured(lfo, "parameterization.max_rate_hz=32"))
    for wrong in ("max_rate_hz=33", "min_rate_hz=0.2", "min_rate_hz=20", "max_rate_hz=0.5"):
        with pytest.raises(ConfigError, match=r"an LFO needs 0.25 <= min_rate_hz < max_rate_hz <= 32"):
            check(configured(lfo, f"parameterization.{wrong}"))
