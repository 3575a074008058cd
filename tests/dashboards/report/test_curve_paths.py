"""Curves as SVG paths."""

import re

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from dashboards.report.curve_paths import curve_path


def points(path: str) -> Float[ndarray, "point axis"]:
    return np.array([[float(number) for number in pair.split()] for pair in re.split("[ML]", path)[1:]])


def test_a_curve_is_drawn_point_by_point_with_one_at_the_top() -> None:
    assert curve_path([0.0, 0.5, 1.0]) == "M0.0 100.0L50.0 50.0L100.0 0.0"


def test_an_undefined_frame_leaves_a_gap() -> None:
    assert curve_path([0.0, None, 1.0, 1.0]).count("M") == 2


def test_a_long_curve_retains_its_extremes() -> None:
    curve = 0.5 + 0.4 * np.sin(np.linspace(0, 600, 20_000))
    drawn = points(curve_path(curve, n_bins=100))
    assert len(drawn) <= 200
    assert (drawn[:, 1].min(), drawn[:, 1].max()) == pytest.approx((10, 90), abs=0.1)
