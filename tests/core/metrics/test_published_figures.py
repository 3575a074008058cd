"""Statistics and chance levels of the reference, arXiv 2510.06204 and its public code.

The chance levels are those of random splines as guesses, without and with a fit.
"""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.data.sources.synthetic import RandomCurve, draw_curve, evaluate_curves
from core.data.vital_lfos import named_shapes
from core.metrics.curves import l1, l1_difference, pearson, project_on_all, project_on_same
from core.metrics.interpretability import spectral_entropy, total_variation, turning_points, value_range
from core.ops.curve_alignment import frechet_distances
from core.parameterizations.random_spline import RandomSpline
from core.seeding import generator


@pytest.fixture(scope="module")
def drawn() -> list[RandomCurve]:
    draw = generator(1, "published")
    return [draw_curve(8, draw) for _ in range(3201)]


@pytest.fixture(scope="module")
def synthetic(drawn: list[RandomCurve]) -> Tensor:
    return evaluate_curves(drawn, 1501).view(-1, 3, 1501)


@pytest.fixture(scope="module")
def splines() -> Tensor:
    curves: Tensor = RandomSpline(1501, 24, 3)(400, 3, generator(1, "published"))
    return curves


def statistics(curve: Tensor) -> list[float]:
    """Range, spectral entropy, total variation per frame and turning points."""
    metrics = (value_range(curve), spectral_entropy(curve), total_variation(curve, 1.0), turning_points(curve))
    return [float(values.nanmean()) for values in metrics]


def largest_step(curve: Tensor) -> float:
    """99 % quantile over the curves of the largest step from one frame to the next."""
    return float(curve.flatten(0, -2).diff().abs().amax(-1).quantile(0.99))


def test_synthetic_modulations_have_the_published_statistics(synthetic: Tensor) -> None:
    assert statistics(synthetic) == pytest.approx([0.662, 0.498, 0.00188, 0.00324], rel=0.03)


def test_no_segment_is_narrower_than_half_of_the_equal_width(drawn: list[RandomCurve]) -> None:
    shares = torch.tensor([float(curve.widths.min() / curve.widths.mean()) for curve in drawn])
    assert 0.5 <= float(shares.min()) < 0.55
    assert float(shares.median()) < 0.9


def test_steps_between_frames_have_the_published_distribution(synthetic: Tensor) -> None:
    assert largest_step(synthetic) == pytest.approx(0.020, rel=0.1)
    draw = generator(1, "published")
    mixed = [draw_curve(8, draw, "mixed") for _ in range(1500)]
    assert largest_step(evaluate_curves(mixed, 1501)) > 0.1


def test_shapes_of_the_package_resemble_the_published_presets() -> None:
    """Those of Vital vary a little less and turn a little more."""
    shapes = torch.stack([torch.from_numpy(shape.frames(1501)) for shape in named_shapes("lfo_shapes")])
    assert statistics(shapes) == pytest.approx([0.906, 0.464, 0.00169, 0.0012], rel=0.2)


def test_random_splines_have_the_published_statistics(splines: Tensor) -> None:
    assert statistics(splines) == pytest.approx([0.911, 0.561, 0.00947, 0.0269], rel=0.05)


def test_random_splines_have_the_published_chance_levels(synthetic: Tensor, splines: Tensor) -> None:
    synthetic = synthetic[:400]
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


N_CLIPS = 1067
"""Clips of three curves: as many pairs of curves as the reference has, 100 x 32."""
METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "l1_diff": l1_difference,
    "pcc": pearson,
    "frechet": frechet_distances,
}
Published = tuple[float, float | None]
"""Mean over 3,200 pairs, and half the width of its 95 % interval where that is published."""
CHANCE: dict[str, dict[str, Published]] = {
    "random spline": {
        "l1": (0.2345, 0.0015),
        "l1_diff": (0.00871, None),
        "pcc": (0.0005, 0.0072),
        "frechet": (0.565, 0.0056),
    },
    "random spline, LLS 1": {
        "l1": (0.1385, 0.0015),
        "l1_diff": (0.00191, None),
        "pcc": (0.153, 0.004),
        "frechet": (0.365, 0.0045),
    },
    "random spline, LLS 3": {
        "l1": (0.1331, 0.0016),
        "l1_diff": (0.00283, None),
        "pcc": (0.303, 0.004),
        "frechet": (0.347, 0.0046),
    },
    "random frame": {
        "l1": (0.2962, None),
        "l1_diff": (0.1667, None),
        "pcc": (0.0002, None),
        "frechet": (0.646, None),
    },
}
"""Guesses at synthetic modulations that know nothing of them."""


@pytest.mark.slow
@pytest.mark.parametrize("guess", CHANCE)
def test_guesses_reach_the_published_chance_levels_within_their_intervals(guess: str) -> None:
    draw = generator(0, "published")
    target = evaluate_curves([draw_curve(8, draw) for _ in range(3 * N_CLIPS)], 1501).view(N_CLIPS, 3, -1)
    estimate = torch.rand(target.shape, generator=generator(2, "published"))
    if guess.startswith("random spline"):
        estimate = RandomSpline(1501, 24, 3)(N_CLIPS, 3, generator(1, "published"))
    if guess.endswith("LLS 1"):
        estimate = project_on_same(target, estimate)
    if guess.endswith("LLS 3"):
        estimate = project_on_all(target, estimate)
    for name, (published, half_width) in CHANCE[guess].items():
        values = METRICS[name](target, estimate).flatten()
        values = values[~values.isnan()]
        own_half_width = 1.96 * float(values.std()) / math.sqrt(len(values))
        # Both are means of samples, so their intervals overlap; half a unit in the last place is for rounding.
        tolerance = own_half_width + (half_width or own_half_width) + ROUNDING[name]
        if name == "frechet" and guess.startswith("random spline"):
            tolerance = max(tolerance, FRECHET_EXCESS * published)
        assert float(values.mean()) == pytest.approx(published, abs=tolerance), name
        if half_width is not None:
            assert own_half_width == pytest.approx(half_width, rel=0.15), f"spread of {name}"


FRECHET_EXCESS = 0.03
"""Frechet distances of random splines are 0 to 3 % larger than the published ones, depending on the seed. Those of
random frames agree, and the distance itself is shapely's."""
ROUNDING = {"l1": 5e-5, "l1_diff": 5e-6, "pcc": 5e-5, "frechet": 5e-4}
"""Half a unit in the last published place of the means."""
