"""The table `[race]` of study files: its seeds, its place among the stages, and errors."""

import tomllib

import pytest

from core.errors import ConfigError
from search_spaces.designs.explicit import ExplicitArms
from search_spaces.race import Race
from search_spaces.study_entries import RaceEntry
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import parse_study

ARMS = 'question = "why?"\n[[arms]]\nname = "a"\nconfig = { encoder = { width = 8 } }\n'
SEARCH = '[search]\narms_per_cell = 4\nspace = [{ path = "encoder.width", low = 4, high = 16 }]\n'
STOPPING = '[early_stopping]\nkind = "median"\nstages = ["race", "search"]\n'
RACE = ARMS + "[race]\n"


def parsed(text: str) -> StudyFile:
    return parse_study({"name": "mine", **tomllib.loads(text)})


def test_seeds_are_continued_to_the_largest_number() -> None:
    study = parsed("seeds = [0, 4]\n" + RACE)
    assert study.all_seeds == (0, 4, 5, 6, 7, 8, 9, 10)
    assert study.design_seeds == (0, 4, 5)


def test_a_race_follows_the_designs() -> None:
    study = parsed("seeds = [0, 4]\n" + RACE + "max_seeds = 4\nerror_rate = 0.1")
    design, race = study.strategies()
    assert isinstance(design, ExplicitArms)
    assert race == Race(seeds=(0, 4, 5, 6), entry=RaceEntry(max_seeds=4, error_rate=0.1))
    assert parse_study(study.to_settings()) == study


def test_any_study_of_designs_can_be_a_race() -> None:
    assert parsed(ARMS).as_race() == parsed(RACE)
    assert parsed(ARMS).all_seeds == parsed(ARMS).design_seeds == (0,)
    raced = parsed(RACE + "max_seeds = 4")
    assert raced.as_race() is raced
    many = parsed(f"seeds = {list(range(10))}\n" + ARMS)
    assert many.as_race().all_seeds == many.seeds


@pytest.mark.parametrize(
    ("race", "message"),
    [
        ("error_rate = 0.0", r"race\.error_rate lies between 0 and 0\.5, often 0\.05; got 0"),
        ("error_rate = 0.5", r"race\.error_rate lies between"),
        ("min_seeds = 1", r"race\.min_seeds is at least 2, .*; got 1 and 8"),
        ("min_seeds = 9", r"race\.min_seeds is .* at most race\.max_seeds; got 9 and 8"),
        ("give_up_below = 1.0", r"race\.give_up_below is a probability below 1.*; got 1"),
        ("max_seed = 4", r"unknown key race\.max_seed in a study file; did you mean race\.max_seeds\?"),
        ("max_seeds = 2.5", r"race\.max_seeds: .*; got 2\.5"),
    ],
)
def test_wrong_races_are_refused(race: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parsed(RACE + race)


def test_more_seeds_than_a_race_gives_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"at most race\.max_seeds seeds, 4, and seeds lists 5; raise"):
        parsed("seeds = [0, 1, 2, 3, 4]\n" + RACE + "max_seeds = 4")


def test_a_race_beside_a_search_is_refused() -> None:
    with pytest.raises(ConfigError, match="make them two studies, or leave one out"):
        parsed(RACE + SEARCH)
    with pytest.raises(ConfigError, match="make them two studies"):
        parsed(ARMS + SEARCH).as_race()


def test_a_race_whose_trials_are_stopped_by_their_results_is_refused() -> None:
    with pytest.raises(ConfigError, match="leave race out of early_stopping.stages"):
        parsed(RACE + STOPPING)
    assert parsed(RACE + STOPPING.replace('"race", ', "")).race is not None
