"""One driver at a time runs a study: who may take its lease, and what its holder does on request."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from core.storage.store import Store
from study.execution import lease as lease_module
from study.execution.lease import (
    Holder,
    Lease,
    StudyRunningError,
    latest_lease,
    request_stop,
    running_lease,
    study_lease,
)
from tests.support.processes import wait_until
from tests.support.stores import STORES

ELSEWHERE = Holder(
    host="node-7", machine="node-7 boot ns", pid=41, process_start="12", user="ann", since="2026-01-01T10:00:00+00:00"
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" / "mine")


@pytest.fixture
def interrupts(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Interrupts of this process, which are counted instead of sent."""
    found: list[None] = []
    monkeypatch.setattr(lease_module, "_interrupt_this_process", lambda: found.append(None))
    monkeypatch.setattr(lease_module, "HEARTBEAT_S", 0.02)
    return found


def put_lease(store: Store, holder: Holder, epoch: int = 1, **heartbeat: object) -> None:
    """The lease of a driver that is not this process."""
    lease = Lease(store, epoch)
    store.put(lease.key("holder"), json.dumps(asdict(holder)).encode())
    if heartbeat:
        store.put(lease.key("heartbeat"), json.dumps(heartbeat).encode())


def ended_process() -> int:
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_running_study_has_no_second_driver(store: Store) -> None:
    with study_lease(store), pytest.raises(StudyRunningError, match=rf"mine is running on .* \(process {os.getpid()},"):
        lease_module._acquire(store)
    assert running_lease(store) is None
    with study_lease(store) as second:
        assert second.epoch == 2


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_of_drivers_that_start_at_once_one_runs_and_the_others_say_where(kind: str, tmp_path: Path) -> None:
    store = STORES[kind](tmp_path)
    barrier, refused, taken = threading.Barrier(8), list[StudyRunningError](), list[Lease]()

    def start() -> None:
        barrier.wait()
        try:
            taken.append(lease_module._acquire(store))
        except StudyRunningError as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 7)
    assert {error.holder.pid for error in refused} == {os.getpid()}


def test_the_lease_of_a_process_that_was_killed_is_free_at_once(store: Store) -> None:
    mine = lease_module._this_process()
    put_lease(store, replace(mine, pid=ended_process()), at=0.0, beat=3)
    assert running_lease(store, sleep=no_sleep) is None


def test_a_process_number_that_is_used_again_is_another_process(store: Store) -> None:
    put_lease(store, replace(lease_module._this_process(), process_start="1"))
    assert running_lease(store, sleep=no_sleep) is None


def no_sleep(_: float) -> None:
    raise AssertionError("processes of this machine are looked up")


def test_a_driver_elsewhere_is_alive_while_its_heartbeat_changes(store: Store) -> None:
    put_lease(store, ELSEWHERE, at=time.time(), beat=3)
    slept: list[float] = []

    def beat_after_a_while(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            put_lease(store, ELSEWHERE, at=0.0, beat=4, phase="training")

    running = running_lease(store, sleep=beat_after_a_while)
    assert running is not None
    assert running.holder == ELSEWHERE
    assert running.heartbeat["phase"] == "training"
    assert len(slept) == 3


def test_a_driver_elsewhere_that_is_silent_has_ended(store: Store) -> None:
    put_lease(store, ELSEWHERE, at=time.time(), beat=3)
    slept: list[float] = []
    assert running_lease(store, sleep=slept.append) is None
    assert sum(slept) == pytest.approx(lease_module.SILENCE_S)


def test_a_heartbeat_of_long_ago_is_not_waited_for(store: Store) -> None:
    put_lease(store, ELSEWHERE, at=time.time() - 2 * lease_module.LONG_AGO_S, beat=3)
    assert running_lease(store, sleep=no_sleep) is None


def test_the_heartbeat_says_what_the_driver_does(store: Store, interrupts: list[None]) -> None:
    with study_lease(store) as lease:
        lease.phase, lease.progress = "training", lambda: {"done": 3}

        def is_shown() -> bool:
            state = latest_lease(store)
            return state is not None and state.heartbeat.get("progress") == {"done": 3}

        wait_until(is_shown, "a heartbeat", patience_s=10, every_s=0.01)
        state = latest_lease(store)
        assert state is not None
        assert state.heartbeat["phase"] == "training"
    assert interrupts == []


def test_a_stop_lets_running_trials_end(store: Store, interrupts: list[None]) -> None:
    with study_lease(store) as lease:
        assert request_stop(store, "finish") is not None
        assert lease.stops_after_trials.wait(10)
    assert interrupts == []


def test_a_stop_at_once_interrupts_the_driver_once(store: Store, interrupts: list[None]) -> None:
    with study_lease(store) as lease:
        request_stop(store, "now")
        assert lease.stops_after_trials.wait(10)
        wait_until(lambda: interrupts, "an interrupt", patience_s=10, every_s=0.01)
    assert len(interrupts) == 1


def test_nothing_that_runs_is_nothing_to_stop(store: Store) -> None:
    assert request_stop(store, "now") is None
    with study_lease(store):
        pass
    assert request_stop(store, "now") is None


def test_a_driver_that_seemed_dead_ends_when_another_one_has_taken_over(store: Store, interrupts: list[None]) -> None:
    with study_lease(store) as lease:
        put_lease(store, ELSEWHERE, epoch=2)
        wait_until(lambda: lease.lost_to, "the loss of the lease", patience_s=10, every_s=0.01)
    assert lease.lost_to == ELSEWHERE
    assert len(interrupts) == 1
    latest = latest_lease(store)
    assert latest is not None
    assert (latest.epoch, latest.is_released) == (2, False)
