"""Splits into training, validation and test clips by group: no patch and no source file is in two of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.clips import Clips, Dataset
from core.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Indices of the clips of each split, in increasing order."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of training, validation and test clips."""
        return len(self.train), len(self.validation), len(self.test)

    def of(self, clips: Clips) -> Dataset:
        """The clips of each split."""
        return Dataset(
            train=clips[torch.tensor(self.train)],
            validation=clips[torch.tensor(self.validation)],
            test=clips[torch.tensor(self.test)],
        )


def split_by_group(groups: Sequence[str], *, validation_share: float, test_share: float, seed: int) -> Splits:
    """Assign whole groups, largest first, each to the split that is furthest below its share of the clips.

    Groups of equal size are ordered by the seed. Every split gets at least one group.

    Raises:
        ConfigError: the shares leave nothing to train on.
        DataError: there are fewer than three groups.
    """
    if validation_share + test_share >= 1:
        raise ConfigError(
            f"data.validation_share + data.test_share must stay below 1, or nothing is left to train on; "
            f"got {validation_share:g} + {test_share:g}"
        )
    names = sorted(set(groups))
    if len(names) < 3:
        raise DataError(
            f"splits are drawn by patch or source file, so at least 3 are needed; got {len(names)} "
            f"({', '.join(names)}); add sounds of other patches, or name the groups in a metadata.csv"
        )
    indices_of_group: dict[str, list[int]] = {name: [] for name in names}
    for index, group in enumerate(groups):
        indices_of_group[group].append(index)
    shares = {"train": 1 - validation_share - test_share, "validation": validation_share, "test": test_share}
    n_missing = {split: share * len(groups) for split, share in shares.items()}
    indices_of_split: dict[str, list[int]] = {split: [] for split in shares}

    order = np.random.default_rng(seed).permutation(len(names))
    names_by_size = sorted((names[i] for i in order), key=lambda name: -len(indices_of_group[name]))
    for n_left, name in zip(range(len(names_by_size), 0, -1), names_by_size, strict=True):
        empty = [split for split in shares if not indices_of_split[split]]
        candidates = empty if n_left <= len(empty) else list(shares)
        split = max(candidates, key=lambda candidate: n_missing[candidate])
        indices_of_split[split] += indices_of_group[name]
        n_missing[split] -= len(indices_of_group[name])
    return Splits(**{split: tuple(sorted(indices)) for split, indices in indices_of_split.items()})
