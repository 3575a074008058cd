"""Lease of a study: at most one driver runs it at a time, shown by a heartbeat in the study's store.

Keys below the root of the study, one epoch for each run of a driver:

    lease/<epoch>/holder.json     who runs the study; created exclusively, so only one process can start an epoch
    lease/<epoch>/heartbeat.json  time and progress, written again every few seconds
    lease/<epoch>/stop.json       request of another process that the driver stop
    lease/<epoch>/released.json   written when the driver ends
"""

import getpass
import json
import logging
import math
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from core.errors import StoreError, StudyError
from core.storage.roots import shown
from core.storage.store import Store

PREFIX = "lease"
"""Prefix of the keys of leases."""
HEARTBEAT_S = 2.0
"""Seconds between two heartbeats."""
SILENCE_S = 20.0
"""Seconds without a new heartbeat after which a driver on another machine is considered dead."""
CLOCK_ERROR_S = 300.0
"""Age of a heartbeat by two machines' clocks from which displays take it for old, as clocks rarely differ by more."""
LONG_AGO_S = 24 * 3600.0
"""Age of a heartbeat from which it is certainly old, even if a clock was set back or is of another time zone."""

StopMode = Literal["finish", "now"]
"""How a driver stops: after the trials that run, or at once."""

_EPOCH_NAME = re.compile(r"\d{6,9}")
_log = logging.getLogger(__name__)


