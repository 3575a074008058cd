"""A small study whose trials cost nothing: plans are made for real, records are made up."""

import pytest

from core.storage.store import Store
from search_spaces.study_file import parse_study
from study.planning.plan import make_plan
from tests.support.tiny_study import TINY


@pytest.fixture
def study():
    return parse_study(TINY)


@pytest.fixture(scope="session")
def plan():
    return make_plan(parse_study(TINY)).plan


@pytest.fixture
def store(tmp_path, plan):
    store = Store(tmp_path / "tiny")
    store.put_plan(plan)
    return store
