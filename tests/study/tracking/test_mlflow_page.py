"""MLflow's own pages show a delivered study: its runs nested, its arms by their objectives, and what was found."""

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
from dashboards.report.page import write_report
from study.tracking.delivery import Delivery
from study.tracking.views import charts_address, experiment_address, run_address
from tests.support.mlflow_runs import experiment_of, runs_of, study_id
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
# Width in pixels of the picture of the front, once it has loaded.
FRONT_WIDTH = """
const picture = document.querySelector('img[src*="get-artifact"][src*="front.png"]');
return picture ? picture.naturalWidth : 0;
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

    def shows(self, texts: list[str]) -> bool:
        """Whether all texts are on the page."""
        page: str = self.run("return document.body.innerText")
        return all(text in page for text in texts)

    def keep_picture(self, name: str) -> None:
        """Take a picture, and keep it if a folder for pictures is set."""
        picture = base64.b64decode(json.loads(call(f"{self._session}/screenshot"))["value"])
        assert picture.startswith(b"\x89PNG")
        if "MODSTUDY_PICTURES" in os.environ:
            (Path(os.environ["MODSTUDY_PICTURES"]) / f"{name}.png").write_bytes(picture)

    def close(self) -> None:
        call(self._session, method="DELETE")


def test_mlflow_shows_the_runs_the_trade_off_and_the_description_of_a_study(
    store: Store, plan: StudyPlan, tmp_path: Path, serve: Serve
) -> None:
    if shutil.which("chromedriver") is None:
        pytest.skip("no chromedriver here; .ci/run installs Debian's")
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    write_report(store)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    delivery = Delivery(store, uri, (tmp_path / "artifacts").as_uri())
    delivery.sync()
    delivery.finish("FINISHED")
    client = MlflowClient(tracking_uri=uri)
    experiment = experiment_of(client, "tiny")
    runs = runs_of(client, store)

    server, driver = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    serve([*command, "--port", server.rpartition(":")[2], "--workers", "1"], f"{server}/health")
    serve(["chromedriver", f"--port={driver.rpartition(':')[2]}"], f"{driver}/status")
    page = Page(driver, tmp_path / "profile")
    try:
        page.open(experiment_address(server, experiment))
        names = [f"{trial.arm} seed {trial.seed}" for trial in plan.trials]

        def shows_all_names() -> bool:
            text = page.run(OPEN_CLOSED_ROWS)
            return all(name in text for name in names)

        wait_until(shows_all_names, f"{names} on MLflow's page", patience_s=PATIENCE_S, every_s=0.5)
        page.keep_picture("mlflow-runs")

        page.open(charts_address(server, experiment, study_id(store)))
        shown = [
            "audio.mss vs. interpretability.tv",
            *(str(runs[arm.name].info.run_name) for arm in plan.arms if not arm.is_baseline),
        ]
        wait_until(lambda: page.shows(shown), f"{shown} on MLflow's page", patience_s=PATIENCE_S, every_s=0.5)
        page.keep_picture("mlflow-charts")

        page.open(run_address(server, experiment, runs["tiny"].info.run_id))
        wait_until(lambda: page.run(FRONT_WIDTH), "the picture of the front", patience_s=PATIENCE_S, every_s=0.5)
        page.keep_picture("mlflow-description")
        wait_until(lambda: page.shows(["Does it run?"]), "the description", patience_s=PATIENCE_S, every_s=0.5)
    finally:
        page.close()
