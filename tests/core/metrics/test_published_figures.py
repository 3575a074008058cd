"""Statistics and chance levels of the reference, arXiv 2510.06204 and its public code."""

import pytest
from torch import Tensor

from core.data.sources.synthetic import draw_curve, evaluate_curves
from core.metrics.curves import l1, l1_difference, pearson, project_on_all, project_on_same
from core.metrics.interpretability import spectral_entropy, total_variation, turning_points, value_range
from core.parameterizations.random_spline import RandomSpline
from core.seeding import generator


@pytest.fixture(scope="module")
def synthetic() -> Tensor:
    draw = generator(0, "published")
    return evaluate_curves([draw_curve(8, draw) for _ in range(1200)], 1501).view(400, 3, -1)


@pytest.fixture(scope="module")
def splines() -> Tensor:
    curves: Tensor = RandomSpline(1501, 24, 3)(400, 3, generator(1, "published"))
    return curves


def statistics(curve: Tensor) -> list[float]:
    """Range, spectral entropy, total variation per frame and turning points."""
    metrics = (value_range(curve), spectral_entropy(curve), total_variation(curve, 1.0), turning_points(curve))
    return [float(values.nanmean()) for values in metrics]


def test_synthetic_modulations_have_the_published_statistics(synthetic: Tensor) -> None:
    assert statistics(synthetic) == pytest.approx([0.662, 0.498, 0.00188, 0.00324], rel=0.05)


def test_random_splines_have_the_published_statistics(splines: Tensor) -> None:
    assert statistics(splines) == pytest.approx([0.911, 0.561, 0.00947, 0.0269], rel=0.05)


def test_random_splines_have_the_published_chance_levels(synthetic: Tensor, splines: Tensor) -> None:
    expected = {
        "none": (splines, [0.2345, 0.00871, 0.0005]),
        "LLS 1": (project_on_same(synthetic, splines), [0.1385, 0.00191, 0.153]),
        "LLS 3": (project_on_all(synthetic, splines), [0.1331, 0.00283, 0.303]),
    }
    for projection, figures in expected.values():
        measured = [
            float(l1(synthetic, projection).mean()),
            float(l1_difference(synthetic, projection).mean()),
            float(pearson(synthetic, projection).nanmean()),
        ]
        assert measured[:2] == pytest.approx(figures[:2], rel=0.06)
        assert measured[2] == pytest.approx(figures[2], abs=0.025)
