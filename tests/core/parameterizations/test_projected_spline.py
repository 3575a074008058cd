"""Projected splines: bounds, fixed points, comparison with least squares."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ops.b_spline import uniform_basis
from core.parameterizations.projected_spline import ProjectedSpline
from core.seeding import generator


@given(st.integers(1, 60), st.integers(1, 3), st.floats(0.1, 1000.0), st.integers(0, 1000))
@settings(max_examples=25)
def test_curve_stays_in_bounds(n_segments: int, degree: int, scale: float, seed: int) -> None:
    spline = ProjectedSpline(126, n_segments, degree)
    curve = spline(scale * torch.randn(2, 3, 126, 1, generator=generator(seed, "logits")))
    assert curve.shape == (2, 3, 126)
    assert 0 <= float(curve.min()) <= float(curve.max()) <= 1
    assert spline.n_numbers == n_segments + degree


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_logits_of_the_curve_are_the_least_squares_spline(degree: int) -> None:
    logits = torch.randn(1, 1, 80, 1, generator=generator(0, "logits"))
    basis = uniform_basis(7, degree, 80).numpy()
    fitted = basis @ np.linalg.lstsq(basis, logits[0, 0, :, 0].double().numpy(), rcond=None)[0]
    curve = ProjectedSpline(80, 7, degree, 1.5)(logits)[0, 0]
    np.testing.assert_allclose(torch.logit(curve), 1.5 * fitted, atol=1e-5)


def test_a_spline_is_a_fixed_point() -> None:
    spline = ProjectedSpline(80, 7, 3)
    logits = torch.randn(1, 1, 80, 1, generator=generator(1, "logits"))
    curve = spline(logits)
    torch.testing.assert_close(spline(torch.logit(curve)[..., None]), curve)
