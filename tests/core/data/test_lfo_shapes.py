"""Drawn LFO shapes: the exponential rule, jumps, invalid shapes, and statistics of random ones."""

import numpy as np
import pytest

from core.data.lfo_shapes import DrawnLfo, draw_lfo
from core.errors import DataError


def ramp(power: float) -> DrawnLfo:
    return DrawnLfo(points=((0.0, 0.0), (1.0, 1.0)), powers=(power,))


def test_segment_without_power_is_straight() -> None:
    np.testing.assert_allclose(ramp(0.0).frames(11), np.linspace(0, 1, 11))


@pytest.mark.parametrize("power", [-20.0, -3.0, -0.02, 0.02, 4.0, 20.0])
def test_segment_follows_the_exponential_rule(power: float) -> None:
    t = np.linspace(0, 1, 101)
    np.testing.assert_allclose(ramp(power).at(t), (np.exp(power * t) - 1) / (np.exp(power) - 1), atol=1e-9)


def test_rule_has_no_step_where_a_small_power_becomes_straight() -> None:
    t = np.linspace(0, 1, 101)
    assert np.abs(ramp(0.0101).at(t) - ramp(0.0099).at(t)).max() < 2e-3


def test_powers_of_opposite_sign_mirror_each_other() -> None:
    t = np.linspace(0, 1, 101)
    np.testing.assert_allclose(ramp(5.0).at(t), 1 - ramp(-5.0).at(1 - t), atol=1e-12)


def test_curve_goes_through_its_points_and_holds_its_ends() -> None:
    points = ((0.0, 0.2), (0.3, 0.9), (0.6, 0.1), (1.0, 0.5))
    lfo = DrawnLfo(points=points, powers=(3.0, -8.0, 0.0))
    np.testing.assert_allclose(lfo.at(np.array([x for x, _ in points])), [y for _, y in points], atol=1e-12)
    np.testing.assert_allclose(lfo.at(np.array([-1.0, 2.0])), [0.2, 0.5])


def test_two_points_at_one_place_are_a_jump() -> None:
    lfo = DrawnLfo(points=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (1.0, 1.0)), powers=(0.0, 2.0, 0.0))
    np.testing.assert_array_equal(lfo.at(np.array([0.0, 0.499, 0.5, 0.501, 1.0])), [0, 0, 1, 1, 1])


def test_jumps_at_the_ends_divide_nothing_by_zero() -> None:
    lfo = DrawnLfo(points=((0.0, 0.3), (0.0, 1.0), (1.0, 0.0), (1.0, 0.6)), powers=(1.0, 0.0, 1.0))
    np.testing.assert_allclose(lfo.frames(3), [1.0, 0.5, 0.6])


@pytest.mark.parametrize(
    ("points", "powers", "message"),
    [
        (((0.0, 0.5),), (), "2 or more points"),
        (((0.1, 0.5), (1.0, 0.5)), (0.0,), "rising from 0 to 1"),
        (((0.0, 0.5), (0.7, 0.5), (0.6, 0.1), (1.0, 0.5)), (0.0, 0.0, 0.0), "rising from 0 to 1"),
        (((0.0, 0.5), (1.0, 1.5)), (0.0,), "0..1"),
        (((0.0, 0.5), (1.0, 0.5)), (0.0, 0.0), "one power per segment"),
    ],
)
def test_invalid_shapes_are_refused(
    points: tuple[tuple[float, float], ...], powers: tuple[float, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        DrawnLfo(points=points, powers=powers)


def test_random_shapes_are_as_wide_and_as_smooth_as_preset_curves() -> None:
    rng = np.random.default_rng(0)
    shapes = [draw_lfo(rng) for _ in range(400)]
    curves = np.stack([shape.frames(1501) for shape in shapes])
    assert curves.min() >= 0
    assert curves.max() <= 1
    assert {len(shape.points) for shape in shapes} == set(range(2, 9))
    assert 0.1 < np.mean([np.abs(np.diff(curve)).max() > 0.2 for curve in curves]) < 0.5
    # Preset curves: mean range 0.906 and total variation 0.00169 per frame (Mitcheltree et al., arXiv 2510.06204).
    spans = np.ptp(curves, axis=1)
    assert spans.mean() == pytest.approx(0.906, abs=0.03)
    variation = np.abs(np.diff(curves, axis=1)).mean(axis=1) / spans
    assert 0.0008 < variation.mean() < 0.0025


def test_equal_generators_draw_equal_shapes() -> None:
    assert draw_lfo(np.random.default_rng(5)) == draw_lfo(np.random.default_rng(5))
    assert draw_lfo(np.random.default_rng(5)) != draw_lfo(np.random.default_rng(6))
