"""Ray on this machine: reachable from this machine only, and gone when the session ends."""

import os
import signal
from pathlib import Path

import pytest

from core.errors import StudyError
from study.execution.ray_session import ray_session
from study.planning.resources import Machine
from tests.support.processes import command_line_of, descendants_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LISTENS = "0A"
"""State of a socket that listens, in /proc/net/tcp."""


def listening_sockets(family: str) -> dict[str, str]:
    """Local address of each socket that listens, by its inode."""
    rows = [line.split() for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]]
    return {row[9]: row[1].partition(":")[0] for row in rows if row[3] == LISTENS}


def sockets_of(process: int) -> set[str]:
    """Inodes of the sockets that a process has open."""
    targets = (str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink())
    return {target.removeprefix("socket:[").rstrip("]") for target in targets if target.startswith("socket:[")}


def test_a_ray_that_cannot_be_started_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def fail(**_: object) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", fail)
    with (
        pytest.raises(StudyError, match=r"could not be started on this machine: The current node timed out.*again"),
        ray_session(Machine(cpus=1, gpus=0), threads=1),
    ):
        pass


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's /proc")
def test_ray_runs_what_trials_need_and_listens_on_the_loopback_interface_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    before = signal.getsignal(signal.SIGTERM)
    # A cluster that is named there is not joined.
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with ray_session(Machine(cpus=1, gpus=1, memory_gib=1), threads=1) as folder:
        assert ray.get(ray.remote(lambda: os.getpid()).remote()) != os.getpid()
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        assert (resources["GPU"], resources["memory"]) == (1, 2**30)
        listening = {**listening_sockets("tcp"), **listening_sockets("tcp6")}
        processes = descendants_of(os.getpid())
        programs = {Path(word.decode()).name for pid in processes for word in command_line_of(pid).split(b"\0")}
        own = {inode for process in [os.getpid(), *processes] for inode in sockets_of(process)}
        addresses = {listening[inode] for inode in own if inode in listening}
        assert folder.is_dir()
    assert {"gcs_server", "raylet"} <= programs
    assert not {"dashboard.py", "monitor.py", "log_monitor.py"} & programs
    assert len(addresses) > 0
    # 127.0.0.1, and the same as an IPv6 address, as words in the byte order of this machine.
    assert addresses <= {"0100007F", "0000000000000000FFFF00000100007F"}
    assert not folder.exists()
    assert signal.getsignal(signal.SIGTERM) == before
