"""Notices that the processes of Ray on which a driver depends have died.

Ray would then end the driver in its own native code some seconds later, without a word on how to go on.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from core.errors import StoreError
from study.execution.interrupts import is_interrupted
from study.execution.lease import Lease, process_start

LOOK_EVERY_S = 1.0
"""Time between two looks at the processes of Ray."""
SIGNAL_WAIT_S = 0.3
"""Time after which a signal that has ended Ray has also reached this process."""
RECONNECT_VARIABLE, RECONNECT_S = "RAY_gcs_rpc_server_reconnect_timeout_s", 60.0
"""Environment variable and default of the time for which Ray waits for a head that does not answer."""
PATIENCE = 0.8
"""Share of this time after which a head that does not answer is considered dead, before Ray ends the driver."""
CONNECT_TIMEOUT_S = 2.0
"""Maximum time to reach the head."""
FATAL = ("raylet", "gcs_server")
"""Ray's names of the processes without which nothing goes on: the one that runs the node, and the head."""
EXIT_CODE = 1
"""Exit code of a process that ends because Ray has died."""


@contextmanager
def ray_watch(find_death: Callable[[], str | None], end: Callable[[str], None]) -> Iterator[None]:
    """Call a function once Ray has died, until the block ends.

    Args:
        find_death: Says what has died; None while all is well.
        end: Called with that, from another thread unless an error has ended the block. It should end the process,
            because Ray cannot be shut down in order any more.
    """
    has_ended = threading.Event()

    def watch() -> None:
        """Look at Ray from time to time."""
        while not has_ended.wait(LOOK_EVERY_S):
            if death := find_death():
                # A signal to all processes of a terminal ends those of Ray, too, and may reach this one a little later.
                if not has_ended.wait(SIGNAL_WAIT_S) and not is_interrupted():
                    end(death)
                return

    thread = threading.Thread(target=watch, name="ray watch", daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        # The error may be a consequence that was noticed sooner.
        if death := find_death():
            end(death)
        raise
    finally:
        has_ended.set()


def end_without_ray(death: str, how_to_go_on: str, lease: Lease, console: Console) -> NoReturn:
    """End this process with a line on stderr, and release its lease.

    Args:
        death: What has died.
        how_to_go_on: Sentences for the user.
        lease: Lease of the study that this process runs.
        console: Console on which a live display may be shown.
    """
    if console.is_terminal:
        console.show_cursor()  # the live display has hidden it
    Console(stderr=True, soft_wrap=True).print(
        f"error: Ray has ended: {death}. {how_to_go_on}", markup=False, highlight=False
    )
    with suppress(OSError, StoreError):
        lease.release()
    sys.stdout.flush()
    os._exit(EXIT_CODE)


def death_on_this_machine() -> str | None:
    """Which process of the Ray that this process has started is dead; None if they live, or Ray does not run."""
    from ray._private import worker

    node = worker._global_node
    dead: list[str] = [str(kind) for kind, _ in node.dead_processes()] if node is not None else []
    return next((f"its process {name} on this machine has died" for name in FATAL if name in dead), None)


class ClusterWatch:
    """Looks whether the head of a cluster and the node of this process live."""

    def __init__(self, head: str, raylet: int | None) -> None:
        """Make it.

        Args:
            head: Address of the head as HOST:PORT.
            raylet: Number of the process that runs the node of this process; None if it is unknown.
        """
        host, _, port = head.rpartition(":")
        self._head, self._place = head, (host.strip("[]"), int(port))
        self._raylet = raylet
        self._start = process_start(raylet) if raylet is not None else None
        self._patience_s = PATIENCE * float(os.environ.get(RECONNECT_VARIABLE, RECONNECT_S))
        self._last_answer_s = time.monotonic()

    def death(self) -> str | None:
        """What has died; None while all is well, or the head has not been silent for long."""
        if self._raylet is not None and process_start(self._raylet) != self._start:
            return "its process raylet on this machine has died"
        try:
            socket.create_connection(self._place, timeout=CONNECT_TIMEOUT_S).close()
        except OSError:
            silent_s = time.monotonic() - self._last_answer_s
            return (
                f"its head at {self._head} has not answered for {silent_s:.0f} s"
                if silent_s > self._patience_s
                else None
            )
        self._last_answer_s = time.monotonic()
        return None


def watch_of_cluster() -> ClusterWatch:
    """The watch of the cluster that this process has joined."""
    import ray
    from ray._private import worker

    node = worker._global_node
    word = f"--raylet_socket_name={node.raylet_socket_name}".encode() if node is not None else b""
    return ClusterWatch(str(ray.get_runtime_context().gcs_address), _process_with(word) if word else None)


def _process_with(word: bytes) -> int | None:
    """A process with a word on its command line; None if there is none, or the system has no /proc."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_bytes().split(b"\0"):
                return int(path.parent.name)
        except OSError:
            continue
    return None
