"""A driver is told once when Ray has died, and never while Ray lives or after it was shut down."""

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from core.storage.store import Store
from study.execution import ray_watch as module
from study.execution.lease import Lease
from study.execution.ray_watch import RECONNECT_VARIABLE, ClusterWatch, end_without_ray, ray_watch
from tests.support.processes import wait_until


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)


def test_a_death_is_told_once() -> None:
    is_dead = threading.Event()
    told: list[str] = []
    with ray_watch(lambda: "it died" if is_dead.is_set() else None, told.append):
        time.sleep(0.05)
        assert told == []
        is_dead.set()
        wait_until(lambda: told, "the death to be told", patience_s=5)
        time.sleep(0.05)
    assert told == ["it died"]


def test_a_ray_that_is_shut_down_after_the_block_is_no_death() -> None:
    is_dead = threading.Event()
    told: list[str] = []
    with ray_watch(lambda: "it died" if is_dead.is_set() else None, told.append):
        pass
    is_dead.set()
    time.sleep(0.05)
    assert told == []


@pytest.mark.parametrize("death", ["it died", None])
def test_an_error_is_told_as_the_death_that_caused_it(monkeypatch: pytest.MonkeyPatch, death: str | None) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 60.0)
    told: list[str] = []
    with pytest.raises(RuntimeError), ray_watch(lambda: death, told.append):
        raise RuntimeError("the worker cannot be reached")
    assert told == ([death] if death else [])


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Something that listens as the head of a cluster would."""
    monkeypatch.setenv(RECONNECT_VARIABLE, "0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address_of(head: socket.socket) -> str:
    host, port = head.getsockname()
    return f"{host}:{port}"


def test_a_head_that_is_silent_for_long_is_dead_and_one_that_comes_back_is_not(head: socket.socket) -> None:
    address = address_of(head)
    watch = ClusterWatch(address, raylet=None)
    assert watch.death() is None
    head.close()
    assert watch.death() is None, "Ray would wait for it, too"
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
        time.sleep(0.1)
        assert watch.death() is None
    time.sleep(0.1)
    assert watch.death() == f"its head at {address} has not answered for 0 s"


def test_the_process_that_runs_the_node_of_the_driver_is_watched(head: socket.socket) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as raylet:
        watch = ClusterWatch(address_of(head), raylet=raylet.pid)
        assert watch.death() is None
        raylet.kill()
        wait_until(watch.death, "the death", patience_s=5)
        assert watch.death() == "its process raylet on this machine has died"


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads Linux's /proc")
def test_the_process_is_found_by_a_word_on_its_command_line() -> None:
    word = "--raylet_socket_name=/tmp/of/this/test"
    with subprocess.Popen([sys.executable, "-c", "input()", word], stdin=subprocess.PIPE) as process:
        wait_until(lambda: module._process_with(word.encode()) == process.pid, "the process", patience_s=5)
        process.kill()


def test_a_machine_where_ray_does_not_run_has_no_death(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray._private.worker._global_node", None)
    assert module.death_on_this_machine() is None


def test_the_driver_ends_with_a_line_and_without_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Ended(BaseException):
        pass

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    store = Store(tmp_path)
    terminal = Console(file=io.StringIO(), force_terminal=True)
    with pytest.raises(Ended, match="1"):
        end_without_ray("its raylet died", "Resume with: modstudy resume mine", Lease(store, 3), terminal)
    assert capsys.readouterr().err == "error: Ray has ended: its raylet died. Resume with: modstudy resume mine\n"
    assert store.has("lease/000003/released.json")
