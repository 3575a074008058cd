"""Splits by group: groups stay together, shares are met, and the seed determines the split."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.clips import Clips
from core.data.splits import split_by_group
from core.errors import ConfigError, DataError


@given(
    sizes=st.lists(st.integers(1, 30), min_size=3, max_size=40),
    shares=st.tuples(st.floats(0.05, 0.45), st.floats(0.05, 0.45)),
    seed=st.integers(0, 99),
)
def test_groups_stay_whole_and_every_clip_is_in_one_split(
    sizes: list[int], shares: tuple[float, float], seed: int
) -> None:
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    splits = split_by_group(groups, validation_share=shares[0], test_share=shares[1], seed=seed)
    sides = [splits.train, splits.validation, splits.test]
    assert sorted(place for side in sides for place in side) == list(range(len(groups)))
    assert all(side == tuple(sorted(side)) and side for side in sides)
    members = [{groups[place] for place in side} for side in sides]
    assert sum(len(side) for side in members) == len(sizes)


def test_single_files_are_split_by_the_shares() -> None:
    splits = split_by_group([f"f{i}" for i in range(100)], validation_share=0.2, test_share=0.3, seed=0)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (50, 20, 30)


def test_one_large_group_goes_to_training() -> None:
    splits = split_by_group(["big"] * 50 + ["a", "b"], validation_share=0.2, test_share=0.2, seed=1)
    assert splits.train == tuple(range(50))


def test_seed_draws_the_split_and_the_order_of_files_does_not() -> None:
    groups = [f"f{i}" for i in range(40)]
    one = split_by_group(groups, validation_share=0.2, test_share=0.2, seed=1)
    assert one == split_by_group(groups, validation_share=0.2, test_share=0.2, seed=1)
    assert one != split_by_group(groups, validation_share=0.2, test_share=0.2, seed=2)
    turned = split_by_group(groups[::-1], validation_share=0.2, test_share=0.2, seed=1)
    assert {groups[::-1][place] for place in turned.test} == {groups[place] for place in one.test}


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(DataError, match="at least 3 are needed; got 2"):
        split_by_group(["a", "b", "a"], validation_share=0.2, test_share=0.2, seed=0)
    with pytest.raises(ConfigError, match="stay below 1"):
        split_by_group(["a", "b", "c"], validation_share=0.5, test_share=0.5, seed=0)


def test_clips_are_dealt_to_their_splits() -> None:
    ids = tuple(f"clip{i}" for i in range(10))
    clips = Clips(ids=ids, audio=torch.eye(10), f0_hz=torch.ones(10), q=torch.zeros(10), modulation=None)
    splits = split_by_group(ids, validation_share=0.2, test_share=0.2, seed=0)
    dataset = splits.of(clips)
    for side, places in ((dataset.train, splits.train), (dataset.test, splits.test)):
        assert side.ids == tuple(ids[place] for place in places)
        assert torch.equal(side.audio, torch.eye(10)[list(places)])
    assert len(dataset.validation) == 2
