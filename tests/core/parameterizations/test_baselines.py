"""Baselines: curves that do not depend on the sound."""

import torch

from core.parameterizations.constant import Constant
from core.parameterizations.random_spline import RandomSpline
from core.seeding import generator


def test_random_splines_repeat_for_one_seed_and_differ_between_seeds() -> None:
    baseline = RandomSpline(126, 24, 3)
    first, again, other = (baseline(2, 3, generator(seed, "draw")) for seed in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert float((first - other).abs().mean()) > 0.1


def test_random_splines_of_clips_and_modulations_differ_and_stay_in_bounds() -> None:
    curves = RandomSpline(126, 24, 3)(4, 2, generator(0, "draw"))
    assert curves.shape == (4, 2, 126)
    assert curves.dtype == torch.float32
    assert 0 <= float(curves.min()) < 0.2 < 0.8 < float(curves.max()) <= 1
    rows = curves.flatten(0, 1)
    assert all(float((rows[i] - rows[j]).abs().mean()) > 0.1 for i in range(8) for j in range(i))


def test_constant_curves_do_not_move() -> None:
    curves = Constant(126, 0.25)(4, 2, generator(0, "draw"))
    assert torch.equal(curves, torch.full((4, 2, 126), 0.25))
