"""The caveat on the number of seeds."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.analysis.seed_caveat import race_caveat, seed_caveat, study_caveat
from dashboards.analysis.study_results import load_results
from tests.support.fake_stages import fake_race
from tests.support.fake_study import ARMS, FakeArm, MakeStudy


@pytest.mark.parametrize(
    ("n", "words"),
    [(1, "not as evidence"), (2, "indication, not evidence"), (5, "cannot reach p < 0.05")],
)
def test_few_seeds_come_with_a_warning(n: int, words: str) -> None:
    assert words in seed_caveat(n, 8)


def test_enough_seeds_come_without_one() -> None:
    assert "evidence" not in seed_caveat(8, 1)


def test_the_number_of_comparisons_limits_what_seeds_can_show() -> None:
    assert "6 seeds are the fewest for one comparison, 9 for the 8 that this study makes" in seed_caveat(2, 8)
    none = seed_caveat(8, 8)
    assert "None of the 8 comparisons can reach p < 0.05: the smallest adjusted p is 0.0625" in none
    assert "9 for the 8 that this study makes" in none
    assert seed_caveat(9, 8).endswith("With 8 comparisons, no adjusted p can be below 0.0312.")
    assert seed_caveat(6, 1).endswith("With 1 comparison, no adjusted p can be below 0.0312.")
    assert "no number is enough for all 2000 together" in seed_caveat(8, 2000)


def test_the_caveat_of_a_study_counts_its_comparisons(make_study: MakeStudy) -> None:
    assert "None of the 8 comparisons can reach p < 0.05" in study_caveat(load_results(make_study(seeds=6, n_clips=0)))


def test_a_race_says_that_it_chose_the_numbers_of_seeds(tmp_path: Path) -> None:
    caveat = study_caveat(load_results(fake_race(tmp_path / "race", n_clips=0)))
    assert re.match(r"\d to \d seeds per arm, as many as", caveat)
    assert "as many as the race gave it by its validation values" in caveat
    assert race_caveat([3, 3]).startswith("3 seeds per arm")


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        (ARMS[5:], "Every arm that has finished is a baseline: there is nothing to compare."),
        ((*ARMS[5:], replace(ARMS[0], range=0.01)), "Every arm that has finished is a baseline or static: there is"),
        ([replace(ARMS[0], outcomes={0: None, 1: None}), *ARMS[5:]], "has finished is a baseline: there is nothing"),
        ([replace(ARMS[0], outcomes={0: None, 1: "nan"})], "No seed has finished: there is nothing to compare yet."),
        ([replace(ARMS[0], outcomes={0: "nan", 1: "nan"})], "All trials have ended, and none has finished: there is"),
    ],
)
def test_a_study_without_arms_to_compare_says_why(make_study: MakeStudy, arms: Sequence[FakeArm], words: str) -> None:
    assert words in study_caveat(load_results(make_study(arms, n_clips=0)))


def test_20_seeds_have_bootstrap_intervals() -> None:
    assert "intervals are 95 % BCa bootstrap intervals" in seed_caveat(20, 1)
    assert "intervals are 95 % Student-t intervals" in seed_caveat(19, 1)
