"""Curves as bytes for the page."""

import base64

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from dashboards.report.packed_curves import PackedCurve, pack_curve


def unpacked(packed: PackedCurve) -> Float[ndarray, " value"]:
    levels = np.frombuffer(base64.b64decode(packed.data), dtype=np.uint8).astype(float)
    return np.where(levels == 255, np.nan, packed.lo + levels / 254 * (packed.hi - packed.lo))


@pytest.mark.parametrize(("lo", "hi"), [(0.0, 1.0), (0.41, 0.43), (-0.3, 1.4)])
def test_a_curve_is_kept_to_half_a_level_of_its_own_range(lo: float, hi: float) -> None:
    curve = np.random.default_rng(0).uniform(lo, hi, 126)
    assert np.abs(unpacked(pack_curve(curve)) - curve).max() <= (hi - lo) / 508 + 2e-6


def test_undefined_frames_stay_undefined() -> None:
    curve = np.array([0.0, np.nan, 0.5, 1.0, np.inf])
    assert np.array_equal(np.isnan(unpacked(pack_curve(curve))), [False, True, False, False, True])
    assert np.isnan(unpacked(pack_curve(np.full(4, np.nan)))).all()


def test_a_constant_curve_is_its_value() -> None:
    assert unpacked(pack_curve(np.full(10, 0.3))) == pytest.approx(np.full(10, 0.3))


def test_a_long_curve_retains_its_extremes_in_their_order() -> None:
    curve = 0.5 + 0.4 * np.sin(np.linspace(0, 600, 20_000))
    curve[5000], curve[15_000:15_200] = 0.99, np.nan
    kept = unpacked(pack_curve(curve, max_values=200))
    assert len(kept) == 200
    assert np.nanmax(kept) == pytest.approx(0.99, abs=0.01)
    assert np.nanargmax(kept) in (50, 51)
    assert np.isnan(kept).sum() == 2
