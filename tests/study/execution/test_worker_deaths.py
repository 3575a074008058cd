"""Why a worker died is told from its log, and from what the kernel counts."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.execution import worker_deaths
from study.execution.worker_deaths import (
    CRASH_SIGNALS,
    Crash,
    OomKills,
    crash_in_log,
    crash_of_worker,
    log_of_worker,
    n_oom_kills,
)

LOG = """:actor_name:f
*** {signal} received at time=1795663024 on cpu 0 ***
PC: @     0x7f5d00585ad8  (unknown)  (unknown)
[2026-11-26 03:17:03,564 E 7608 7608] logging.cc:474: *** {signal} received at time=1795663024 on cpu 0 ***
Fatal Python error: Segmentation fault

Stack (most recent call first):
  File "/home/me/modstudy/core/synths/engel.py", line 75 in render
  File "/home/me/modstudy/core/synths/base.py", line 60 in forward
"""
DEATH = """The actor died unexpectedly before finishing this task.
\tclass_name: ImplicitFunc
\tactor_id: fe6e14dcfc2a82eae9f1aa5801000000
\tpid: 7608
\tnamespace: af26072c-44f2-4806-a278-fe2c23ae5c2e
\tip: 127.0.0.1
The actor is dead because its worker process has died."""


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the logs of this machine's workers."""
    node = SimpleNamespace(get_logs_dir_path=lambda: str(tmp_path), node_ip_address="127.0.0.1")
    monkeypatch.setattr("ray._private.worker._global_node", node)
    return tmp_path


@pytest.mark.parametrize("signal", CRASH_SIGNALS)
def test_a_crash_is_named_by_its_signal_and_the_innermost_frame(signal: str) -> None:
    crash = crash_in_log(LOG.format(signal=signal))
    assert str(crash) == f"{signal} in render in core/synths/engel.py:75"


@pytest.mark.parametrize("text", ["", ":actor_name:f\n", LOG.format(signal="SIGTERM"), "a trial printed SIGSEGV"])
def test_a_worker_that_was_killed_or_asked_to_end_has_not_crashed(text: str) -> None:
    assert crash_in_log(text) is None


def test_a_crash_without_a_stack_has_its_signal_only() -> None:
    assert crash_in_log("*** SIGBUS received at time=1 on cpu 0 ***") == Crash(signal="SIGBUS")


def test_the_log_of_the_dead_worker_is_found_by_its_process(logs: Path) -> None:
    (logs / "worker-08a8-01000000-7608.err").write_text("x" * 300_000 + "\n" + LOG.format(signal="SIGILL"))
    (logs / "worker-08a8-01000000-17608.err").write_text(LOG.format(signal="SIGBUS"))
    (logs / "worker-08a8-01000000-7608.out").write_text(LOG.format(signal="SIGFPE"))
    found = crash_of_worker(DEATH)
    assert found is not None
    assert found.signal == "SIGILL"
    assert log_of_worker(1) == ""


def test_a_worker_without_a_log_or_a_process_has_not_crashed(logs: Path) -> None:
    assert crash_of_worker(DEATH) is None
    (logs / "worker-08a8-01000000-7608.err").write_text(LOG.format(signal="SIGILL"))
    assert crash_of_worker("The actor died because its node has died.") is None


def test_the_log_of_a_worker_on_a_node_that_is_gone_says_nothing(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (logs / "worker-08a8-01000000-7608.err").write_text(LOG.format(signal="SIGILL"))
    gone = {"Alive": False, "NodeManagerAddress": "10.0.0.2", "NodeID": "a"}
    monkeypatch.setattr("ray.nodes", lambda: [gone])
    monkeypatch.setattr("ray.remote", lambda function: function)
    assert crash_of_worker(DEATH.replace("127.0.0.1", "10.0.0.2")) is None


def test_kills_of_the_kernel_count_for_half_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, counter = 1000.0, tmp_path / "memory.events"
    monkeypatch.setattr(worker_deaths, "_OOM_COUNTERS", (tmp_path / "none", counter))
    monkeypatch.setattr("time.monotonic", lambda: now)
    assert n_oom_kills() is None
    assert not OomKills().any_recent()
    counter.write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    kills = OomKills()
    assert not kills.any_recent()
    counter.write_text("oom_kill 3\n")
    assert kills.any_recent()
    for _ in range(5):
        now += 5.0
        kills.look()
    assert kills.any_recent(), "after 25 s"
    for _ in range(4):
        now += 5.0
        kills.look()
    assert not kills.any_recent(), "after 45 s"


def test_the_log_of_a_worker_on_another_node_is_read_there(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Task:
        """`log_of_worker` as a task of Ray."""

        def options(self, scheduling_strategy: NodeAffinitySchedulingStrategy, **_: object) -> "Task":
            assert scheduling_strategy.node_id == "b" * 56
            return self

        def remote(self, pid: int) -> str:
            return LOG.format(signal="SIGFPE") if pid == 7608 else ""

    (logs / "worker-08a8-01000000-7608.err").write_text(LOG.format(signal="SIGILL"))
    nodes = [
        {"Alive": True, "NodeManagerAddress": address, "NodeID": letter * 56}
        for address, letter in (("127.0.0.1", "a"), ("10.0.0.2", "b"))
    ]
    monkeypatch.setattr("ray.nodes", lambda: nodes)
    monkeypatch.setattr("ray.remote", lambda _: Task())
    monkeypatch.setattr("ray.get", lambda task, timeout: task)  # noqa: ARG005
    found = crash_of_worker(DEATH.replace("127.0.0.1", "10.0.0.2"))
    assert found is not None
    assert found.signal == "SIGFPE"
