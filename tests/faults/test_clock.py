"""A clock that is set back or forward changes nothing: leases, heartbeats, timeouts and times left do not follow it."""

import json
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.storage.store import Store
from study.execution import lease as lease_module
from study.execution.lease import Holder, latest_lease, running_lease, seems_alive
from study.execution.trial_queue import Budget, TrialQueue
from study.progress import StudyProgress, max_steps
from tests.support.killed_study import Command
from tests.support.leases import without_own_heartbeats
from tests.support.processes import wait_until
from tests.support.tiny_study import tiny_plan
from tests.support.trained_study import CONSTANT, LOW_PASS, study_text

PATIENCE_S = 240
HOUR_S = 3600.0
JUMPS = [-24 * HOUR_S, -HOUR_S, -1.0, 1.0, HOUR_S, 24 * HOUR_S]
SET_BACK = """
import time
_time, _start = time.time, time.monotonic()
time.time = lambda: _time() - (3600.0 if time.monotonic() - _start > 4 else 0.0)
"""
"""Module that Python imports first: the clock of each process is set back by an hour after four seconds."""
ELSEWHERE = Holder(
    host="elsewhere", machine="another", pid=1, process_start="1", user="me", since="2026-01-01T00:00:00+00:00"
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "tiny")


def jump(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the clock, as far as Python's code reads it."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + seconds)


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_driver_on_this_machine_keeps_its_study(
    store: Store, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    without_own_heartbeats(monkeypatch)
    lease = lease_module._acquire(store)
    lease._beat(0)
    jump(monkeypatch, seconds)
    running = running_lease(store)
    assert running is not None
    assert seems_alive(running, time.time())
    lease._beat(1)
    assert lease.lost_to is None


@pytest.mark.parametrize("seconds", [each for each in JUMPS if abs(each) < 24 * HOUR_S])
def test_a_driver_elsewhere_whose_clock_is_wrong_is_not_taken_for_dead(store: Store, seconds: float) -> None:
    put_heartbeat(store, time.time() + seconds, beat=3)

    def beat(_: float) -> None:
        put_heartbeat(store, time.time() + seconds, beat=4)

    assert running_lease(store, sleep=beat) is not None


@pytest.mark.parametrize("seconds", [-HOUR_S, HOUR_S, 240 * HOUR_S])
def test_a_driver_elsewhere_that_is_dead_is_not_taken_for_alive_because_of_a_clock(
    store: Store, seconds: float
) -> None:
    put_heartbeat(store, time.time() + seconds, beat=3)
    assert running_lease(store, sleep=lambda _: None) is None


def put_heartbeat(store: Store, at: float, beat: int) -> None:
    """Write the lease of a driver on another machine."""
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds")
    store.put("lease/000001/holder.json", json.dumps(asdict(replace(ELSEWHERE, since=since))).encode())
    store.put("lease/000001/heartbeat.json", json.dumps({"at": at, "beat": beat}).encode())


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_budget_of_hours_does_not_follow_the_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    plan = tiny_plan()
    queue = TrialQueue(plan, plan.trials, lambda *_: None, budget=Budget(max_seconds=600.0))
    jump(monkeypatch, seconds)
    assert not queue.is_out_of_budget


@pytest.mark.parametrize("seconds", JUMPS)
def test_the_time_left_does_not_follow_the_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    plan = tiny_plan()
    progress = StudyProgress(
        planned=len(plan.trials),
        trials_at_once=1,
        max_steps=max_steps(plan),
        waiting={trial.digest: trial for trial in plan.trials},
    )
    for trial in plan.trials[:2]:
        progress.start(trial.digest)
        progress.step(trial.digest, 2, 1.0)
    before = progress.seconds_left()
    jump(monkeypatch, seconds)
    after = progress.seconds_left()
    assert (before is None) == (after is None)
    assert abs((after or 0.0) - (before or 0.0)) < 60.0


def test_a_study_whose_clock_is_set_back_by_an_hour_ends_as_usual(tmp_path: Path) -> None:
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(SET_BACK)
    (tmp_path / "tiny.toml").write_text(study_text(LOW_PASS, CONSTANT, max_steps=60))
    words = ["launch", "tiny.toml", "--trial-timeout", "300"]
    launch = Command(words, tmp_path, "launch", tmp_path, modules=[tmp_path / "clock"])
    try:
        wait_until(lambda: launch.exit_code() is not None, "the end of the study", patience_s=PATIENCE_S)
    finally:
        launch.end()
    assert launch.exit_code() == 0, launch.output
    assert "Traceback" not in launch.output
    store = Store(tmp_path / "runs" / "tiny")
    assert set(store.outcomes().values()) == {"finished"}
    lease = latest_lease(store)
    assert lease is not None
    assert lease.is_released
    # The clock has indeed been set back: the last heartbeat is an hour older than the lease.
    assert datetime.fromisoformat(lease.holder.since).timestamp() - float(lease.heartbeat["at"]) > HOUR_S / 2
