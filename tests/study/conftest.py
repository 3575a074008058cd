"""A small study whose trials cost nothing: its plan is a real one, its records are not."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from core.storage.records import StudyPlan
from core.storage.store import Store
from search_spaces.study_file import StudyFile
from study.cli import app
from tests.support.command_line import Command
from tests.support.tiny_study import create_study, tiny_plan, tiny_study


@pytest.fixture
def study() -> StudyFile:
    return tiny_study()


@pytest.fixture(scope="session")
def plan() -> StudyPlan:
    return tiny_plan()


@pytest.fixture
def store(tmp_path: Path, plan: StudyPlan) -> Store:
    return create_study(tmp_path / "tiny", plan)


@pytest.fixture
def modstudy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, run in this process and in the test's own folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="modstudy")

    return run
