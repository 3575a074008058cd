"""The list of the studies of a root: what state each is in, without waiting for anything."""

import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.execution.lease import Holder, Lease, study_lease
from study.root_index import RootIndex, StudyEntry, root_index
from tests.support.leases import without_own_heartbeats
from tests.support.tiny_study import SEARCH, commit, create_study, tiny_plan

ELSEWHERE = Holder(
    host="node-7", machine="node-7 boot ns", pid=41, process_start="12", user="ann", since="2026-01-01T10:00:00+00:00"
)


@pytest.fixture
def finished(tmp_path: Path, plan: StudyPlan) -> Store:
    """A study all of whose trials have ended, one of them badly."""
    store = create_study(tmp_path / "finished", plan)
    for minute, trial in enumerate(plan.trials[1:]):
        commit(store, trial, minute)
    commit(store, plan.trials[0], outcome="nan", metrics={})
    return store


def only(root: Path) -> StudyEntry:
    (entry,) = root_index(str(root))
    return entry


def put_lease(store: Store, holder: Holder, **heartbeat: object) -> None:
    """The lease of a driver that is not this process."""
    lease = Lease(store, 1)
    store.put(lease.key("holder"), json.dumps(asdict(holder)).encode())
    store.put(lease.key("heartbeat"), json.dumps(heartbeat).encode())


def test_a_root_that_does_not_exist_has_no_studies(tmp_path: Path) -> None:
    assert root_index(str(tmp_path / "nowhere")) == ()


def test_a_finished_study_has_its_outcomes_and_times(tmp_path: Path, finished: Store) -> None:
    finished.put("report/front.png", b"")
    entry = only(tmp_path)
    assert (entry.name, entry.state, entry.question) == ("finished", "finished", "Does it run?")
    assert (entry.n_arms, entry.planned, entry.n_recorded, entry.n_open) == (3, 6, 6, 0)
    assert entry.outcomes == {"finished": 5, "nan": 1}
    assert entry.finished_at == "2026-01-01T10:04:30+00:00"
    assert (entry.front_key, entry.page_key, entry.where, entry.error) == ("report/front.png", None, "", "")


def test_a_study_with_open_trials_is_incomplete(tmp_path: Path, plan: StudyPlan) -> None:
    store = create_study(tmp_path / "begun", plan)
    for trial in plan.trials[1:]:
        commit(store, trial)
    commit(store, plan.trials[0], outcome="lost", metrics={})
    entry = only(tmp_path)
    assert (entry.state, entry.n_recorded, entry.n_open, entry.error) == ("incomplete", 6, 1, "")


def test_a_search_that_would_propose_more_is_incomplete(tmp_path: Path) -> None:
    plan = tiny_plan(arms=[], search=SEARCH)
    store = create_study(tmp_path / "search", plan)
    for trial in plan.trials:
        commit(store, trial)
    assert only(tmp_path).state == "incomplete"


def test_a_running_study_says_where_and_how_far(
    tmp_path: Path, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_own_heartbeats(monkeypatch)
    store = create_study(tmp_path / "here", plan)
    with study_lease(store) as lease:
        lease.progress = lambda: {"planned": 6, "done": 2}
        lease._beat(1)
        entry = only(tmp_path)
        assert entry.lease is not None
        assert entry.state == "running"
        assert entry.lease.heartbeat["progress"]["done"] == 2
        assert entry.where.endswith(f"(process {entry.lease.holder.pid})")
    assert only(tmp_path).state == "incomplete"


def test_a_driver_elsewhere_runs_while_its_heartbeat_is_recent(
    tmp_path: Path, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(seconds: float) -> None:
        raise AssertionError(f"a list must not wait {seconds} s")

    monkeypatch.setattr(time, "sleep", never)
    store = create_study(tmp_path / "there", plan)
    put_lease(store, ELSEWHERE, at=time.time() - 30, beat=7)
    assert (only(tmp_path).state, only(tmp_path).where) == ("running", "node-7 (process 41)")
    put_lease(store, ELSEWHERE, at=time.time() - 3000, beat=7)
    entry = only(tmp_path)
    assert (entry.state, entry.error) == ("incomplete", "its process on node-7 ended before the study did")


@pytest.mark.parametrize("content", [b"", b"{", b'{"name": "x"}', b"\xff\xfe"])
def test_a_study_that_cannot_be_read_is_listed_with_the_reason(tmp_path: Path, finished: Store, content: bytes) -> None:
    finished.put("study.json", content)
    entry = only(tmp_path)
    assert entry.state == "finished"
    assert "finished/study.json is damaged: it" in entry.error
    assert "its copy study-copy.json is read, and resuming the study restores it" in entry.error
    finished.put("study-copy.json", content)
    entry = only(tmp_path)
    assert (entry.state, entry.planned) == ("broken", 0)
    assert "and its copy as well" in entry.error


def test_a_damaged_record_does_not_count(tmp_path: Path, plan: StudyPlan, finished: Store) -> None:
    create_study(tmp_path / "other", plan)
    attempt = finished.committed(plan.trials[2].digest)
    assert attempt is not None
    attempt.put("record.json", b"{")
    entry, other = root_index(str(tmp_path))
    assert (entry.state, entry.outcomes) == ("incomplete", {"finished": 4, "nan": 1})
    assert "record.json is damaged: it does not end with its sha256" in entry.error
    assert "its trial does not count" in entry.error
    assert (other.state, other.error) == ("incomplete", "")


def test_listed_again_a_study_shows_what_is_new(tmp_path: Path, plan: StudyPlan) -> None:
    store = create_study(tmp_path / "mine", plan)
    commit(store, plan.trials[0], outcome="lost", metrics={})
    index = RootIndex(str(tmp_path))
    with study_lease(store):
        (before,) = index.entries()
        for trial in plan.trials:
            commit(store, trial)
        (after,) = index.entries()
    assert (before.outcomes, after.outcomes) == ({"lost": 1}, {"finished": 6})
    (ended,) = index.entries()
    assert ended == replace(after, state="finished", lease=None)
    store.put("report/index.html", b"")
    assert index.entries() == (replace(ended, page_key="report/index.html"),)
    assert index.entries() == root_index(str(tmp_path))


@pytest.mark.usefixtures("finished")
def test_an_ended_study_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = RootIndex(str(tmp_path))
    first = index.entries()

    def never(store: Store) -> None:
        raise AssertionError(f"{store.root} was read again")

    monkeypatch.setattr(Store, "rows", never)
    monkeypatch.setattr(Store, "plan", never)
    assert index.entries() == first