class StudyRunningError(StudyError):
    """Another process runs the study."""

    def __init__(self, store: Store, holder: "Holder") -> None:
        name = shown(store.root).rstrip("/").rpartition("/")[2]
        super().__init__(
            f"{name} is running on {holder.host} (process {holder.pid}, user {holder.user}, since {holder.since}), "
            f"and a study has one driver at a time; watch it: modstudy status {name} --watch, or end it: "
            f"modstudy stop {name}"
        )
        self.holder = holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a lease."""

    host: str
    machine: str
    """Identifier of the running system, which tells process numbers of different machines and containers apart."""
    pid: int
    process_start: str
    """Start of the process, which tells a reused process number apart."""
    user: str
    since: str
    """Start of the lease (UTC, ISO 8601)."""


_HOLDER_ADAPTER: TypeAdapter[Holder] = TypeAdapter(Holder)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """The latest lease of a study, as read from its store."""

    epoch: int
    holder: Holder
    is_released: bool
    heartbeat: dict[str, Any]
    """Time (`at`, seconds since 1970), number (`beat`), `phase` and `progress`; empty before the first heartbeat."""


def latest_lease(store: Store) -> LeaseState | None:
    """The latest lease of a study, of those whose holder can be read; None if there is none."""
    for name in reversed(_epochs(store)):
        # A damaged file is a ValueError, and so is a time that is none.
        with suppress(StoreError, ValueError):
            holder = _HOLDER_ADAPTER.validate_json(store.get(f"{PREFIX}/{name}/holder.json"))
            datetime.fromisoformat(holder.since)
            return LeaseState(
                epoch=int(name),
                holder=holder,
                is_released=store.has(f"{PREFIX}/{name}/released.json"),
                heartbeat=_heartbeat(store, name),
            )
    return None


def running_lease(store: Store, *, sleep: Callable[[float], None] = time.sleep) -> LeaseState | None:
    """The lease of the driver that runs a study; None if none does.

    A process on this machine is looked up. A driver elsewhere is alive if its heartbeat changes within `SILENCE_S`, so
    the call can take that long.
    """
    first = latest_lease(store)
    if first is None or first.is_released:
        return None
    if first.holder.machine == _machine():
        is_alive = process_start(first.holder.pid) == first.holder.process_start
        return first if is_alive else None
    if time.time() - float(first.heartbeat.get("at", 0.0)) > LONG_AGO_S and first.heartbeat:
        return None
    for _ in range(round(SILENCE_S / HEARTBEAT_S)):
        sleep(HEARTBEAT_S)
        now = latest_lease(store)
        if now is None or now.is_released:
            return None
        if now.epoch != first.epoch or now.heartbeat.get("beat") != first.heartbeat.get("beat"):
            return now
    return None


def seems_alive(lease: LeaseState, now: float) -> bool:
    """Whether the driver of a lease seems to run, for displays: without waiting for its next heartbeat.

    A process on this machine is looked up. A driver elsewhere counts as alive while its last heartbeat is recent, with
    an allowance for clocks that differ.

    Args:
        lease: The latest lease of a study.
        now: Seconds since 1970.
    """
    if lease.is_released:
        return False
    if lease.holder.machine == _machine():
        return process_start(lease.holder.pid) == lease.holder.process_start
    since = datetime.fromisoformat(lease.holder.since).timestamp()
    return now - float(lease.heartbeat.get("at", since)) < CLOCK_ERROR_S


def request_stop(store: Store, mode: StopMode) -> LeaseState | None:
    """Ask the driver of a study to stop, and return its lease; None if the study is not running."""
    state = running_lease(store)
    if state is not None:
        store.put(f"{PREFIX}/{state.epoch:06d}/stop.json", json.dumps({"mode": mode}).encode())
    return state


@dataclass(slots=True)
class Lease:
    """The lease that this process holds."""

    store: Store
    epoch: int
    phase: str = "starting"
    """What the driver is doing, for `modstudy status`."""
    progress: Callable[[], dict[str, Any]] = field(default=dict)
    """Function that returns the progress of the trials as plain values."""
    stops_after_trials: threading.Event = field(default_factory=threading.Event)
    """Set when the driver was asked to start no more trials."""
    lost_to: Holder | None = None
    """The process that has taken over the study, because this one seemed dead."""
    _ended: threading.Event = field(default_factory=threading.Event)

    def key(self, name: str) -> str:
        """Key in the store of a file of the lease."""
        return f"{PREFIX}/{self.epoch:06d}/{name}.json"

    def beat_until_released(self) -> None:
        """Body of the heartbeat thread."""
        has_failed = False
        for beat in range(sys.maxsize):
            try:
                self._beat(beat)
                has_failed = False
            except Exception as error:  # noqa: BLE001  (a heartbeat that cannot be written must not end the study)
                if not has_failed:
                    _log.warning("the heartbeat of the study could not be written: %s", error)
                has_failed = True
            if self._ended.wait(HEARTBEAT_S):
                return

    def release(self) -> None:
        """End the lease."""
        self._ended.set()
        if self.lost_to is None:
            self.store.put(self.key("released"), b"{}")

    def _beat(self, beat: int) -> None:
        """Write one heartbeat, and obey requests of other processes."""
        content = {"at": time.time(), "beat": beat, "phase": self.phase, "progress": self.progress()}
        self.store.put(self.key("heartbeat"), json.dumps(content).encode())
        latest = latest_lease(self.store)
        if latest is not None and latest.epoch > self.epoch and self.lost_to is None:
            self.lost_to = latest.holder
            _interrupt_this_process()
        if self.store.has(self.key("stop")):
            mode = json.loads(self.store.get(self.key("stop"))).get("mode")
            if mode == "now" and not self.stops_after_trials.is_set():
                _interrupt_this_process()
            self.stops_after_trials.set()


@contextmanager
def study_lease(store: Store) -> Iterator[Lease]:
    """Hold the lease of a study until the block ends, with a heartbeat from a thread.

    Raises:
        StudyRunningError: another process runs the study.
    """
    lease = _acquire(store)
    thread = threading.Thread(target=lease.beat_until_released, name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        with suppress(OSError, StoreError):
            lease.release()
        thread.join(HEARTBEAT_S)


def _acquire(store: Store) -> Lease:
    """A new lease of a study.

    Raises:
        StudyRunningError: another process runs the study, or has taken the lease at the same moment.
    """
    # Read before the look for a running driver, so that one that starts in between has taken the same epoch.
    # A folder without a holder is one that a driver is taking at this moment.
    taken = (int(name) for name in reversed(_epochs(store)) if store.has(f"{PREFIX}/{name}/holder.json"))
    epoch = 1 + next(taken, 0)
    if (running := running_lease(store)) is not None:
        raise StudyRunningError(store, running.holder)
    lease = Lease(store, epoch=epoch)
    try:
        store.put_new(lease.key("holder"), json.dumps(asdict(_this_process())).encode())
    except StoreError:
        if (winner := latest_lease(store)) is None:
            raise
        raise StudyRunningError(store, winner.holder) from None
    return lease


def _this_process() -> Holder:
    """This process as the holder of a lease."""
    return Holder(
        host=socket.gethostname(),
        machine=_machine(),
        pid=os.getpid(),
        process_start=process_start(os.getpid()) or "",
        user=_user(),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _machine() -> str:
    """Identifier of the running system: host name, boot, and namespace of process numbers."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def process_start(pid: int) -> str | None:
    """Start of a process in a form that can be compared; None if it does not run; empty if the start is unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    else:
        return None if fields[0] == "Z" else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""


def _user() -> str:
    """Name of the user; empty if the system does not know it, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _interrupt_this_process() -> None:
    """End the work of the main thread as Ctrl-C does; the driver handles SIGTERM so."""
    os.kill(os.getpid(), signal.SIGTERM)


def _epochs(store: Store) -> list[str]:
    """Names of all epochs, in order."""
    return [name for name in store.names(PREFIX) if _EPOCH_NAME.fullmatch(name)]


def _heartbeat(store: Store, epoch: str) -> dict[str, Any]:
    """The heartbeat of an epoch; empty if there is none, it is being written, or it is damaged."""
    try:
        beat = json.loads(store.get(f"{PREFIX}/{epoch}/heartbeat.json"))
    except (StoreError, ValueError, RecursionError):
        return {}
    if not isinstance(beat, dict) or not isinstance(beat.get("at"), int | float) or not math.isfinite(beat["at"]):
        return {}
    return beat if _is_progress(beat.get("progress")) else {**beat, "progress": {}}


def _is_progress(progress: Any) -> bool:
    """Whether the fields of a value have the types of those of a snapshot of `StudyProgress`."""
    if not isinstance(progress, dict) or not isinstance(running := progress.get("running", []), list):
        return False
    numbers = [progress.get(name, 0) for name in ("done", "planned", "failed")]
    return (
        all(isinstance(number, int) for number in numbers)
        and isinstance(progress.get("seconds_left"), int | float | None)
        and all(isinstance(each, dict) and {"label", "step", "max_steps", "loss"} <= each.keys() for each in running)
    )
