"""Distances of curves: known answers, comparison with numpy, and projections that undo linear mixing."""

import math

import numpy as np
import pytest
import torch
from auraloss.time import ESRLoss

from core.metrics.curves import (
    error_to_signal,
    l1,
    l1_difference,
    pearson,
    project_on_all,
    project_on_same,
    time_warped_l1,
)
from core.seeding import generator


def test_l1_and_l1_of_the_central_differences() -> None:
    target, estimate = torch.tensor([0.0, 0.0, 0.0, 0.0]), torch.tensor([0.0, 0.2, 0.4, 0.2])
    assert float(l1(target, estimate)) == pytest.approx(0.2)
    assert float(l1_difference(target, estimate)) == pytest.approx(0.1)


def test_pearson_equals_numpy_and_is_undefined_for_flat_curves() -> None:
    draw = generator(0, "pair")
    x, y = torch.rand(50, generator=draw), torch.rand(50, generator=draw)
    assert float(pearson(x, y)) == pytest.approx(float(np.corrcoef(x.numpy(), y.numpy())[0, 1]), abs=1e-5)
    assert math.isnan(float(pearson(x, torch.full((50,), 0.3))))
    assert math.isnan(float(pearson(torch.full((50,), 0.3), x)))


def test_the_error_to_signal_ratio_is_that_of_auraloss_and_undefined_for_a_curve_of_zeros() -> None:
    target, estimate = torch.rand(2, 3, 50, generator=generator(5, "pair"))
    expected = ESRLoss(reduction="none")(estimate, target)
    torch.testing.assert_close(error_to_signal(target, estimate), expected)
    assert float(error_to_signal(target[0], torch.zeros(50))) == pytest.approx(1)
    assert math.isnan(float(error_to_signal(torch.zeros(50), target[0])))


def test_a_late_curve_costs_less_after_warping_and_one_too_late_does_not() -> None:
    time = torch.linspace(0, 1, 101)
    step, late, too_late = ((time > start).float() for start in (0.3, 0.38, 0.6))
    assert float(l1(step, late)) == pytest.approx(0.08, abs=0.011)
    assert float(time_warped_l1(step, late)) == 0
    assert float(time_warped_l1(step, too_late)) == pytest.approx(0.2, abs=0.011)


def test_projections_undo_linear_mixing() -> None:
    estimate = torch.rand(4, 3, 60, generator=generator(1, "estimate"))
    mixing = torch.tensor([[0.5, -0.2, 0.1], [0.0, 1.5, 0.0], [0.3, 0.3, -0.9]])
    target = mixing @ estimate + 0.25
    torch.testing.assert_close(project_on_all(target, estimate), target, atol=1e-5, rtol=0)
    same = project_on_same(target, estimate)
    torch.testing.assert_close(same[:, 1], target[:, 1], atol=1e-5, rtol=0)
    assert float((same[:, 0] - target[:, 0]).abs().mean()) > 0.01


def test_true_curves_are_projected_on_any_number_of_recovered_ones() -> None:
    estimate = torch.rand(4, 2, 60, generator=generator(4, "estimate"))
    target = torch.tensor([[0.5, -0.2], [0.0, 1.5], [0.3, 0.3]]) @ estimate + 0.25
    torch.testing.assert_close(project_on_all(target, estimate), target, atol=1e-5, rtol=0)


def test_projection_equals_least_squares_of_numpy() -> None:
    draw = generator(2, "fit")
    target, estimate = torch.rand(1, 3, 40, generator=draw), torch.rand(1, 3, 40, generator=draw)
    design = np.column_stack([estimate[0].numpy().T, np.ones(40)])
    weights, *_ = np.linalg.lstsq(design, target[0].numpy().T, rcond=None)
    np.testing.assert_allclose(project_on_all(target, estimate)[0].numpy(), (design @ weights).T, atol=1e-5)


def test_projection_on_flat_curves_is_the_mean() -> None:
    target = torch.rand(2, 3, 40, generator=generator(3, "target"))
    mean = target.mean(-1, keepdim=True).expand_as(target)
    for project in (project_on_all, project_on_same):
        torch.testing.assert_close(project(target, torch.full((2, 3, 40), 0.5)), mean, atol=1e-5, rtol=0)
