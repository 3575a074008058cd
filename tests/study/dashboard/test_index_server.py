"""The index page of a root: what it shows of each study, and what it refuses."""

import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import StudyError
from core.storage.records import StudyPlan
from core.storage.store import Store
from study.dashboard import index_server, live_studies
from study.dashboard.index_server import IndexServer
from study.dashboard.live_studies import LiveStudies
from study.execution.lease import study_lease
from tests.support.leases import without_own_heartbeats
from tests.support.tiny_study import commit, create_study, tiny_plan

ODD = 'a <b>"x"</b'.replace("/", "&")
"""A name with HTML."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class Client:
    """Sends requests as they are, without tidying their paths."""

    port: int

    def get(self, path: str, *, method: str = "GET", host: str | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", host or f"127.0.0.1:{self.port}")
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read().decode(errors="replace"))
        finally:
            connection.close()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The server of the root `runs`."""
    monkeypatch.setattr(live_studies, "REFRESH_S", 0.0)
    with IndexServer(LiveStudies(str(tmp_path / "runs"))) as server:
        yield Client(int(server.address.rpartition(":")[2]))


@pytest.fixture
def finished(tmp_path: Path, plan: StudyPlan) -> Store:
    store = create_study(tmp_path / "runs" / "finished", plan)
    for trial in plan.trials:
        commit(store, trial)
    store.put("report/index.html", b"<h1>report</h1>")
    store.put("report/front.png", b"\x89PNG")
    store.put("summary.json", b"{}")
    return store


def test_an_empty_root_says_how_to_begin(client: Client) -> None:
    page = client.get("/")
    assert page.status == 200
    assert "0 studies, 0 running" in page.text
    assert "modstudy launch quickstart" in page.text


@pytest.mark.usefixtures("finished")
def test_a_finished_study_is_shown_with_its_front_and_report(client: Client) -> None:
    page = client.get("/").text
    assert "6 of 6 trials of 3 arms: 6 finished" in page
    assert 'href="studies/finished/report/index.html"' in page
    assert 'src="studies/finished/report/front.png?v=' in page
    report = client.get("/studies/finished/report/index.html")
    assert (report.status, report.text) == (200, "<h1>report</h1>")
    assert report.headers["Content-Type"] == "text/html; charset=utf-8"
    front = client.get("/studies/finished/report/front.png?v=7")
    assert (front.status, front.headers["Content-Type"]) == (200, "image/png")
    assert client.get("/studies/finished/summary.json").text == "{}"


def test_a_running_study_shows_what_its_trials_do(
    client: Client, tmp_path: Path, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_own_heartbeats(monkeypatch)
    store = create_study(tmp_path / "runs" / "mine", plan)
    running = {"label": "frame · seed 1", "step": 20, "max_steps": 80, "loss": 0.25}
    with study_lease(store) as lease:
        lease.phase = "training"
        lease.progress = lambda: {"planned": 6, "done": 2, "failed": 1, "seconds_left": 200, "running": [running]}
        lease._beat(1)
        part = client.get("/studies.html").text
    assert '<span class="state">running</span>' in part
    assert "2 of 6 trials" in part
    assert "1 failed; about 3 min left" in part
    assert "20 of 80" in part
    assert "0.25" in part
    assert "running</span>" not in client.get("/studies.html").text


@pytest.mark.usefixtures("finished")
def test_a_broken_study_does_not_hide_the_others(client: Client, tmp_path: Path) -> None:
    Store(tmp_path / "runs" / "bad").put("study.json", b'{"name": "<i>"}')
    page = client.get("/").text
    assert '<span class="state">broken</span>' in page
    assert "bad/study.json is damaged: it does not end with its sha256" in page.partition('class="error"')[2]
    assert '<span class="state">finished</span>' in page


def test_names_and_questions_are_shown_as_they_are(client: Client, tmp_path: Path) -> None:
    store = create_study(tmp_path / "runs" / ODD, tiny_plan(question="<script>alert(1)</script> & 'so'?"))
    store.put("report/index.html", b"odd")
    page = client.get("/").text
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#39;so&#39;?" in page
    address = page.partition('href="studies/')[2].partition('"')[0]
    assert client.get(f"/studies/{address}").text == "odd"


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    "path",
    [
        "/studies/finished/study.json",
        "/studies/finished/report/../study.json",
        "/studies/finished/report/%2e%2e/study.json",
        "/studies/../secret.txt",
        "/studies/%2e%2e/secret.txt",
        "/studies/..%2f..%2fsecret/report/index.html",
        "/studies/finished%2freport%2f../report/index.html",
        "/studies/finished/report/index.html/",
        "///etc/hostname",
        "/../runs/finished/report/index.html",
        "/studies/outside/report/index.html",
        "/studies/./report/index.html",
        "/templates/index.css",
        "/index.html.j2",
    ],
)
def test_nothing_but_reports_of_the_root_is_served(client: Client, tmp_path: Path, path: str) -> None:
    for folder in (tmp_path, tmp_path / "secret", tmp_path / "runs"):
        store = Store(folder)
        store.put("secret.txt", b"secret")
        store.put("report/index.html", b"secret")
    answer = client.get(path)
    assert (answer.status, answer.text) == (404, "there is no such page\n")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example:80", "10.0.0.1:80"])
def test_requests_for_other_hosts_are_refused(client: Client, host: str) -> None:
    assert client.get("/", host=host).status == 403
    assert client.get("/", host="localhost:1").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_written(client: Client, method: str) -> None:
    assert client.get("/", method=method).status == 501


def test_the_page_may_load_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/")
    assert page.headers["Content-Security-Policy"] == index_server.OWN_PAGE_POLICY
    assert "default-src 'none'" in index_server.OWN_PAGE_POLICY
    for asset in ("index.css", "index.js"):
        assert f'"{asset}"' in page.text
        assert client.get(f"/{asset}").status == 200
    head = client.get("/", method="HEAD")
    assert (head.text, head.headers["Content-Length"]) == ("", page.headers["Content-Length"])


def test_a_port_that_is_taken_is_an_error_of_the_user(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StudyError, match=f"port {port} of 127.0.0.1 cannot be used"):
            IndexServer(LiveStudies(str(tmp_path)), port)
