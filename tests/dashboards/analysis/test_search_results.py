"""What a report says about a search: its proposals by cell, and its claims against fresh seeds."""

from pathlib import Path

import numpy as np
import pytest

from core.storage.store import Store
from dashboards.analysis.search_results import SearchResults
from dashboards.analysis.study_results import load_results
from tests.support.fake_stages import CELLS, fake_search
from tests.support.fake_study import MakeStudy


def search_of(store: Store) -> SearchResults:
    search = load_results(store).search
    assert search is not None
    return search


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> SearchResults:
    return search_of(fake_search(tmp_path_factory.mktemp("searched") / "search"))


def test_each_cell_has_its_proposals_counted(searched: SearchResults) -> None:
    assert [cell.name for cell in searched.cells] == list(CELLS)
    for cell, n_finished in zip(searched.cells, (12, 11), strict=True):
        assert (cell.n_asks, cell.n_arms, cell.n_infeasible, cell.n_repeated) == (8, 6, 1, 1)
        assert (cell.n_trials, cell.n_finished, cell.samplers) == (12, n_finished, ("tpe",))
    assert searched.n_trials == 24
    assert searched.seeds == (1000, 1001)


def test_claims_are_means_over_the_seeds_of_the_search(tmp_path: Path) -> None:
    store = fake_search(tmp_path / "search")
    search = search_of(store)
    arm = search.confirmed[0]
    of_search = {
        record.seed: record.metrics["validation"]["audio.mss"]
        for record in store.ledger()
        if record.arm == arm.name and record.seed >= 1000
    }
    assert arm.claimed["audio.mss"] == pytest.approx(np.mean([of_search[1000], of_search[1001]]))
    assert arm.confirmed["test"]["audio.mss"].n == 4
    assert arm.confirmed["validation"]["audio.mss"].lo is not None


def test_an_arm_that_failed_with_a_seed_has_no_claim(searched: SearchResults) -> None:
    failed = next(arm for arm in searched.arms if arm.name == f"{CELLS[1]} 005")
    assert (failed.claimed, failed.front_probability) == ({}, None)


def test_confirmed_arms_come_with_their_probability_most_probable_first(searched: SearchResults) -> None:
    confirmed = searched.confirmed
    assert {arm.name for arm in confirmed} == {f"{CELLS[0]} {number:03d}" for number in range(3)}
    probabilities = [arm.front_probability or 0.0 for arm in confirmed]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 < probability <= 1 for probability in probabilities)


def test_optimism_compares_claims_with_both_splits(searched: SearchResults) -> None:
    assert set(searched.optimism) == {"validation", "test"}
    optimism = searched.optimism["validation"]
    assert set(optimism.arms) == {arm.name for arm in searched.confirmed}
    by_hand = np.mean(
        [arm.confirmed["validation"]["audio.mss"].mean - arm.claimed["audio.mss"] for arm in searched.confirmed]
    )
    assert optimism.by_objective["audio.mss"].mean == pytest.approx(by_hand)
    assert optimism.share.lo is not None


def test_a_search_that_is_not_confirmed_has_no_optimism(tmp_path: Path) -> None:
    search = search_of(fake_search(tmp_path / "search", n_confirmed=0))
    assert (search.confirmed, search.optimism) == ((), {})


def test_arms_of_the_search_alone_are_no_arms_of_the_study(tmp_path: Path) -> None:
    results = load_results(fake_search(tmp_path / "search"))
    assert [arm.name for arm in results.arms] == ["frame", "lpf-8", *(f"{CELLS[0]} {n:03d}" for n in range(3))]
    assert all(set(arm.values["audio.mss"]) == {0, 1, 2, 3} for arm in results.arms)


def test_a_study_without_a_search_has_none(make_study: MakeStudy) -> None:
    assert load_results(make_study(n_clips=0)).search is None
