"""A small study whose trials cost nothing: its plan is a real one, its records are not."""

from pathlib import Path

import pytest

from core.storage.records import StudyPlan
from core.storage.store import Store
from search_spaces.study_file import StudyFile
from tests.support.command_line import modstudy
from tests.support.tiny_study import create_study, tiny_plan, tiny_study

__all__ = ["modstudy"]


@pytest.fixture
def study() -> StudyFile:
    return tiny_study()


@pytest.fixture(scope="session")
def plan() -> StudyPlan:
    return tiny_plan()


@pytest.fixture
def store(tmp_path: Path, plan: StudyPlan) -> Store:
    return create_study(tmp_path / "tiny", plan)
