"""A Ray cluster of several nodes on this machine, each with its own home, cache and working folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import command_line_of, session_of, wait_until

OBJECT_STORE_BYTES = 80 * 2**20
START_S = 60.0


@dataclass
class ClusterNode:
    """A node, which `ray start` runs in a session of processes of its own."""

    name: str
    home: Path
    """Home of the node, which is also its working folder and contains its cache."""
    process: subprocess.Popen[bytes]

    @property
    def raylet(self) -> int:
        """Number of the process that Ray runs the node with."""
        return wait_until(
            lambda: next((pid for pid in session_of(self.process.pid) if b"/raylet\0" in command_line_of(pid)), 0),
            f"the raylet of {self.name}",
            patience_s=START_S,
        )

    def kill_raylet(self) -> None:
        """End the node as a failure of its machine would: its workers follow it some seconds later."""
        os.kill(self.raylet, signal.SIGKILL)

    def stop(self) -> None:
        """End all processes of the node."""
        for pid in session_of(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class RayCluster:
    """Nodes of a cluster; the first one is its head."""

    folder: Path
    """Folder for the files of Ray, with a short path, and for the homes of the nodes."""
    address: str = ""
    nodes: list[ClusterNode] = field(default_factory=list)

    def start(
        self, name: str, *, cpus: int = 1, gpus: int = 0, environment: Mapping[str, str] | None = None
    ) -> ClusterNode:
        """Start a node, and return it when Ray says that it runs."""
        home = self.folder / name
        home.mkdir()
        is_head = not self.nodes
        if is_head:
            self.address = f"{_own_address()}:{_free_port()}"
            place = ["--head", f"--port={self.address.rpartition(':')[2]}", f"--temp-dir={self.folder / 'ray'}"]
            place.append("--include-dashboard=false")
        else:
            place = [f"--address={self.address}"]
        log = home / "ray-start.log"
        words = [Path(sys.executable).with_name("ray"), "start", *place, f"--node-name={name}", "--block"]
        words += [f"--num-cpus={cpus}", f"--num-gpus={gpus}", f"--object-store-memory={OBJECT_STORE_BYTES}"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*map(str, words), "--disable-usage-stats"],
                env=_environment(home) | dict(environment or {}),
                cwd=home,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        node = ClusterNode(name, home, process)
        self.nodes.append(node)
        wait_until(lambda: b"Ray runtime started" in log.read_bytes(), f"node {name}", patience_s=START_S)
        return node

    def stop(self) -> None:
        """End all nodes, the head last."""
        for node in reversed(self.nodes):
            node.stop()


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """A cluster without nodes, whose nodes end with the block."""
    # Paths of sockets are limited to 107 characters, and pytest's folders are long.
    cluster = RayCluster(Path(tempfile.mkdtemp(prefix="cl-", dir="/tmp")))
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(cluster.folder, ignore_errors=True)


def _environment(home: Path) -> dict[str, str]:
    """Environment of a node: nothing of the tests but the path of programs."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_enable_metrics_collection": "0",
    }


def _own_address() -> str:
    """The address of this machine by which Ray's nodes find each other."""
    import ray

    return str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
