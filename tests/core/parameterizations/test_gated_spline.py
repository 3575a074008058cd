"""Gated splines: bounds, closed gates that change nothing, the penalty, and the count of numbers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.parameterizations.gated_spline import INITIAL_LOGIT, GatedSpline
from core.parameterizations.spline import Spline
from core.seeding import generator

CLOSED, OPEN = -20.0, 20.0


def spline_of(n_segments: int, degree: int = 3, gate_penalty: float = 0.01, n_frames: int = 126) -> GatedSpline:
    return GatedSpline(n_frames, n_segments, degree, gate_penalty=gate_penalty).double()


def logits_of(spline: GatedSpline, seed: int, scale: float = 1.0) -> torch.Tensor:
    draw = generator(seed, "logits")
    return scale * torch.randn(2, 3, spline.n_tokens, spline.n_outputs, dtype=torch.float64, generator=draw)


@given(st.integers(1, 12), st.integers(1, 3), st.floats(0.1, 1000.0), st.booleans(), st.integers(0, 1000))
@settings(max_examples=30)
def test_curve_stays_in_bounds_with_and_without_noise(
    n_segments: int, degree: int, scale: float, noisy: bool, seed: int
) -> None:
    spline = spline_of(n_segments, degree)
    curve = spline(logits_of(spline, seed, scale), 0.0, generator(seed, "noise") if noisy else None)
    assert curve.shape == (2, 3, 126)
    assert bool(curve.isfinite().all())
    assert 0 <= float(curve.min()) <= float(curve.max()) <= 1


@pytest.mark.parametrize("closed", [(2,), (1, 3), (3, 4), (1, 2, 3, 4)])
def test_closed_segments_leave_the_curve_of_the_open_ones(closed: tuple[int, ...]) -> None:
    five = spline_of(5)
    logits = logits_of(five, 0)
    logits[..., 0] = OPEN
    logits[..., 1] = 0
    shorter = logits[..., [i for i in range(6) if i - 1 not in closed], :]
    for segment in closed:
        logits[..., segment + 1, 0] = CLOSED
    fewer = spline_of(5 - len(closed))
    torch.testing.assert_close(five(logits), fewer(shorter))
    assert five.numbers(logits).tolist() == [[(5 - len(closed)) * 4.0] * 3] * 2


def test_open_segments_of_equal_width_are_a_spline() -> None:
    gated, spline = spline_of(4), Spline(126, 4, 3).double()
    logits = logits_of(gated, 1)
    logits[..., 0], logits[..., 1] = OPEN, 0
    values = torch.cat([logits[..., :1, -1], logits[..., 1:, 2:].flatten(-2)], -1)
    expected = spline(torch.stack([torch.zeros_like(values), values], -1))
    torch.testing.assert_close(gated(logits), expected, atol=1e-9, rtol=0)


def test_a_gate_that_closes_changes_the_curve_steadily() -> None:
    spline = spline_of(6)
    logits = logits_of(spline, 2)
    curves = []
    # The gate is 0 below a logit of about -2.4.
    for logit in torch.linspace(-5, 3, 200):
        logits[..., 3, 0] = logit - INITIAL_LOGIT
        curves.append(spline(logits))
    steps = torch.stack(curves).diff(dim=0).abs().amax((1, 2, 3))
    assert float(steps.max()) < 0.05
    assert float(steps[0]) == 0


def test_penalty_is_the_weight_times_the_open_segments() -> None:
    spline = spline_of(5, gate_penalty=0.1)
    logits = torch.full((2, 3, 6, 5), OPEN, dtype=torch.float64)
    assert float(spline.penalty(logits)) == pytest.approx(0.5)
    assert float(spline.penalty(logits, 0.75)) == pytest.approx(0.125)
    assert float(spline.penalty(-2 * logits)) == pytest.approx(0.1), "the first segment is always open"


def test_descent_on_the_penalty_closes_segments() -> None:
    spline = spline_of(6, gate_penalty=1.0)
    logits = logits_of(spline, 3).requires_grad_()
    before = spline.numbers(logits).mean()
    for _ in range(300):
        (gradient,) = torch.autograd.grad(spline.penalty(logits), logits)
        logits = (logits - 20 * gradient).detach().requires_grad_()
    assert float(before) > 20
    assert spline.numbers(logits).tolist() == [[4.0] * 3] * 2


def test_noise_opens_and_closes_gates_in_training_only() -> None:
    spline = spline_of(6)
    logits = logits_of(spline, 4)
    one, same, other = (spline(logits, 0.0, generator(seed, "noise")) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(spline(logits), spline(logits))


def test_gradient_with_noise_equals_finite_differences() -> None:
    spline = spline_of(4, n_frames=30)
    logits = logits_of(spline, 5)[:1, :2].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: spline(x, 0.3, generator(0, "noise")), (logits,), atol=1e-5)
