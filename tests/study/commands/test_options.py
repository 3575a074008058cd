"""Every error of this project is one line and an exit code; any other error is a bug and stays an exception."""

from collections.abc import Callable

import pytest
import typer

from core.errors import ConfigError, DataError, ModstudyError, StoreError, StudyError
from study.commands.options import BAD_INPUT, INTERRUPTED, OK, TRIALS_FAILED, report_errors
from study.execution.session import Interrupted


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
