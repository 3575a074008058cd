"""Distances of sounds that training does not wait for: the test sounds of trained models, made again.

A trial stores its weights and a few of its sounds. All test sounds are made again from the weights, which gives the
sounds of the evaluation, on another machine up to rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from core.data.dataset_cache import cached_dataset
from core.metrics.embeddings import Embedding, embed, frechet_audio_distance, load_embedding
from core.metrics.perceptual import cdpam_distance
from core.settings.digest import settings_sha256
from core.settings.loading import from_settings
from core.settings.trial import TrialConfig
from core.storage.records import TrialRecord
from core.storage.store import Store
from core.training.trained_synth import trained_model
from core.training.trainer import estimate_clips
from core.training.trial import evenly_spaced

Targets = dict[str, Any]
"""Embeddings of target sounds by a hash of their data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundDistance:
    """A distance of the sounds of one trial."""

    arm: str
    seed: int
    measure: str
    """`fad.EMBEDDING`, or `cdpam`."""
    value: float | None
    """None if it is undefined for all clips."""
    n_clips: int
    """Pairs of target and estimate."""
    n_undefined: int
    """Sounds, or pairs, that were left out because a value is not finite."""
    dimension: int | None = None
    """Of the embedding."""
    is_rank_deficient: bool = False
    """Whether there are no more embeddings than dimensions, so that the distance is far too large."""


Measure = Callable[[TrialRecord, TrialConfig, Tensor, Tensor], SoundDistance]
"""Computes a distance from the record and config of a trial, its target sounds and its estimates."""


def measures_of(embeddings: Sequence[str], n_perceptual: int) -> tuple[Measure, ...]:
    """The Frechet audio distance over each embedding, and the perceptual distance of so many clips, if any.

    Raises:
        ConfigError: an embedding cannot be imported, or the perceptual distance is not installed.
    """
    measures: list[Measure] = [partial(_frechet, name, load_embedding(name), {}) for name in embeddings]
    if n_perceptual:
        silence = torch.zeros(1, 4096)
        cdpam_distance(silence, silence, 16_000)
        measures.append(partial(_perceptual, n_perceptual))
    return tuple(measures)


def sound_distances(
    store: Store, records: Sequence[TrialRecord], measures: Sequence[Measure]
) -> Iterator[SoundDistance]:
    """Each measure of each trial, whose sounds are made again.

    Raises:
        StoreError, DataError: weights or data cannot be read.
        ConfigError: an embedding fails.
    """
    for record in records:
        config = from_settings(record.config)
        model = trained_model(store.attempt_of(record), config)
        clips = cached_dataset(config).test
        estimate = estimate_clips(model, clips, "test", config).audio
        for measure in measures:
            yield measure(record, config, clips.audio, estimate)


# ---------------------------------------------------------------------------------------------------------------------


def _frechet(
    name: str, embedding: Embedding, targets: Targets, record: TrialRecord, config: TrialConfig, target: Tensor,
    estimate: Tensor,
) -> SoundDistance:  # fmt: skip
    """The Frechet audio distance; the embeddings of the target sounds are kept, since trials share them."""
    rate = config.audio.sample_rate
    key = settings_sha256((config.data, config.audio))
    if key not in targets:
        targets[key] = embed(embedding, target.numpy(), rate)
    found = frechet_audio_distance(targets[key], embed(embedding, estimate.numpy(), rate))
    return SoundDistance(
        arm=record.arm,
        seed=record.seed,
        measure=f"fad.{name}",
        value=found.value,
        n_clips=len(target),
        n_undefined=found.n_undefined,
        dimension=found.dimension,
        is_rank_deficient=found.is_rank_deficient,
    )


def _perceptual(
    n_clips: int, record: TrialRecord, config: TrialConfig, target: Tensor, estimate: Tensor
) -> SoundDistance:
    """The mean perceptual distance of some clips, those at equal distances."""
    chosen = torch.tensor(evenly_spaced(len(target), n_clips))
    values = cdpam_distance(target[chosen], estimate[chosen], config.audio.sample_rate)
    mean = float(values.nanmean())
    return SoundDistance(
        arm=record.arm,
        seed=record.seed,
        measure="cdpam",
        value=None if mean != mean else mean,
        n_clips=len(chosen),
        n_undefined=int(values.isnan().sum()),
    )
