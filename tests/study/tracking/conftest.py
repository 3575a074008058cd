"""Deliveries into one database."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from study.tracking.delivery import Delivery
from study.tracking.tracker import default_tracker
from tests.support.deliveries import Open


@pytest.fixture(scope="module")
def tracker_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all tests here: making it takes seconds."""
    return default_tracker(tmp_path_factory.mktemp("mlflow"), "x")[0]


@pytest.fixture
def client(tracker_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=tracker_uri)


@pytest.fixture
def opened(tracker_uri: str, tmp_path: Path) -> Open:
    return lambda store: Delivery(store, tracker_uri, (tmp_path / "artifacts").as_uri())
