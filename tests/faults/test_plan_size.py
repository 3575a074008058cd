"""Studies of more trials than anybody could run are refused before they are planned; those at the limit are planned."""

from pathlib import Path
from typing import Any

import pytest

from search_spaces.limits import MAX_CELLS, MAX_TRIALS
from search_spaces.study_parsing import parse_study
from study.planning.plan import make_plan
from tests.support.call_count import calls_of
from tests.support.command_line import Command
from tests.support.refusals import assert_refused

MAX_CALLS = 20_000_000
"""Function calls of a refusal, and of the cells of a search, with all type checks; at most 11 million were measured."""
STUDY = 'question = "Why?"\n'
ARM = '[[arms]]\nname = "a"\n'


def seeds(n: int) -> str:
    return f"seeds = {list(range(n))}\n"


def dimension(path: str, n: int, table: str = "space", first: int = 1) -> str:
    return f'[[{table}]]\npath = "{path}"\nvalues = {list(range(first, first + n))}\n'


def integers(path: str, n: int, table: str = "space") -> str:
    return f'[[{table}]]\npath = "{path}"\nlow = 1\nhigh = {n}\n'


def search(arms_per_cell: int, extra: str = "") -> str:
    return f"[search]\narms_per_cell = {arms_per_cell}\n{extra}\n[[search.space]]\n{RATES}"


