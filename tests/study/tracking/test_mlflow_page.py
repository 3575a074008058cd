"""MLflow's own page shows a delivered study: its arms nested in it, and the seeds in them."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.tracking.delivery import Delivery
from tests.support.mlflow_runs import experiment_of
from tests.support.processes import wait_until
from tests.support.servers import free_port, is_up
from tests.support.tiny_study import commit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PATIENCE_S = 120
# The grid of runs draws its expanders as the only buttons in its rows; the first click opens the study, a later one an
# arm: only rows that are still closed are clicked.
OPEN_CLOSED_ROWS = """
const buttons = [...document.querySelectorAll('.ag-row button')];
const closed = buttons.filter(button => !button.dataset.opened);
closed.forEach(button => { button.dataset.opened = 'yes'; button.click(); });
return document.body.innerText;
"""
Serve = Callable[[list[str], str], None]
"""Starts a program, and returns when it answers at a URL."""


def call(url: str, body: object = None, method: str | None = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        content: bytes = response.read()
        return content


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts programs in process groups of their own, and ends each whole."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], ready: str) -> None:
        with (tmp_path / f"server-{len(started)}.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True)
        started.append(process)
        wait_until(lambda: is_up(ready), command[0], patience_s=PATIENCE_S)

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_S)


class Page:
    """A page in headless Chromium, driven over WebDriver."""

    def __init__(self, driver: str, profile: Path) -> None:
        flags = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--window-size=1500,1000", f"--user-data-dir={profile}",
        ]  # fmt: skip
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": flags}}}}
        session = json.loads(call(f"{driver}/session", wanted))["value"]["sessionId"]
        self._session = f"{driver}/session/{session}"

    def open(self, url: str) -> None:
        call(f"{self._session}/url", {"url": url})

    def run(self, script: str) -> Any:
        return json.loads(call(f"{self._session}/execute/sync", {"script": script, "args": []}))["value"]

    def picture(self) -> bytes:
        return base64.b64decode(json.loads(call(f"{self._session}/screenshot"))["value"])

    def close(self) -> None:
        call(self._session, method="DELETE")


def test_arms_and_seeds_are_nested_in_the_study(store: Store, plan: StudyPlan, tmp_path: Path, serve: Serve) -> None:
    if shutil.which("chromedriver") is None:
        pytest.skip("no chromedriver here; .ci/run installs Debian's")
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    delivery = Delivery(store, uri, (tmp_path / "artifacts").as_uri())
    delivery.sync()
    delivery.finish("FINISHED")
    experiment = experiment_of(MlflowClient(tracking_uri=uri), "tiny")

    server, driver = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    serve([*command, "--port", server.rpartition(":")[2], "--workers", "1"], f"{server}/health")
    serve(["chromedriver", f"--port={driver.rpartition(':')[2]}"], f"{driver}/status")
    page = Page(driver, tmp_path / "profile")
    try:
        page.open(f"{server}/#/experiments/{experiment}/runs")
        names = [f"{trial.arm} seed {trial.seed}" for trial in plan.trials]

        def shows_all_names() -> bool:
            text = page.run(OPEN_CLOSED_ROWS)
            return all(name in text for name in names)

        wait_until(shows_all_names, f"{names} on MLflow's page", patience_s=PATIENCE_S, every_s=0.5)
        picture = page.picture()
    finally:
        page.close()
    assert picture.startswith(b"\x89PNG")
    if "MODSTUDY_PICTURES" in os.environ:
        (Path(os.environ["MODSTUDY_PICTURES"]) / "mlflow.png").write_bytes(picture)
