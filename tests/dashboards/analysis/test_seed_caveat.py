"""The caveat on the number of seeds."""

import re
from pathlib import Path

import pytest

from dashboards.analysis.seed_caveat import race_caveat, seed_caveat, study_caveat
from dashboards.analysis.study_results import load_results
from tests.support.fake_stages import fake_race
from tests.support.fake_study import MakeStudy


@pytest.mark.parametrize(
    ("n", "words"),
    [(0, "nothing to compare"), (1, "not as evidence"), (2, "indication, not evidence"), (5, "cannot reach p < 0.05")],
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
    assert "nothing to compare" in race_caveat([])
