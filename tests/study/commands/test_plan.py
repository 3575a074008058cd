"""`modstudy plan --diff` says what a changed study file would do to a stored study."""

from pathlib import Path

import pytest

from core.training.warmup import TrialCosts
from study.commands.options import BAD_INPUT, OK
from study.commands.plan import comparison_markdown
from study.planning.comparison import compare_plans
from tests.support.command_line import Command, flat
from tests.support.tiny_study import create_study, tiny_plan

FILE = """
question = "Does it run?"
seeds = {seeds}
[config]
device = "cpu"
data = {{ kind = "synthetic", n_train = 8, n_validation = 4, n_test = 4 }}
trainer = {{ max_steps = {steps}, batch_size = 2, validate_every = 2, checkpoint_every = 2 }}
[[arms]]
name = "lpf-8"
config = {{ parameterization = {{ kind = "low_pass", cutoff_hz = 8.0 }} }}
[[arms]]
name = "frame"
config = {{ parameterization = {{ kind = "frame" }} }}
"""
CONSTANT = """
[[arms]]
name = "constant"
config = { parameterization = { kind = "constant" } }
"""
SPLINE = """
[[arms]]
name = "spline"
config = { parameterization = { kind = "spline" } }
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A file of the tiny study, which is stored under the name mine."""
    create_study(tmp_path / "runs" / "mine", tiny_plan(name="mine"))
    return tmp_path / "changed.toml"


def test_without_a_stored_study_it_shows_the_outlook(
    modstudy: Command, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(mine.parent / "cache"))
    costs = TrialCosts(step_s=0.1, clip_s=0.01, n_weights=1000)
    monkeypatch.setattr("core.training.warmup.measure_costs", lambda _: costs)
    mine.write_text(FILE.format(seeds=[0, 1], steps=4))
    result = modstudy("plan", mine)
    assert result.exit_code == OK, result.output
    assert "changed: Does it run? arms lpf-8, frame stages design: 2 arms x 2 seeds, 4 trials" in flat(result)
    assert "digest" not in result.output
    assert "changed: 4 trials" in flat(modstudy("plan", mine, "--trials"))


def test_what_a_study_would_gain(modstudy: Command, mine: Path) -> None:
    mine.write_text(FILE.format(seeds=[0, 1, 2], steps=4) + CONSTANT + SPLINE)
    result = modstudy("plan", mine, "--diff", "mine")
    assert result.exit_code == OK
    assert result.output.splitlines() == [
        "## Changes to the study `mine`",
        "",
        "**Adds arms**",
        "",
        "| arm | settings |",
        "|---|---|",
        "| spline | `parameterization.kind` = spline |",
        "",
        "**Adds the seeds** 2",
        "",
        "`modstudy launch` would train 6 new trials beside 6 planned ones.",
    ]


def test_what_a_study_cannot_change(modstudy: Command, mine: Path) -> None:
    mine.write_text(FILE.format(seeds=[0, 1], steps=5))
    text = flat(modstudy("plan", mine, "--diff", "mine"))
    assert "**Drops the arms** constant" in text
    assert "| `trainer.max_steps` | 4 | 5 | all |" in text
    assert "launch this plan under another name (`--name`)" in text


def test_nothing_to_change(modstudy: Command, mine: Path) -> None:
    mine.write_text(FILE.format(seeds=[0, 1], steps=4) + CONSTANT)
    assert "None: the stored study has all arms and seeds of this plan." in flat(
        modstudy("plan", mine, "--diff", "mine")
    )


def test_a_study_that_is_not_stored_is_named(modstudy: Command, mine: Path) -> None:
    mine.write_text(FILE.format(seeds=[0, 1], steps=4))
    result = modstudy("plan", mine, "--diff", "other")
    assert result.exit_code == BAD_INPUT
    assert "there is no study 'other' under runs; studies there: mine" in flat(result)


def test_a_race_that_has_started_takes_no_change() -> None:
    race = {"min_seeds": 2, "max_seeds": 4}
    stored = tiny_plan(race=race)
    lines = comparison_markdown(stored, compare_plans(stored, tiny_plan(race={**race, "max_seeds": 6})), 0)
    assert "| `race.max_seeds` | 4 | 6 | all |" in lines
    assert lines[-1].startswith("No change is possible, as a race is fixed before it starts")


def test_a_race_without_a_table_in_its_file_is_compared_as_a_race(modstudy: Command, mine: Path) -> None:
    create_study(mine.parent / "runs" / "raced", tiny_plan(name="raced", race={}))
    mine.write_text(FILE.format(seeds=[0, 1], steps=4) + CONSTANT)
    assert "None: the stored study has all arms and seeds of this plan." in flat(
        modstudy("plan", mine, "--diff", "raced", "--until-decided")
    )
    assert "| `race.max_seeds` | 8 | unset | all |" in flat(modstudy("plan", mine, "--diff", "raced"))
