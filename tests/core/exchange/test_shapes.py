"""LFO shapes fitted to curves: known shapes, curves of the parameterizations, and the file format."""

import statistics
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import MAX_POINTS, DrawnLfo, draw_lfo
from core.data.vital_lfos import read_vital_lfo
from core.errors import DataError
from core.exchange.shapes import TOLERANCE, fit_shape, vital_lfo_text
from core.parameterizations.base import Parameterization
from core.parameterizations.build import build_parameterization
from core.settings.audio import AudioConfig
from core.settings.parameterizations import LowPassConfig, ParameterizationConfig, SplineConfig


def random_curves(
    config: ParameterizationConfig, duration_s: float, n: int, spread: float = 1.0
) -> Float[ndarray, "curve frame"]:
    """Curves of a parameterization whose logits are normal."""
    parameterization = build_parameterization(config, AudioConfig(duration_s=duration_s))
    assert isinstance(parameterization, Parameterization)
    size = (n, 1, parameterization.n_tokens, parameterization.n_outputs)
    logits = spread * torch.randn(size, generator=torch.Generator().manual_seed(0))
    return np.asarray(parameterization(logits)[:, 0].detach().double().numpy())


@pytest.mark.parametrize("duration_s", [1.0, 3.0])
@pytest.mark.parametrize("spread", [1.0, 3.0])
@pytest.mark.parametrize("config", [LowPassConfig(cutoff_hz=8.0), SplineConfig(), SplineConfig(n_segments=20)])
def test_curves_of_the_parameterizations_are_followed(
    config: ParameterizationConfig, spread: float, duration_s: float
) -> None:
    for curve in random_curves(config, duration_s, 4, spread):
        assert fit_shape(curve).error <= TOLERANCE


@pytest.mark.parametrize("config", [LowPassConfig(cutoff_hz=5.0), SplineConfig(n_segments=20)])
def test_six_seconds_are_followed(config: ParameterizationConfig) -> None:
    for curve in random_curves(config, 6.0, 4):
        assert fit_shape(curve).error <= TOLERANCE


def test_six_seconds_of_noise_below_8_hz_need_more_points_than_a_shape_has() -> None:
    # It has some 75 swings, most of them S-shaped, and a segment is bent one way.
    for curve in random_curves(LowPassConfig(cutoff_hz=8.0), 6.0, 4):
        fitted = fit_shape(curve)
        assert len(fitted.shape.points) > 0.9 * MAX_POINTS
        assert fitted.error < 0.03


def test_a_curve_of_six_seconds_takes_less_than_a_fifth_of_a_second() -> None:
    curves = random_curves(LowPassConfig(cutoff_hz=5.0), 6.0, 5)
    fit_shape(curves[0])
    took = []
    for curve in curves:
        start = time.process_time()
        fit_shape(curve)
        took.append(time.process_time() - start)
    assert statistics.median(took) < 0.2


@pytest.mark.parametrize("seed", range(10))
def test_a_drawn_shape_is_found_with_about_its_own_points(seed: int) -> None:
    drawn = draw_lfo(np.random.default_rng(seed))
    curve = drawn.frames(513)
    fitted = fit_shape(curve)
    # A jump, two points at the same place, becomes a steep segment.
    assert len(fitted.shape.points) <= len(drawn.points) + 2
    assert fitted.error <= TOLERANCE


def test_a_single_exponential_segment_is_found_exactly() -> None:
    drawn = DrawnLfo(points=((0.0, 0.1), (1.0, 0.9)), powers=(-4.0,))
    fitted = fit_shape(drawn.frames(200))
    assert len(fitted.shape.points) == 2
    assert fitted.shape.powers[0] == pytest.approx(-4.0, abs=0.01)
    assert fitted.error < 1e-4


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_constant_is_two_points(value: float) -> None:
    fitted = fit_shape(np.full(129, value))
    assert fitted.shape == DrawnLfo(points=((0.0, value), (1.0, value)), powers=fitted.shape.powers)
    assert fitted.error == 0.0


def test_fewer_points_are_needed_for_a_larger_tolerance() -> None:
    curve = random_curves(LowPassConfig(cutoff_hz=8.0), 2.0, 1)[0]
    fits = [fit_shape(curve, tolerance=tolerance) for tolerance in (0.005, 0.02, 0.08)]
    assert all(len(fine.shape.points) > len(coarse.shape.points) for fine, coarse in pairwise(fits))
    assert [fit.error <= tolerance for fit, tolerance in zip(fits, (0.005, 0.02, 0.08), strict=True)] == [True] * 3


def test_a_straight_line_remains_where_two_points_are_allowed() -> None:
    curve = 0.5 + 0.5 * np.sin(np.linspace(0, 40, 500))
    fitted = fit_shape(curve, max_points=2)
    assert len(fitted.shape.points) == 2
    assert fitted.error <= 1.0


def test_a_curve_of_ten_minutes_is_fitted() -> None:
    curve = 0.5 + 0.4 * np.sin(2 * np.pi * 3 * np.linspace(0, 1, 76_801))
    fitted = fit_shape(curve)
    assert fitted.error <= TOLERANCE
    assert len(fitted.shape.points) < 20


@given(
    st_numpy.arrays(np.float64, st.integers(2, 60), elements=st.floats(0.0, 1.0)),
    st.sampled_from([2, 3, 10, MAX_POINTS]),
)
def test_any_curve_has_a_valid_shape_and_its_error_is_that_at_the_frames(
    curve: Float[ndarray, " frame"], max_points: int
) -> None:
    fitted = fit_shape(curve, max_points=max_points)
    assert len(fitted.shape.points) <= max_points
    errors = np.abs(fitted.shape.at(np.linspace(0, 1, len(curve))) - curve)
    assert fitted.error == errors.max() <= 1.0
    if max_points > len(curve):
        assert fitted.error <= TOLERANCE + 1e-9


def test_a_file_reads_as_the_shape_that_was_written(tmp_path: Path) -> None:
    shape = fit_shape(random_curves(SplineConfig(), 1.0, 1)[0]).shape
    path = tmp_path / "sub.vitallfo"
    path.write_text(vital_lfo_text(shape, "sub"))
    read = read_vital_lfo(path)
    assert read.powers == shape.powers
    np.testing.assert_allclose(read.points, shape.points, atol=1e-15)


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (np.array([0.5]), "2 or more values; sub has 1"),
        (np.array([0.5, np.nan, np.inf]), "finite; sub has 2 that are not"),
        (np.array([0.5, 1.2]), r"lie in 0\.\.1; sub has values from 0.5 to 1.2"),
    ],
)
def test_curves_that_have_no_shape_are_refused(curve: Float[ndarray, " frame"], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_shape(curve, "sub")


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="tolerance above 0 and 2 to 100 points; got 0 and 100"):
        fit_shape(np.zeros(10), tolerance=0.0)
    with pytest.raises(ValueError, match="got 0.02 and 101"):
        fit_shape(np.zeros(10), max_points=101)
