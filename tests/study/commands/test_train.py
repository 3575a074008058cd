"""`modstudy train`: one trial from a TOML file, and an example of such a file."""

from pathlib import Path

import pytest

from core.settings.loading import load_config
from core.storage.store import Store
from core.training.resolve import resolve
from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat
from tests.support.configs import TINY

STUDY = 'question = "Does it run?"\n[[arms]]\nname = "frame"\nconfig = { parameterization = { kind = "frame" } }\n'


def test_the_example_is_a_trial_file_that_resolves(modstudy: Command, tmp_path: Path) -> None:
    result = modstudy("train", "--example")
    assert result.exit_code == OK
    path = tmp_path / "trial.toml"
    path.write_text(result.output)
    config = resolve(load_config(path)).config
    assert config.digest
    assert config.trainer.max_steps == 220
    assert "#" in result.output


def test_the_example_trains(modstudy: Command, tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text(modstudy("train", "--example").output)
    small = [word for assignment in TINY for word in ("--set", assignment)]
    result = modstudy("train", "trial.toml", "--out", "mine", *small, "--set", "trainer.max_steps=2")
    assert result.exit_code == OK, result.output
    assert "finished after 2 steps" in flat(result)
    (record,) = Store(tmp_path / "mine").ledger()
    assert (record.outcome, record.study, record.arm, record.seed) == ("finished", "train", "trial", 0)
    assert record.config["parameterization.cutoff_hz"] == 8.0
    assert f"trials/{record.digest}/{record.attempt}" in result.output


def test_a_study_file_is_refused_with_the_command_that_runs_it(modstudy: Command, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    result = modstudy("train", "study.toml")
    assert result.exit_code == BAD_INPUT
    assert "study.toml is a study file: run it by `modstudy launch study.toml`" in flat(result)
    assert "`modstudy train --example` prints one" in flat(result)
    assert not (tmp_path / "runs").exists()


def test_without_a_file_it_names_the_command_that_makes_one(modstudy: Command) -> None:
    result = modstudy("train")
    assert result.exit_code == BAD_INPUT
    assert "make one by `modstudy train --example > trial.toml`" in flat(result)


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("", ["--set", "trainer.max_step=3"], "unknown setting trainer.max_step; did you mean trainer.max_steps?"),
        ('preset = "tiny"', [], "unknown preset 'tiny'; choose one of paper, small"),
        ("trainer = 3", [], "trainer is a group of settings, not a value; got 3"),
        ("seed = ", [], "trial.toml is not valid TOML"),
    ],
)
def test_bad_input_is_one_error_before_anything_starts(
    modstudy: Command, tmp_path: Path, content: str, arguments: list[str], message: str
) -> None:
    (tmp_path / "trial.toml").write_text(content)
    result = modstudy("train", "trial.toml", *arguments)
    assert result.exit_code == BAD_INPUT
    assert message in flat(result)
    assert flat(result).count("error:") == 1
    assert not (tmp_path / "runs").exists()
