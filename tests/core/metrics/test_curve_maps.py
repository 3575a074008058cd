"""Affine maps between curves of two runs."""

import torch

from core.metrics.curve_maps import map_of_all_clips, map_per_clip

CURVES = torch.rand(4, 3, 100, generator=torch.Generator().manual_seed(0))


def test_a_curve_and_its_inversion_are_related_by_slope_minus_1() -> None:
    for fit in (map_per_clip, map_of_all_clips):
        found = fit(CURVES, 1 - CURVES)
        torch.testing.assert_close(found.slope, torch.full_like(found.slope, -1.0))
        for r2 in (found.r2_same, found.r2_all):
            torch.testing.assert_close(r2, torch.ones_like(r2))


def test_swapped_curves_are_related_by_lls_3_only() -> None:
    found = map_of_all_clips(CURVES, CURVES.flip(1))
    torch.testing.assert_close(found.r2_all, torch.ones(1, 3, dtype=torch.float64))
    assert found.r2_same[0, 0] < 0.1
    assert found.r2_same[0, 2] < 0.1


def test_one_map_of_all_clips_does_not_explain_a_slope_that_differs_between_clips() -> None:
    turned = CURVES.clone()
    turned[::2] = 1 - turned[::2]
    assert map_per_clip(CURVES, turned).r2_same.min() > 0.999
    assert map_of_all_clips(CURVES, turned).r2_same.max() < 0.1


def test_r2_is_the_squared_correlation() -> None:
    other = torch.rand(4, 3, 100, generator=torch.Generator().manual_seed(1)) + 0.5 * CURVES
    expected = [[float(torch.corrcoef(torch.stack([x, y]))[0, 1]) ** 2 for x, y in zip(*pair, strict=True)]
                for pair in zip(CURVES.double(), other.double(), strict=True)]  # fmt: skip
    torch.testing.assert_close(
        map_per_clip(CURVES, other).r2_same, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-5
    )


def test_flat_curves_have_no_map() -> None:
    flat = CURVES.clone()
    flat[0, 1] = 0.5
    found = map_per_clip(CURVES, flat)
    assert found.r2_same.isnan().sum() == found.slope.isnan().sum() == 1
    found = map_per_clip(flat, CURVES)
    assert found.slope.isnan().sum() == 1
    assert found.r2_same[0, 1].abs() < 1e-5
