"""The command line in the test's own process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from study.cli import app

Command = Callable[..., Result]
"""Runs `modstudy` with some arguments."""


@pytest.fixture
def modstudy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, run in this process and in the test's own folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="modstudy")

    return run


def flat(result: Result) -> str:
    """Everything that a command printed, on one line."""
    return " ".join(result.output.split())
