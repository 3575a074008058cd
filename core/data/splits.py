"""Which clips train, validate and test: drawn by group, so that no patch and no source file is on two sides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.clips import Clips, Dataset
from core.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Places of the clips of each split, in rising order."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]

    def of(self, clips: Clips) -> Dataset:
        """The clips at these places."""
        return Dataset(
            train=clips[torch.tensor(self.train)],
            validation=clips[torch.tensor(self.validation)],
            test=clips[torch.tensor(self.test)],
        )


def split_by_group(groups: Sequence[str], *, validation_share: float, test_share: float, seed: int) -> Splits:
    """Deal whole groups, the largest first, to the split that lacks most clips; the seed breaks ties.

    Every split gets at least one group.

    Raises:
        ConfigError: the shares leave nothing to train on.
        DataError: fewer than three groups.
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
    members: dict[str, list[int]] = {name: [] for name in names}
    for place, group in enumerate(groups):
        members[group].append(place)
    shares = {"train": 1 - validation_share - test_share, "validation": validation_share, "test": test_share}
    lacking = {split: share * len(groups) for split, share in shares.items()}
    dealt: dict[str, list[int]] = {split: [] for split in shares}

    order = np.random.default_rng(seed).permutation(len(names))
    queue = sorted((names[i] for i in order), key=lambda name: -len(members[name]))
    for left, name in zip(range(len(queue), 0, -1), queue, strict=True):
        empty = [split for split in shares if not dealt[split]]
        candidates = empty if left <= len(empty) else list(shares)
        split = max(candidates, key=lambda candidate: lacking[candidate])
        dealt[split] += members[name]
        lacking[split] -= len(members[name])
    return Splits(**{split: tuple(sorted(places)) for split, places in dealt.items()})