RATES = 'path = "optimizer.lr"\nlow = 1e-4\nhigh = 1e-1\n'
SPACE_FILLING = f'[[space]]\n{RATES}[design]\nkind = "space_filling"\nn_arms = '
WIDE = dimension("encoder.width", 1000)
TOO_LARGE = {
    "a space of 10^6": (WIDE + dimension("data.seed", 1000), "1,000,000 (arms: 1,000 encoder.width x 1,000 data.seed"),
    "a space of 10^9": (
        WIDE + integers("trainer.max_steps", 1000) + integers("trainer.batch_size", 1000),
        "this one has 1,000,000,000 (arms: 1,000 encoder.width x 1,000 trainer.max_steps x 1,000 trainer.batch_size",
    ),
    "a range of 10^18": (integers("data.seed", 10**18), "about 10^18 (arms: about 10^18 data.seed, seeds: 1)"),
    "a range with 10^12 steps": (
        '[[space]]\npath = "optimizer.lr"\nlow = 0.1\nhigh = 0.2\nstep = 1e-13\n',
        "(arms: 1,000,000,000,001 optimizer.lr, seeds: 1)",
    ),
    "20,000 values with 8 seeds": (
        seeds(8) + dimension("data.seed", 20_000),
        "160,000 (arms: 20,000 data.seed, seeds: 8)",
    ),
    "one more than there may be": (
        seeds(3) + integers("data.seed", MAX_TRIALS // 3 + 1),
        "100,002 (arms: 33,334 data.seed, seeds: 3)",
    ),
    "100,000 values": (dimension("data.seed", 100_001), "values: must have at most 100,000 items"),
    "200,000 seeds": (seeds(100_001) + ARM, "100,001 (arms: 1, seeds: 100,001)"),
    "a condition that leaves too many": (
        '[[space]]\npath = "parameterization.kind"\nvalues = ["spline", "frame"]\n'
        + dimension("data.seed", 500)
        + '[[space]]\npath = "parameterization.n_segments"\nlow = 1\nhigh = 300\n'
        + 'when = { "parameterization.kind" = "spline" }\n',
        "this one has 150,500 (arms: 150,500 of all designs, seeds: 1)",
    ),
    "30 dimensions of 10 values": (
        "".join(dimension(f"p{n}", 10) for n in range(30)),
        "this one has about 10^30 (arms: 10 p0 x 10 p1",
    ),
    "a design of 200,000 arms": (
        f"{SPACE_FILLING}200000\n",
        "design.n_arms: must be less than or equal to 100000",
    ),
    "a design of 50,000 arms with 3 seeds": (
        seeds(3)
        + '[[space]]\npath = "optimizer.lr"\nlow = 0.1\nhigh = 0.2\n[design]\nkind = "space_filling"\nn_arms = 50000\n',
        "150,000 (arms: 50,000 of the design, seeds: 3)",
    ),
    "an ablation with many seeds": (
        seeds(40_000) + "[ablation]\nbaseline = {}\n[ablation.arms]\n" + "".join(f"a{n} = {{}}\n" for n in range(3)),
        "160,000 (arms: 4 listed, seeds: 40,000)",
    ),
    "a search of 10^12 arms": (search(10**12), "search.arms_per_cell: must be less than or equal to 100000"),
    "a search of 100,000 arms": (search(100_000), "200,032 (arms: 100,000 in each cell, seeds: 2; arms: 8 confirmed"),
    "a search with 60,000 seeds": (search(2, seeds(60_000)), "arms: 2 in each cell, seeds: 60,000"),
    "a search of 1,000 arms in 500 cells": (
        search(1000) + dimension("data.seed", 500, "search.grid"),
        "(arms: 500 data.seed x 1,000 in each cell, seeds: 2",
    ),
    "a grid of 2,000 cells": (search(20) + dimension("data.seed", 2000, "search.grid"), "at most 1,000 cells"),
    "a grid of 10^6 cells": (
        search(20) + WIDE.replace("[[space]]", "[[search.grid]]") + dimension("data.seed", 1000, "search.grid"),
        "[[search.grid]] has 1,000,000 (1,000 encoder.width x 1,000 data.seed)",
    ),
    "a grid with conditions": (
        search(20)
        + dimension("data.seed", 900, "search.grid")
        + '[[search.grid]]\npath = "encoder.width"\nvalues = [4, 8]\nwhen = { "data.seed" = '
        + f"{list(range(1, 901))} }}\n",
        "its grid has 1,800",
    ),
    "a race of a billion seeds": (ARM + "[race]\nmax_seeds = 1000000000\n", "race.max_seeds: must be less than"),
    "a race of many arms": (
        dimension("data.seed", 200) + "[race]\nmax_seeds = 1000\n",
        "200,000 (arms: 200 data.seed, seeds: 1,000)",
    ),
    "a confirmation of 50,000 arms": (
        seeds(10) + search(20_000) + "[confirm]\nmax_arms = 50000\n",
        "arms: 20,000 confirmed, seeds: 10",
    ),
}
"""Rest of a study file, and a part of the message, by what is too large."""


@pytest.mark.parametrize(("text", "says"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_study_that_is_too_large_is_refused_before_it_is_planned(
    modstudy: Command, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "mine.toml").write_text(STUDY + text)
    n_calls, _ = calls_of(
        lambda: assert_refused(modstudy, "launch", "mine.toml", "--dry-run", folder=tmp_path, says=says)
    )
    assert n_calls < MAX_CALLS


@pytest.mark.parametrize("n_seeds", [50_000, 100_000, 100_001, 10**9, 10**18])
def test_more_seeds_than_a_study_may_have_are_refused_before_they_are_made(
    modstudy: Command, tmp_path: Path, n_seeds: int
) -> None:
    (tmp_path / "mine.toml").write_text(STUDY + dimension("encoder.width", 3))
    n_calls, _ = calls_of(
        lambda: assert_refused(
            modstudy, "launch", "mine.toml", "--seeds", n_seeds, folder=tmp_path, says="at most 100,000"
        )
    )
    assert n_calls < MAX_CALLS


def planned(**content: Any) -> tuple[float, int]:
    """Function calls per trial, and number of trials, of a plan."""
    settings = {"name": "mine", "question": "?", "config": {"device": "cpu"}, **content}
    n_calls, made = calls_of(lambda: make_plan(parse_study(settings)))
    return n_calls / len(made.plan.trials), len(made.plan.trials)


def test_the_work_of_a_plan_grows_no_faster_than_its_trials() -> None:
    def space(n: int) -> list[dict[str, Any]]:
        return [{"path": "trainer.max_steps", "values": list(range(n))}]

    planned(space=space(10))
    few, n_few = planned(space=space(500))
    many, n_many = planned(space=space(2000))
    assert (n_few, n_many) == (500, 2000)
    assert many < 1.2 * few
    seeds, n_seeds = planned(space=space(2), seeds=list(range(20_000)))
    assert n_seeds == 40_000
    assert seeds < few


def test_a_search_of_the_largest_grid_is_planned() -> None:
    grid = [{"path": "data.seed", "values": list(range(MAX_CELLS))}]
    space = [{"path": "optimizer.lr", "low": 1e-4, "high": 1e-1}]
    study = parse_study(
        {"name": "mine", "question": "?", "search": {"arms_per_cell": 20, "grid": grid, "space": space}}
    )
    n_calls, (found,) = calls_of(study.searches)
    assert n_calls < MAX_CALLS
    assert len(found.cells) == MAX_CELLS


def test_a_study_of_the_largest_size_is_one() -> None:
    study = parse_study(
        {
            "name": "mine",
            "question": "?",
            "seeds": list(range(100)),
            "space": [{"path": "data.seed", "low": 1, "high": MAX_TRIALS // 100}],
        }
    )
    assert len(study.named_arms()) * len(study.seeds) == MAX_TRIALS
