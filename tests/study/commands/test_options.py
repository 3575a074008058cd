"""Every error of this project is one line and an exit code; any other error is a bug and stays an exception."""

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from core.errors import ConfigError, DataError, ModstudyError, StoreError, StudyError
from study.commands.options import BAD_INPUT, OK, TRIALS_FAILED, report_errors, with_option_groups
from study.execution.interrupts import INTERRUPTED
from study.execution.run_options import RunOptions
from study.execution.session import Interrupted
from tests.support.command_line import Command, flat


def exit_code_of(command: Callable[[], int | None]) -> int:
    with pytest.raises(typer.Exit) as caught:
        report_errors(command)()
    return int(caught.value.exit_code)


@pytest.mark.parametrize("code", [OK, TRIALS_FAILED])
def test_a_command_returns_its_exit_code(code: int) -> None:
    assert exit_code_of(lambda: code) == code
    assert exit_code_of(lambda: None) == OK


@pytest.mark.parametrize("error_class", [ConfigError, DataError, StoreError, StudyError])
def test_an_error_of_this_project_is_one_line(
    error_class: type[ModstudyError], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error_class("no [folder] given")

    assert exit_code_of(fail) == BAD_INPUT
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "error: no [folder] given\n")


@pytest.mark.parametrize(
    ("stop", "line"), [(Interrupted("stopped; go on"), "stopped; go on\n"), (KeyboardInterrupt(), "stopped\n")]
)
def test_an_interrupt_is_one_line(stop: KeyboardInterrupt, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise stop

    assert exit_code_of(interrupt) == INTERRUPTED
    assert capsys.readouterr().err == line


def test_any_other_error_is_not_hidden() -> None:
    def fail() -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        report_errors(fail)()


def options_given(*words: str) -> RunOptions:
    """The options that a command with the options of runs gets for some words on the command line."""
    found: list[RunOptions] = []

    @with_option_groups
    def command(name: str, root: str = "runs", *, options: RunOptions) -> int:
        assert (name, root) == ("mine", "runs")
        found.append(options)
        return OK

    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["mine", *words])
    assert result.exit_code == OK, result.output
    return found[0]


def test_each_option_of_a_run_reaches_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert options_given() == RunOptions()
    words = "--trials-at-once 3 --cpus-per-trial 2 --gpus-per-trial 0.5 --memory-per-trial 4 --address head:6379"
    more = "--wait-for-nodes 60 --tracking-uri http://x --allow-code-change"
    assert options_given(*words.split(), *more.split()) == RunOptions(
        trials_at_once=3,
        cpus_per_trial=2.0,
        gpus_per_trial=0.5,
        memory_per_trial=4.0,
        address="head:6379",
        wait_for_nodes=60.0,
        tracking_uri="http://x",
        allow_code_change=True,
    )


def test_the_address_comes_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert options_given().address == "10.0.0.1:6379"
    assert options_given("--address", "auto").address == "auto"


@pytest.mark.parametrize("command", ["launch", "extend", "resume", "retry"])
def test_all_commands_that_run_trials_have_the_options_of_runs(modstudy: Command, command: str) -> None:
    help_text = flat(modstudy(command, "--help"))
    for option in ("--trials-at-once", "--memory-per-trial", "--address", "--wait-for-nodes", "--tracking-uri"):
        assert option in help_text
    assert "--options" not in help_text


def test_a_cluster_that_cannot_be_reached_is_one_error_before_the_plan_is_written(
    modstudy: Command, tmp_path: Path
) -> None:
    result = modstudy("launch", "quickstart", "--address", "127.0.0.1:1")
    assert result.exit_code == BAD_INPUT
    assert flat(result).startswith("error: the Ray cluster at 127.0.0.1:1 cannot be joined: [Errno 111] Connection")
    assert not (tmp_path / "runs").exists()
