"""Frechet audio distance: known Gaussians, scipy, embeddings of users, and sounds that are left out."""

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm

from core.errors import ConfigError
from core.metrics.embeddings import (
    cepstra,
    embed,
    frechet_audio_distance,
    frechet_distance_of_gaussians,
    load_embedding,
)

RNG = np.random.default_rng(0)


def covariance(dimension: int, seed: int, rank: int | None = None) -> np.ndarray:
    factor = np.random.default_rng(seed).standard_normal((dimension, rank or dimension))
    product: np.ndarray = factor @ factor.T
    return product


def test_the_distance_of_gaussians_is_that_of_scipy() -> None:
    for seed in range(3):
        first, second = covariance(6, seed), covariance(6, seed + 10)
        means = np.random.default_rng(seed + 20).standard_normal((2, 6))
        expected = np.square(means[0] - means[1]).sum() + np.trace(first + second - 2 * sqrtm(first @ second).real)
        assert frechet_distance_of_gaussians(means[0], first, means[1], second) == pytest.approx(expected, rel=1e-9)


def test_known_distances_of_gaussians() -> None:
    one, mean = np.eye(3), np.zeros(3)
    assert frechet_distance_of_gaussians(mean, one, mean, one) == 0
    assert frechet_distance_of_gaussians(mean, one, mean + 2, one) == pytest.approx(12)
    assert frechet_distance_of_gaussians(mean, 9 * one, mean, 4 * one) == pytest.approx(3)
    # In one dimension with a singular covariance: a point against a Gaussian of variance 4.
    assert frechet_distance_of_gaussians(mean[:1], np.zeros((1, 1)), mean[:1], 4 * np.eye(1)) == pytest.approx(4)
    singular = covariance(8, 0, rank=2)
    assert frechet_distance_of_gaussians(np.zeros(8), singular, np.zeros(8), singular) == pytest.approx(0, abs=1e-6)


def test_large_sets_have_the_distance_of_what_they_are_drawn_from_and_small_ones_a_larger() -> None:
    draws = RNG.standard_normal((2, 20_000, 1, 4))
    draws[1] += 1.0
    assert frechet_audio_distance(*draws).value == pytest.approx(4, rel=0.03)
    few = [frechet_audio_distance(*RNG.standard_normal((2, 8, 1, 4))) for _ in range(20)]
    assert np.mean([each.value or 0 for each in few]) > 0.5, "the bias of few sounds"
    assert not few[0].is_rank_deficient
    assert frechet_audio_distance(*RNG.standard_normal((2, 4, 1, 4))).is_rank_deficient


def test_clips_without_a_finite_embedding_are_left_out_and_counted() -> None:
    target, estimate = RNG.standard_normal((2, 6, 2, 3))
    flawed = estimate.copy()
    flawed[2, 1, 0], flawed[4] = np.nan, np.inf
    found = frechet_audio_distance(target, flawed)
    assert (found.n_undefined, found.n_embeddings, found.dimension) == (2, 8, 3)
    assert found.value == pytest.approx(frechet_audio_distance(target, estimate[[0, 1, 3, 5]]).value)
    assert frechet_audio_distance(target, np.full_like(target, np.nan)).value is None


def test_cepstra_of_equal_sounds_have_no_distance_and_those_of_darker_ones_some() -> None:
    audio = RNG.uniform(-0.5, 0.5, (10, 4000)).astype(np.float32)
    dark = np.cumsum(audio, axis=1, dtype=np.float32) / 10
    bright, same, other = (embed(cepstra, each, 16_000) for each in (audio, audio, dark))
    assert bright.shape == (10, 21, 40)
    assert frechet_audio_distance(bright, same).value == pytest.approx(0, abs=1e-6)
    assert (frechet_audio_distance(bright, other).value or 0) > 10


def test_an_embedding_of_the_user_is_imported_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_embedding.py").write_text(
        "import numpy as np\n"
        "value = 3\n"
        "def level(audio, sample_rate):\n    return np.stack([audio.std(1), audio.mean(1) * sample_rate], 1)\n"
        "def flat(audio, sample_rate):\n    return audio.std(1)\n"
        "def broken(audio, sample_rate):\n    raise OSError('no weights')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    audio = RNG.uniform(-0.5, 0.5, (3, 100)).astype(np.float32)
    audio[1, 5] = np.nan
    found = embed(load_embedding("my_embedding:level"), audio, 100)
    assert found.shape == (3, 1, 2)
    assert found[0, 0].tolist() == pytest.approx([audio[0].std(), audio[0].mean() * 100], rel=1e-4)
    assert np.isnan(found[1]).all()
    with pytest.raises(ConfigError, match=r"returns \(clip, dimension\) .* an array of the shape \(3,\)"):
        embed(load_embedding("my_embedding:flat"), audio, 100)
    with pytest.raises(ConfigError, match="the embedding failed: OSError: no weights"):
        embed(load_embedding("my_embedding:broken"), audio, 100)
    with pytest.raises(ConfigError, match="is no function: it is a int"):
        load_embedding("my_embedding:value")


@pytest.mark.parametrize("name", ["clap", "my_module:", ":embed", "no_such_module:embed", "math:embed", "..:embed"])
def test_an_embedding_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="embedding"):
        load_embedding(name)
