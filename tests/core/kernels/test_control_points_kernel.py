"""Logits to control points in one pass against softmax, running sum, tanh and chords."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.parameterizations.bezier import evaluate_over_time_reference, evaluate_reference
from core.parameterizations.spline import Spline, control_points, control_points_reference
from core.seeding import generator
from tests.core.kernels.closeness import (
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
    assert_same_bits,
    value_and_gradients,
)

FLOATS = (torch.float32, torch.float64)
DEGREES = (1, 2, 3)


def logits_of(shape: tuple[int, ...], n_intervals: int, dtype: torch.dtype, seed: int) -> Tensor:
    draw = generator(seed, "logits")
    return torch.randn(*shape, n_intervals + 1, 2, dtype=torch.float64, generator=draw).to(dtype)


def points_of(logits: Tensor, degree: int, alpha: float, temperature: float = 0.25) -> Tensor:
    return torch.stack(control_points(logits, degree, temperature, 0.05, alpha))


def reference_points_of(logits: Tensor, degree: int, alpha: float, temperature: float = 0.25) -> Tensor:
    return torch.stack(control_points_reference(logits, degree, temperature, 0.05, alpha))


@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.sampled_from(DEGREES),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0.1, 0.25, 2.0]),
    st.sampled_from(FLOATS),
)
@settings(max_examples=50, derandomize=True)
def test_kernel_equals_its_reference_at_any_size(
    shape: list[int], degree: int, n_segments: int, alpha: float, temperature: float, dtype: torch.dtype
) -> None:
    assert_as_exact_as_reference(
        lambda logits: points_of(logits, degree, alpha, temperature),
        lambda logits: reference_points_of(logits, degree, alpha, temperature),
        (logits_of(tuple(shape), degree * n_segments, dtype, n_segments),),
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_logits_of_any_size_have_the_reference_s_points(alpha: float, dtype: torch.dtype) -> None:
    logits = 1e3 * logits_of((2, 3), 24, dtype, 1)
    found, expected = points_of(logits, 3, alpha), reference_points_of(logits, 3, alpha)
    torch.testing.assert_close(found, expected, atol=1e-12 if dtype == torch.float64 else 1e-6, rtol=0)
    assert bool((found[0].diff(dim=-1) > 0).all())
    assert torch.equal(found[0, ..., [0, -1]], torch.tensor([0.0, 1.0], dtype=dtype).expand(2, 3, -1))


@pytest.mark.parametrize("alpha", [0.0, 0.4])
@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_order_does_not_matter(dtype: torch.dtype, alpha: float) -> None:
    assert_memory_order_does_not_matter(lambda logits: points_of(logits, 3, alpha), (logits_of((2, 3), 12, dtype, 2),))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_spline_alone_equals_the_spline_in_a_batch(dtype: torch.dtype) -> None:
    logits, pull = (
        logits_of((4, 3), 12, dtype, 3),
        logits_of((2, 4), 12, dtype, 4)[..., 0][:, :, None].expand(2, 4, 3, 13),
    )
    together = value_and_gradients(lambda logits: points_of(logits, 2, 0.3), (logits,), pull)
    for clip in range(4):
        alone = value_and_gradients(lambda logits: points_of(logits, 2, 0.3), (logits[clip, 1],), pull[:, clip, 1])
        assert_same_bits(alone, [together[0][:, clip, 1], together[1][clip, 1]])


@pytest.mark.parametrize("alpha", [0.0, 0.6])
@pytest.mark.parametrize("degree", DEGREES)
def test_gradient_and_its_gradient_equal_finite_differences(degree: int, alpha: float) -> None:
    logits = logits_of((2,), 2 * degree, torch.float64, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda logits: points_of(logits, degree, alpha), (logits,))
    assert torch.autograd.gradgradcheck(lambda logits: points_of(logits, degree, alpha), (logits,))


@pytest.mark.parametrize("part", [0, 1])
def test_a_gradient_of_knots_or_values_alone(part: int) -> None:
    logits = logits_of((2,), 6, torch.float64, 6)
    found = value_and_gradients(lambda logits: points_of(logits, 3, 0.5)[part], (logits,))
    alone = value_and_gradients(lambda logits: control_points(logits, 3, 0.25, 0.05, 0.5)[part], (logits,))
    expected = value_and_gradients(lambda logits: reference_points_of(logits, 3, 0.5)[part], (logits,))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(alone, expected)


@pytest.mark.parametrize("part", [0, 1])
def test_what_is_not_a_number_is_not_hidden(part: int) -> None:
    logits = logits_of((2,), 6, torch.float32, 7)
    logits[0, 3, part] = torch.nan
    found, expected = points_of(logits, 3, 0.5), reference_points_of(logits, 3, 0.5)
    assert bool(found[part, 0].isnan().any())
    assert bool(found[:, 1].isfinite().all())
    assert torch.equal(found.isnan(), expected.isnan())


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("evaluation", ["inverse", "forward_warp"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_spline_equals_its_references_one_after_the_other(dtype: torch.dtype, evaluation: str, alpha: float) -> None:
    spline = Spline(129, 4, 3, evaluation=evaluation)
    # Off the ends of segments, where gradients have corners.
    spline.time = spline.time * 0.99 + 0.00317

    def reference(logits: Tensor) -> Tensor:
        x, y = control_points_reference(logits, 3, spline.temperature, spline.min_spacing, alpha)
        if evaluation == "inverse":
            return evaluate_over_time_reference(x, y, 3, spline.time)
        warp = evaluate_reference(x, 3, spline.time.to(x.dtype).expand(*x.shape[:-1], -1))
        return evaluate_reference(y, 3, warp)

    assert_as_exact_as_reference(
        lambda logits: spline(logits, alpha), reference, (logits_of((4, 3), spline.n_intervals, dtype, 8),)
    )


def test_without_a_curriculum_alpha_changes_nothing() -> None:
    logits = logits_of((2, 3), 12, torch.float32, 9)
    assert torch.equal(Spline(129, 4, 3, chord_curriculum=False)(logits, 0.9), Spline(129, 4, 3)(logits, 0.0))
