"""Frechet audio distance between two sets of sounds, over an embedding that the user names.

Each set is described by mean m and covariance C of its embeddings:

    d = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))

Reference: Kilgour et al. (2019), arXiv 1812.08466. An estimate from few embeddings is too large, by about as much for
every arm (Gui et al. 2023, arXiv 2311.01616): distances of equal numbers may be compared, and with fewer embeddings
than dimensions the covariances are singular, which `is_rank_deficient` tells.
"""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from core.errors import ConfigError
from core.metrics.audio import CLIPS_AT_ONCE, mfcc
from core.settings.value_rules import printable, shown_value

Embedding = Callable[[ndarray, int], ndarray]
"""Maps sounds (clip, sample) in float32 and their rate in Hz to embeddings (clip, dimension), or several of each clip
(clip, frame, dimension)."""
MFCC_EMBEDDING = "mfcc"
"""Name of the built-in embedding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrechetAudioDistance:
    """The distance of two sets of sounds, with the numbers that it was estimated from."""

    value: float | None
    """None if a set has fewer than two embeddings."""
    n_embeddings: int
    """Embeddings of the smaller set."""
    dimension: int
    n_undefined: int
    """Clips, of both sets, that were left out because their sound or embedding is not finite."""

    @property
    def is_rank_deficient(self) -> bool:
        """Whether there are too few embeddings for a covariance of full rank, so that the distance is far too large."""
        return self.n_embeddings <= self.dimension


def load_embedding(name: str) -> Embedding:
    """The built-in embedding `mfcc`, or the function `module:function` of an installed module, which is imported.

    Raises:
        ConfigError: there is no such module or function.
    """
    if name == MFCC_EMBEDDING:
        return cepstra
    module, _, function = name.partition(":")
    if not module or not function:
        raise ConfigError(f"an embedding is {MFCC_EMBEDDING} or module:function; got {shown_value(name)}")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the embedding {shown_value(name)} cannot be imported: {printable(error)}; name a module of this "
            "environment and a function in it that maps sounds (clip, sample) and their rate to embeddings"
        ) from error
    if not callable(found):
        raise ConfigError(f"the embedding {shown_value(name)} is no function: it is a {type(found).__name__}")
    embedding: Embedding = found
    return embedding


def cepstra(audio: Float[ndarray, "clip sample"], sample_rate: int) -> Float[ndarray, "clip frame 40"]:
    """40 cepstral coefficients of each frame (`core.metrics.audio.mfcc`): timbre, without a learned notion of it.

    It needs no weights, and is not comparable with distances over the embeddings of trained networks.
    """
    chunks = [torch.from_numpy(audio[start : start + CLIPS_AT_ONCE]) for start in range(0, len(audio), CLIPS_AT_ONCE)]
    return torch.cat([mfcc(chunk, sample_rate) for chunk in chunks]).transpose(1, 2).numpy()


def embed(embedding: Embedding, audio: Float[ndarray, "clip sample"], sample_rate: int) -> ndarray:
    """Embeddings (clip, frame, dimension) of sounds; NaN for clips with values that are not finite.

    Raises:
        ConfigError: the embedding fails, or does not return an array of this form.
    """
    is_finite = np.isfinite(audio).all(1)
    try:
        found = np.asarray(embedding(np.where(is_finite[:, None], audio, 0).astype(np.float32), sample_rate))
        found = found.astype(np.float64)
    except Exception as error:
        raise ConfigError(f"the embedding failed: {type(error).__name__}: {printable(error)}") from error
    if found.ndim == 2:
        found = found[:, None]
    if found.ndim != 3 or len(found) != len(audio) or 0 in found.shape:
        raise ConfigError(
            f"an embedding returns (clip, dimension) or (clip, frame, dimension); of {len(audio)} clips it returned "
            f"an array of the shape {found.shape}"
        )
    found[~is_finite] = np.nan
    return found


def frechet_audio_distance(
    target: Float[ndarray, "target frame dimension"], estimate: Float[ndarray, "estimate frame dimension"]
) -> FrechetAudioDistance:
    """The distance of the embeddings of two sets, without the clips that have one that is not finite."""
    kept = [each[np.isfinite(each).all((1, 2))] for each in (target, estimate)]
    sets = [each.reshape(-1, each.shape[-1]) for each in kept]
    n_embeddings = min(map(len, sets))
    value = None
    if n_embeddings >= 2:
        moments = [(each.mean(0), np.cov(each, rowvar=False).reshape(each.shape[1], -1)) for each in sets]
        value = frechet_distance_of_gaussians(*moments[0], *moments[1])
    return FrechetAudioDistance(
        value=value,
        n_embeddings=n_embeddings,
        dimension=target.shape[-1],
        n_undefined=len(target) + len(estimate) - sum(map(len, kept)),
    )


def frechet_distance_of_gaussians(
    mean: Float[ndarray, " dimension"],
    covariance: Float[ndarray, "dimension dimension"],
    other_mean: Float[ndarray, " dimension"],
    other_covariance: Float[ndarray, "dimension dimension"],
) -> float:
    """Squared 2-Wasserstein distance of two Gaussians (Dowson and Landau 1982), also with singular covariances.

    The eigenvalues of C1 C2 are those of the symmetric C1^(1/2) C2 C1^(1/2), which are real and not negative.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    products = np.linalg.eigvalsh(root @ other_covariance @ root).clip(0)
    traces = np.trace(covariance) + np.trace(other_covariance) - 2 * np.sqrt(products).sum()
    return max(0.0, math.fsum([float(np.square(mean - other_mean).sum()), float(traces)]))
