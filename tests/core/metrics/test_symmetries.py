"""Transformations of curves: what each does, and that it keeps to its curves and to 0..1."""

import pytest
import torch

from core.metrics.symmetries import (
    Depth,
    Exchange,
    Inversion,
    Offset,
    Shift,
    Smoothing,
    Swap,
    Trade,
    Transformation,
    candidates,
    label,
    transformed,
)
from core.modulations import Modulation

RATE = 125.0
MODULATIONS = (Modulation("add", ""), Modulation("sub", ""), Modulation("env", "", is_amplitude=True))
CURVES = torch.rand(3, 3, 80, generator=torch.Generator().manual_seed(0))
ALL = candidates(MODULATIONS, 3, 80, RATE)


@pytest.mark.parametrize("change", ALL, ids=label)
def test_only_the_named_curves_change_and_all_stay_in_range(change: Transformation) -> None:
    given = CURVES.clone()
    found = transformed(change, CURVES, RATE)
    assert torch.equal(CURVES, given)
    assert found.min() >= 0
    assert found.max() <= 1
    for place in range(3):
        is_same = torch.equal(found[:, place], CURVES[:, place])
        assert is_same == (place not in change.modulations)


def test_all_candidates_have_names_of_their_own() -> None:
    assert len({(change.modulations, label(change)) for change in ALL}) == len(ALL) == 60


def test_an_inversion_or_swap_done_twice_changes_nothing() -> None:
    for change in (Inversion(modulations=(0, 2)), Swap(modulations=(1, 2))):
        twice = transformed(change, transformed(change, CURVES, RATE), RATE)
        torch.testing.assert_close(twice, CURVES, rtol=0, atol=1e-6)


def test_each_transformation_does_what_it_says() -> None:
    curve = torch.tensor([[[0.0, 0.2, 0.4, 1.0]], [[0.1, 0.1, 0.1, 0.1]]])
    for change, expected in (
        (Inversion(modulations=(0,)), [1.0, 0.8, 0.6, 0.0]),
        (Offset(modulations=(0,), by=0.1), [0.1, 0.3, 0.5, 1.0]),
        (Depth(modulations=(0,), factor=0.5), [0.2, 0.3, 0.4, 0.7]),
        (Shift(modulations=(0,), frames=1), [0.0, 0.0, 0.2, 0.4]),
        (Shift(modulations=(0,), frames=-2), [0.4, 1.0, 1.0, 1.0]),
        (Exchange(modulations=(0,)), [0.1, 0.1, 0.1, 0.1]),
        (Trade(modulations=(0,), factor=0.5), [0.0, 0.1, 0.2, 0.5]),
    ):
        torch.testing.assert_close(transformed(change, curve, RATE)[0, 0], torch.tensor(expected))


def test_a_trade_lowers_the_first_curve_and_moves_the_second() -> None:
    found = transformed(Trade(modulations=(2, 0), factor=0.8, offset=-0.1), CURVES, RATE)
    torch.testing.assert_close(found[:, 2], 0.8 * CURVES[:, 2])
    torch.testing.assert_close(found[:, 0], (CURVES[:, 0] - 0.1).clamp_min(0))


def test_smoothing_keeps_slow_motion_and_removes_fast_motion() -> None:
    time = torch.arange(1000) / RATE
    for rate_hz, gain in ((0.5, 1.0), (30.0, 0.0)):
        curve = (0.5 + 0.4 * torch.sin(2 * torch.pi * rate_hz * time)).view(1, 1, -1)
        found = transformed(Smoothing(modulations=(0,), cutoff_hz=8.0), curve, RATE)
        middle = slice(50, -50)
        torch.testing.assert_close(found[..., middle] - 0.5, gain * (curve[..., middle] - 0.5), rtol=0, atol=0.01)


def test_what_the_clips_rule_out_is_no_candidate() -> None:
    kinds = {change.kind for change in candidates(MODULATIONS[:1], 1, 80, 20.0)}
    assert kinds == {"inversion", "offset", "depth", "shift"}
