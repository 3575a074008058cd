"""MLflow's own page shows a delivered study: its arms nested in it, and the seeds in them."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from mlflow import MlflowClient

from study.tracking.delivery import Delivery
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


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def ask(url, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.read()


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.5)
    return found


def answers(url):
    try:
        return bool(ask(url))
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture
def served(tmp_path):
    """Starts programs in process groups of their own, and ends each whole."""
    started = []

    def serve(command, ready):
        with (tmp_path / f"server-{len(started)}.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True)
        started.append(process)
        wait_for(lambda: answers(ready), command[0])

    yield serve
    for process in started:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_S)


class Page:
    """A page in headless Chromium, driven over WebDriver."""

    def __init__(self, driver, profile):
        flags = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--window-size=1500,1000", f"--user-data-dir={profile}",
        ]  # fmt: skip
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": flags}}}}
        session = json.loads(ask(f"{driver}/session", wanted))["value"]["sessionId"]
        self._session = f"{driver}/session/{session}"

    def open(self, url):
        ask(f"{self._session}/url", {"url": url})

    def run(self, script):
        return json.loads(ask(f"{self._session}/execute/sync", {"script": script, "args": []}))["value"]

    def picture(self):
        return base64.b64decode(json.loads(ask(f"{self._session}/screenshot"))["value"])

    def close(self):
        ask(self._session, method="DELETE")


def test_arms_and_seeds_are_nested_in_the_study(store, plan, tmp_path, served):
    if shutil.which("chromedriver") is None:
        pytest.skip("no chromedriver here; .ci/run installs Debian's")
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    delivery = Delivery(store, plan, uri, (tmp_path / "artifacts").as_uri())
    delivery.sync()
    delivery.finish("FINISHED")
    experiment = MlflowClient(tracking_uri=uri).get_experiment_by_name("tiny").experiment_id

    server, driver = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    served([*command, "--port", server.rpartition(":")[2], "--workers", "1"], f"{server}/health")
    served(["chromedriver", f"--port={driver.rpartition(':')[2]}"], f"{driver}/status")
    page = Page(driver, tmp_path / "profile")
    try:
        page.open(f"{server}/#/experiments/{experiment}/runs")
        names = [f"{trial.arm} seed {trial.seed}" for trial in plan.trials]
        wait_for(lambda: all(name in page.run(OPEN_CLOSED_ROWS) for name in names), f"{names} on MLflow's page")
        picture = page.picture()
    finally:
        page.close()
    assert picture.startswith(b"\x89PNG")
    if "MODSTUDY_PICTURES" in os.environ:
        (Path(os.environ["MODSTUDY_PICTURES"]) / "mlflow.png").write_bytes(picture)
