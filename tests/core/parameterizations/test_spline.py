"""Splines: bounds, gradients, both evaluations, the curriculum, and invalid sizes."""

from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.ops.bezier import evaluate
from core.parameterizations.spline import Spline
from core.seeding import generator
from core.settings.rules import check
from tests.support.configs import configured


@given(st.integers(1, 10), st.integers(1, 3), st.floats(0.1, 30.0), st.integers(0, 1000))
@settings(max_examples=40)
def test_curve_stays_in_bounds_and_knots_increase(n_segments: int, degree: int, scale: float, seed: int) -> None:
    spline = Spline(126, n_segments, degree)
    logits = scale * torch.randn(2, 3, spline.n_tokens, 2, generator=generator(seed, "logits"))
    x, _ = spline.control_points(logits)
    assert float(x.diff(dim=-1).min()) >= 0.9 * 0.05 / spline.n_intervals
    assert float(x[..., 0].abs().max()) == 0
    assert float((x[..., -1] - 1).abs().max()) == 0
    curve = spline(logits)
    assert curve.shape == (2, 3, 126)
    assert float(curve.min()) >= 0
    assert float(curve.max()) <= 1


def test_gradient_through_logits_equals_finite_differences() -> None:
    spline = Spline(40, 3, 3).double()
    logits = torch.randn(1, 2, 10, 2, dtype=torch.float64, generator=generator(3, "logits"), requires_grad=True)
    assert torch.autograd.gradcheck(spline, (logits,))


def test_forward_warp_evaluates_values_at_warped_time() -> None:
    spline = Spline(50, 4, 2, evaluation="forward_warp").double()
    logits = torch.randn(1, 1, 9, 2, dtype=torch.float64, generator=generator(4, "logits"))
    x, y = spline.control_points(logits)
    time = torch.linspace(0, 1, 50, dtype=torch.float64).expand(1, 1, -1)
    torch.testing.assert_close(spline(logits), evaluate(y, 2, evaluate(x, 2, time)))
    literal = Spline(50, 4, 2).double()
    assert float((literal(logits) - spline(logits)).abs().max()) > 1e-3


def test_both_evaluations_agree_on_equal_knots() -> None:
    evaluations: tuple[Literal["inverse"], Literal["forward_warp"]] = ("inverse", "forward_warp")
    logits = torch.randn(1, 1, 10, 2, dtype=torch.float64, generator=generator(5, "logits"))
    logits[..., 0] = 0
    literal, warped = (Spline(64, 3, 3, evaluation=how).double()(logits) for how in evaluations)
    torch.testing.assert_close(literal, warped, atol=1e-9, rtol=0)


def test_curriculum_straightens_segments_unless_it_is_off() -> None:
    spline = Spline(64, 3, 3)
    logits = torch.randn(1, 1, 10, 2, generator=generator(6, "logits"))
    x, y = spline.control_points(logits)
    straight = np.interp(spline.time.numpy(), x[0, 0, ::3].numpy(), y[0, 0, ::3].numpy())
    np.testing.assert_allclose(spline(logits, 1.0)[0, 0].numpy(), straight, atol=1e-5)
    assert np.abs(spline(logits)[0, 0].numpy() - straight).max() > 1e-2
    unaffected = Spline(64, 3, 3, chord_curriculum=False)
    assert torch.equal(unaffected(logits, 1.0), unaffected(logits))


def test_too_many_free_numbers_are_refused_with_the_largest_that_fits() -> None:
    with pytest.raises(ValueError, match=r"n_segments=24 of degree=3 have 145, over n_frames=126; lower.* to 20"):
        Spline(126, 24, 3)
    assert Spline(126, 20, 3).n_tokens == 61
    with pytest.raises(ConfigError, match="as many free numbers as frames"):
        check(configured("parameterization.kind=spline", "parameterization.n_segments=24"))
