"""Baselines: curves that do not depend on the sound."""

import pytest
import torch

from core.parameterizations.constant import Constant
from core.parameterizations.random_frame import RandomFrame
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


def test_random_frames_are_white_noise_in_the_unit_range() -> None:
    curves = RandomFrame(126)(40, 2, generator(0, "draw"))
    assert curves.shape == (40, 2, 126)
    assert float(curves.mean()) == pytest.approx(0.5, abs=0.01)
    # The mean distance of two uniform numbers is a third.
    assert float(curves.diff(dim=-1).abs().mean()) == pytest.approx(1 / 3, abs=0.01)
    assert torch.equal(curves, RandomFrame(126)(40, 2, generator(0, "draw")))


def test_baselines_say_how_many_numbers_describe_them() -> None:
    assert Constant(126, 0.5).n_numbers == 1
    assert RandomFrame(126).n_numbers == 126
    assert RandomSpline(126, 24, 3).n_numbers == 144
