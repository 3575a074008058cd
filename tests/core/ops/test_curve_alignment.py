"""Frechet distance and dynamic time warping: known answers, slow references, bounds, and undefined curves."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.curve_alignment import frechet_distances, warped_distances
from core.seeding import generator


def frechet_by_recursion(target: Tensor, estimate: Tensor) -> float:
    """The definition of Eiter and Mannila, cell after cell."""
    n = len(target)
    time = np.linspace(0, 1, n)
    distance = np.hypot(time[:, None] - time, target.double().numpy()[:, None] - estimate.double().numpy())
    reached = np.full((n + 1, n + 1), np.inf)
    reached[0, 0] = 0
    for i in range(n):
        for j in range(n):
            before = min(reached[i, j], reached[i, j + 1], reached[i + 1, j])
            reached[i + 1, j + 1] = max(before, distance[i, j])
    return float(reached[n, n])


def curves(kind: str, seed: int, n_frames: int) -> tuple[Tensor, Tensor]:
    """A pair of noise, of walks, of a curve and its late copy, or of a curve and itself with noise."""
    noise = torch.rand(2, n_frames, generator=generator(seed, kind), dtype=torch.float64)
    walk = noise.sub(0.5).cumsum(-1).mul(0.3).sin()
    match kind:
        case "noise":
            return noise[0], noise[1]
        case "walks":
            return walk[0], walk[1]
        case "late":
            return walk[0], walk[0].roll(n_frames // 8)
        case _:
            return walk[0], walk[0] + 0.05 * noise[1]


@pytest.mark.parametrize("n_frames", [1, 2, 3, 40, 61])
@pytest.mark.parametrize("kind", ["noise", "walks", "late", "near"])
def test_the_frechet_distance_is_that_of_the_plain_recursion(kind: str, n_frames: int) -> None:
    for seed in range(3):
        target, estimate = curves(kind, seed, n_frames)
        expected = frechet_by_recursion(target, estimate)
        assert float(frechet_distances(target, estimate)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("radius", [1, 6, 40])
@pytest.mark.parametrize("kind", ["noise", "walks", "late", "near"])
def test_warping_is_that_of_librosa(kind: str, radius: int) -> None:
    target, estimate = curves(kind, 0, 40)
    costs, _ = librosa.sequence.dtw(
        target[None].numpy(),
        estimate[None].numpy(),
        weights_mul=np.array([2.0, 1.0, 1.0]),
        global_constraints=radius < 40,
        # The band leaves out its last diagonals.
        band_rad=(radius + 1) / 40,
    )
    # The first pair is counted once.
    expected = (costs[-1, -1] + abs(float(target[0] - estimate[0]))) / 80
    assert float(warped_distances(target, estimate, radius)) == pytest.approx(expected, abs=1e-12)


def test_known_distances() -> None:
    ramp = torch.linspace(0, 1, 11)
    assert float(frechet_distances(ramp, ramp)) == 0
    assert float(frechet_distances(ramp, ramp + 0.25)) == pytest.approx(0.25)
    assert float(frechet_distances(ramp, 1 - ramp)) == pytest.approx(1)
    assert float(warped_distances(ramp, ramp + 0.25, 0)) == pytest.approx(0.25)
    # A bump that comes two of ten frames late is as far away as that, whatever its height.
    bump, late = torch.zeros(2, 11)
    bump[4] = late[6] = 1
    assert float(frechet_distances(bump, late)) == pytest.approx(0.2)
    assert float(warped_distances(bump, late, 2)) == 0
    assert float(warped_distances(bump, late, 1)) > 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40))
def test_neither_exceeds_the_distance_frame_by_frame(seed: int, n_frames: int) -> None:
    target, estimate = torch.rand(2, 3, n_frames, generator=generator(seed, "pair"), dtype=torch.float64)
    error = (target - estimate).abs()
    assert bool((frechet_distances(target, estimate) <= error.amax(-1) + 1e-12).all())
    assert bool((warped_distances(target, estimate, 5) <= error.mean(-1) + 1e-12).all())
    torch.testing.assert_close(frechet_distances(target, estimate), frechet_distances(estimate, target))
    torch.testing.assert_close(warped_distances(target, estimate, 5), warped_distances(estimate, target, 5))


def test_undefined_curves_are_nan_and_do_not_touch_others() -> None:
    target, estimate = torch.rand(2, 2, 3, 20, generator=generator(0, "pair"))
    estimate[1, 2, 3] = torch.nan
    target[0, 0, 0] = torch.inf
    for found in (frechet_distances(target, estimate), warped_distances(target, estimate, 3)):
        assert found.shape == (2, 3)
        assert found.isnan().nonzero().tolist() == [[0, 0], [1, 2]]
        assert found.dtype == target.dtype
