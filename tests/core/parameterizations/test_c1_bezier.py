"""C1 Bezier curves: bounds, a cubic exactly, continuous slopes, uniform against learned knots."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.parameterizations.c1_bezier import C1Bezier
from core.seeding import generator


def logits_of(curve: C1Bezier, seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(2, 3, curve.n_tokens, curve.n_outputs, generator=generator(seed, "logits"))


@given(st.integers(1, 20), st.booleans(), st.floats(0.1, 1000.0), st.integers(0, 1000))
@settings(max_examples=25)
def test_curve_stays_in_bounds(n_segments: int, learned: bool, scale: float, seed: int) -> None:
    bezier = C1Bezier(126, n_segments, knots="learned" if learned else "uniform")
    curve = bezier(logits_of(bezier, seed, scale))
    assert curve.shape == (2, 3, 126)
    assert 0 <= float(curve.min()) <= float(curve.max()) <= 1


def test_one_segment_is_the_cubic_of_its_four_points() -> None:
    points = torch.tensor([0.1, 0.8, 0.3, 0.6], dtype=torch.float64)
    logits = torch.atanh((points - 0.5) / (0.5 * (1 - 1e-3)))
    # Values at both knots, and the points between them.
    tokens = torch.stack([logits[[0, 3]], logits[[1, 2]]], -1)
    t = torch.linspace(0, 1, 50, dtype=torch.float64)
    cubic = (
        points[0] * (1 - t) ** 3 + 3 * points[1] * (1 - t) ** 2 * t + 3 * points[2] * (1 - t) * t**2 + points[3] * t**3
    )
    torch.testing.assert_close(C1Bezier(50, 1).double()(tokens[None, None])[0, 0], cubic)


def test_slope_is_continuous_with_uniform_and_learned_knots() -> None:
    for bezier in (C1Bezier(40_001, 5), C1Bezier(40_001, 5, knots="learned")):
        curve = bezier.double()(logits_of(bezier, 0).double())
        slope = 40_000 * curve.diff(dim=-1)
        assert float(slope.diff(dim=-1).abs().max()) < 5e-3 * float(slope.abs().max())


def test_equal_widths_are_uniform_knots() -> None:
    uniform, learned = C1Bezier(80, 6).double(), C1Bezier(80, 6, knots="learned").double()
    logits = logits_of(learned, 0).double()
    expected = uniform(logits[..., :2])
    torch.testing.assert_close(learned(logits, 1.0), expected)
    assert float((learned(logits) - expected).abs().max()) > 1e-2
