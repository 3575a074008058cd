"""B-splines: bounds, uniform against learned knots, the curriculum, and invalid sizes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.ops.control_points import unit_values
from core.parameterizations.b_spline import BSpline
from core.seeding import generator
from core.settings.rules import check
from tests.support.configs import configured


def logits_of(spline: BSpline, seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(2, 3, spline.n_tokens, spline.n_outputs, generator=generator(seed, "logits"))


@given(st.integers(1, 30), st.booleans(), st.floats(0.1, 1000.0), st.integers(0, 1000))
@settings(max_examples=25)
def test_curve_stays_between_its_smallest_and_largest_coefficient(
    n_segments: int, learned: bool, scale: float, seed: int
) -> None:
    spline = BSpline(126, n_segments, knots="learned" if learned else "uniform")
    logits = logits_of(spline, seed, scale)
    values, curve = unit_values(logits[..., 0]), spline(logits)
    assert bool((curve <= values.amax(-1, keepdim=True) + 1e-6).all())
    assert bool((curve >= values.amin(-1, keepdim=True) - 1e-6).all())
    assert 0 <= float(curve.min()) <= float(curve.max()) <= 1


def test_equal_intervals_are_uniform_knots() -> None:
    uniform, learned = BSpline(80, 6), BSpline(80, 6, knots="learned")
    logits = logits_of(learned, 0)
    expected = uniform(logits[..., :1])
    torch.testing.assert_close(learned(logits, 1.0), expected, atol=1e-6, rtol=0)
    assert float((learned(logits) - expected).abs().max()) > 1e-2
    torch.testing.assert_close(learned(logits * torch.tensor([1.0, 0.0])), expected, atol=1e-6, rtol=0)


def test_a_straight_line_is_reproduced() -> None:
    # Coefficients at the means of three neighbouring knots are a line.
    knots = torch.tensor([0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1])
    at = torch.stack([knots[i + 1 : i + 4].mean() for i in range(7)])
    line = 0.2 + 0.6 * at
    logits = torch.atanh((line - 0.5) / (0.5 * (1 - 1e-3)))
    curve = BSpline(101, 4)(logits[None, None, :, None])[0, 0]
    torch.testing.assert_close(curve, torch.linspace(0.2, 0.8, 101), atol=1e-6, rtol=0)


def test_knots_keep_their_distance() -> None:
    spline = BSpline(126, 8, knots="learned", min_spacing=0.3)
    knots = spline.knots(logits_of(spline, 1, 30.0))
    assert float(knots[..., 3:-3].diff(dim=-1).min()) >= 0.3 / 8 * (1 - 1e-6)


def test_more_free_numbers_than_frames_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"n_segments=127 gives 130, over n_frames=129"):
        check(configured("parameterization.kind=b_spline", "parameterization.n_segments=127"))
    check(configured("parameterization.kind=b_spline", "parameterization.n_segments=126"))
    learned = ("parameterization.knots=learned", "parameterization.n_segments=64")
    with pytest.raises(ConfigError, match=r"n_segments=64 gives 130"):
        check(configured("parameterization.kind=b_spline", *learned))
