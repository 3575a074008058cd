"""`modstudy dashboard`: both servers answer on loopback, their links land on the study, and nothing stays behind."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urljoin

import pytest

from core.storage.records import StudyPlan
from core.storage.store import Store
from dashboards.report.page import write_report
from study.commands.options import BAD_INPUT
from study.tracking.direct import deliver_once
from study.tracking.tracker import default_tracker
from tests.support.command_line import Command, flat
from tests.support.mlflow_runs import study_id
from tests.support.processes import descendants_of, wait_until
from tests.support.servers import PATIENCE_S, free_port, is_up
from tests.support.tiny_study import commit, create_study

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Links(HTMLParser):
    """Addresses of all links, pictures, scripts and style sheets of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value and tag != "symbol"]


@contextmanager
def dashboard(root: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The running command, and the addresses that it has printed by their labels."""
    process = subprocess.Popen(
        [sys.executable, "-m", "study.cli", "dashboard", *options, "--root", str(root), "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A test run in the background ignores interrupts, and its children would do so too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        else:
            raise AssertionError("".join(lines))
        yield process, dict(re.findall(r"^(\w+): +(\S+)", "".join(lines), re.MULTILINE))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)
        if process.stdout is not None:
            process.stdout.close()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as response:
        content: str = response.read().decode(errors="replace")
        return content


@pytest.fixture
def delivered(tmp_path: Path, plan: StudyPlan) -> Store:
    """A study with a report in MLflow's database, in the root `runs`."""
    root = tmp_path / "runs"
    store = create_study(root / "tiny", plan)
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    write_report(store)
    deliver_once(store, *default_tracker(root, "tiny"), "FINISHED")
    return store


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_both_servers_answer_until_they_are_ended(delivered: Store, tmp_path: Path, how: signal.Signals) -> None:
    port, mlflow_port = free_port(), free_port()
    options = ("tiny", "--port", str(port), "--mlflow-port", str(mlflow_port))
    with dashboard(tmp_path / "runs", *options) as (process, addresses):
        assert set(addresses) == {"Studies", "Report", "MLflow", "Charts", "Arms", "Run"}
        assert addresses["Studies"] == f"http://127.0.0.1:{port}/"
        page = get(addresses["Studies"])
        own = [urljoin(addresses["Studies"], link) for link in Links(page).found if not link.startswith("data:")]
        assert {addresses["Report"], addresses["Charts"], addresses["Run"]} <= set(own)
        assert all(get(address.partition("#")[0]) for address in own)
        assert "<title>" in get(addresses["Report"])

        api = f"http://127.0.0.1:{mlflow_port}/api/2.0/mlflow"
        experiment = json.loads(get(f"{api}/experiments/get-by-name?experiment_name=tiny"))["experiment"]
        tags = {tag["key"]: tag["value"] for tag in experiment["tags"]}
        for label in ("MLflow", "Charts", "Arms", "Run"):
            place, _, query = addresses[label].partition("?")
            assert place.startswith(f"http://127.0.0.1:{mlflow_port}/#/experiments/{experiment['experiment_id']}/runs")
            assert parse_qs(query)["workflowType"] == ["machine_learning"]
        view = parse_qs(addresses["Charts"])["viewStateShareKey"][0]
        assert study_id(delivered) in tags[f"mlflow.sharedViewState.{view}"]
        run_id = addresses["Run"].partition("?")[0].rpartition("/")[2]
        note = tags["mlflow.note.content"]
        picture = re.search(r"\]\((get-artifact\?path=report%2Ffront.png&run_uuid=(\w+))\)", note)
        assert picture is not None
        assert picture[2] == run_id
        assert "PNG" in get(f"http://127.0.0.1:{mlflow_port}/{picture[1]}")[:8]

        started = descendants_of(process.pid)
        assert started
        process.send_signal(how)
        assert process.wait(PATIENCE_S) == 0
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    assert not is_up(addresses["Studies"])
    assert not is_up(f"http://127.0.0.1:{mlflow_port}/health")


@pytest.mark.slow
def test_without_mlflow_the_index_goes_on(tmp_path: Path, plan: StudyPlan) -> None:
    create_study(tmp_path / "runs" / "tiny", plan)
    (tmp_path / "runs" / "mlflow.db").write_text("not a database")
    with dashboard(tmp_path / "runs") as (process, addresses):
        assert set(addresses) == {"Studies"}
        assert "tiny" in get(addresses["Studies"])
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.slow
def test_a_server_of_mlflow_that_runs_already_is_linked(tmp_path: Path, plan: StudyPlan) -> None:
    create_study(tmp_path / "runs" / "tiny", plan)
    uri = f"http://user:secret@127.0.0.1:{free_port()}"
    with dashboard(tmp_path / "runs", "--tracking-uri", uri) as (process, addresses):
        assert descendants_of(process.pid) == []
        assert addresses["MLflow"] == f"http://{uri.partition('@')[2]}/#/experiments"
        wait_until(lambda: "tiny" in get(addresses["Studies"]), "the index", patience_s=PATIENCE_S)


def test_a_study_that_does_not_exist_is_an_error_before_anything_starts(
    modstudy: Command, tmp_path: Path, plan: StudyPlan
) -> None:
    create_study(tmp_path / "runs" / "tiny", plan)
    result = modstudy("dashboard", "tinny")
    assert result.exit_code == BAD_INPUT
    assert "there is no study 'tinny' under runs; studies there: tiny" in flat(result)


def test_a_root_without_studies_is_left_as_it_is(modstudy: Command, tmp_path: Path) -> None:
    result = modstudy("dashboard", "--root", "nowhere")
    assert result.exit_code == BAD_INPUT
    assert "there is no study under nowhere yet: modstudy launch STUDY" in flat(result)
    assert not (tmp_path / "nowhere").exists()


def test_a_port_that_is_no_port_is_refused(modstudy: Command) -> None:
    assert modstudy("dashboard", "--port", "70000").exit_code == BAD_INPUT
