"""Why the worker of a trial died: a fatal signal that its log names, or the kernel's out-of-memory killer.

Ray does not pass on how a worker ended, and it is no child of the driver. But Ray lets a worker write to its log which
of the signals of a crash has ended it, together with Python's stack (`faulthandler`). SIGKILL leaves no trace there;
where it came from the kernel, the kernel has counted it.
"""

import re
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray._private import worker as ray_worker
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

CRASH_SIGNALS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
"""Signals by which the system ends a process that has made a fatal error."""
READ_TIMEOUT_S = 20.0
"""Maximum time to read a log on another node."""
RECENT_S, LOOK_EVERY_S = 30.0, 5.0
"""Time for which a kill for lack of memory may be the cause of a death, and between two looks at their number."""
_LOG_BYTES = 2**17
"""Bytes at the end of a log in which a signal is looked for."""
_SIGNAL = re.compile(r"^\*\*\* (SIG[A-Z]+) received at ", re.MULTILINE)
"""Line that Ray's handler of signals writes."""
_FRAME = re.compile(r'^  File "([^"]+)", line (\d+) in (\S+)', re.MULTILINE)
"""Line of the stack that Python's `faulthandler` writes, the innermost first."""
_PROCESS = re.compile(r"^\s*pid: (\d+)$.*?^\s*ip: (\S+)$", re.MULTILINE | re.DOTALL)
"""Process and address of a dead worker in the message of Ray."""
_OOM_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))
"""Files with a line `oom_kill N`: those of the control group, which counts its own processes, and of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A worker's death by one of `CRASH_SIGNALS`."""

    signal: str
    """Name of the signal, such as SIGSEGV."""
    place: str = ""
    """Innermost frame of the Python code that ran, such as `render in core/synths/engel.py:75`; empty if unknown."""

    def __str__(self) -> str:
        return f"{self.signal} in {self.place}" if self.place else self.signal


def crash_in_log(text: str) -> Crash | None:
    """The crash at the end of the log of a worker; None if there is none."""
    found = [match for match in _SIGNAL.finditer(text) if match[1] in CRASH_SIGNALS]
    if not found:
        return None
    frame = _FRAME.search(text, found[0].end())
    place = f"{frame[3]} in {'/'.join(Path(frame[1]).parts[-3:])}:{frame[2]}" if frame else ""
    return Crash(signal=found[0][1], place=place)


def crash_of_worker(message: str) -> Crash | None:
    """The crash of the worker of whose death Ray tells, from its log on the machine where it ran.

    Args:
        message: Ray's message, which names process and address.

    Returns:
        None if the worker did not crash, or its machine is gone or does not answer.
    """
    if (process := _PROCESS.search(message)) is None:
        return None
    pid, address = int(process[1]), process[2]
    if address == _own_address():
        return crash_in_log(log_of_worker(pid))
    return next((crash for text in _logs_elsewhere(pid, address) if (crash := crash_in_log(text))), None)


def log_of_worker(pid: int) -> str:
    """The end of the log of a worker of Ray on this machine; empty if there is none."""
    node = ray_worker._global_node
    if node is None:
        return ""
    texts = []
    for path in sorted(Path(node.get_logs_dir_path()).glob(f"worker-*-{pid}.err")):
        with suppress(OSError), path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            texts.append(file.read().decode("utf-8", errors="replace"))
    return "".join(texts)


class OomKills:
    """Tells whether the kernel has just killed processes of this machine for lack of memory."""

    def __init__(self) -> None:
        self._samples = deque([(time.monotonic(), n_oom_kills())])

    def look(self) -> None:
        """Take note of their number, if the last look was a while ago; to be called again and again."""
        now = time.monotonic()
        if now - self._samples[-1][0] < LOOK_EVERY_S:
            return
        self._samples.append((now, n_oom_kills()))
        while len(self._samples) > 1 and now - self._samples[1][0] > RECENT_S:
            self._samples.popleft()

    def any_recent(self) -> bool:
        """Whether there were any within the last `RECENT_S` seconds; False where the system does not count them."""
        before, now = self._samples[0][1], n_oom_kills()
        return before is not None and now is not None and now > before


def n_oom_kills() -> int | None:
    """Number of processes that the kernel has killed for lack of memory; None if it is unknown."""
    for path in _OOM_COUNTERS:
        with suppress(OSError):
            for line in path.read_text(encoding="ascii", errors="replace").splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill" and count.isdigit():
                    return int(count)
    return None


# ---------------------------------------------------------------------------------------------------------------------


def _own_address() -> str:
    """Address of this machine as Ray names it; empty if Ray does not run."""
    node = ray_worker._global_node
    return str(node.node_ip_address) if node is not None else ""


def _logs_elsewhere(pid: int, address: str) -> list[str]:
    """Logs of the worker with this number on the nodes with this address; those that do not answer are left out."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    read = ray.remote(log_of_worker)
    texts = []
    for entry in nodes:
        if entry["Alive"] and entry["NodeManagerAddress"] == address:
            affinity = NodeAffinitySchedulingStrategy(entry["NodeID"], soft=False)
            with suppress(ray.exceptions.RayError, ray.exceptions.GetTimeoutError):
                task = read.options(num_cpus=0, max_retries=0, scheduling_strategy=affinity).remote(pid)
                texts.append(ray.get(task, timeout=READ_TIMEOUT_S))
    return texts
