"""Telemetry: a study and its dashboard seek nothing beyond the machine, not even the address of a name."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.isolated import begin_isolated, is_beyond_the_machine
from tests.support.watched_study import WatchedStudy

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ATTEMPTS = {
    "a connection": "socket.socket().connect_ex(('192.0.2.1', 80))",
    "a datagram": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "the address of a name": "socket.getaddrinfo('telemetry.invalid', 443)",
    "IPv6": "socket.socket(socket.AF_INET6).connect_ex(('2001:db8::1', 80))",
}


@pytest.mark.parametrize("what", ATTEMPTS)
def test_the_watch_sees(tmp_path: Path, what: str) -> None:
    script = f"import contextlib, socket\nwith contextlib.suppress(OSError):\n    {ATTEMPTS[what]}"
    seen = begin_isolated(tmp_path / "notes", [sys.executable, "-c", script], tmp_path, {})
    assert seen.process.wait(60) == 0
    assert [event for event in seen.sought() if is_beyond_the_machine(event)]
    if what != "the address of a name":
        assert sum(seen.unrouted().values()) > 0


@pytest.mark.parametrize("command", ["study", "dashboard"])
def test_python_seeks_no_name_and_no_address_elsewhere(watched_study: WatchedStudy, command: str) -> None:
    seen = getattr(watched_study, command).sought()
    assert seen, "not even a connection within the machine was seen"
    assert [event for event in seen if is_beyond_the_machine(event)] == []


@pytest.mark.parametrize("command", ["study", "dashboard"])
def test_no_program_sends_a_packet_to_another_machine(watched_study: WatchedStudy, command: str) -> None:
    counters = getattr(watched_study, command).unrouted()
    assert set(counters) == {"ip", "ip6"}
    assert sum(counters.values()) == 0


@pytest.mark.parametrize("package", ["core", "search_spaces", "dashboards"])
def test_importing_a_package_seeks_nothing(tmp_path: Path, package: str) -> None:
    script = (
        "import importlib, pkgutil, sys\n"
        f"package = importlib.import_module({package!r})\n"
        "for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
    )
    seen = begin_isolated(tmp_path / "notes", [sys.executable, "-c", script], tmp_path, {})
    try:
        assert seen.process.wait(240) == 0, seen.output()
    except subprocess.TimeoutExpired:
        seen.end()
        raise
    assert seen.sought() == []
    assert sum(seen.unrouted().values()) == 0
