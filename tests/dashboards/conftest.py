"""Finished studies in a store of their own."""

from pathlib import Path
from typing import Any

import pytest

from core.storage.store import Store
from dashboards.report.page import write_report
from tests.support.command_line import modstudy
from tests.support.fake_study import MakeStudy, fake_study

__all__ = ["modstudy"]


@pytest.fixture
def make_study(tmp_path: Path) -> MakeStudy:
    """`fake_study` in the test's own folder; `name` names the study."""

    def make(*args: Any, name: str = "quickstart", **options: Any) -> Store:
        return fake_study(tmp_path / name, *args, **options)

    return make


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A finished study with its report, for tests that only read."""
    store = fake_study(tmp_path_factory.mktemp("written") / "quickstart")
    write_report(store)
    return store
