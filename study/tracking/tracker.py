"""Delivery of a running study to MLflow by a process of its own, so that the study does not depend on the tracker.

Neither trials nor the driver wait for MLflow. Results that could not be delivered are delivered by the next `resume`,
`report` or `track`, because every delivery starts from the ledger, the committed records.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from core.storage.store import Store
from study.tracking.delivery_process import TRACKER_FAILED, TROUBLE
from study.tracking.messages import Ended, Message, Recorded, Task, to_line
from study.tracking.reasons import without_passwords

MAX_WAIT_S = 60.0
"""Maximum time that the end of a study waits for a tracker that takes its results."""
MAX_QUIET_S = 10.0
"""Maximum time that the end of a study waits for a tracker that hangs, or a process that is not given a CPU."""
WORK_S = 0.05
"""CPU time in seconds by which a process that works is told from one that waits for a tracker that does not answer."""
MAX_RESTARTS = 3
"""Maximum number of times that a process that crashed is started again."""
POLL_S = 0.05
"""Interval at which the end of the process is looked for."""
MAX_OUTPUT = 65536
"""Number of bytes at the end of the output of the process that are read."""
TERMINATION_WAIT_S = 2.0
"""Time in which a process that is terminated ends; then it is killed."""
_log = logging.getLogger(__name__)


def default_tracker(root: Path, study: str) -> tuple[str, str]:
    """Default tracking URI and artifact location of a study: a database and a folder in the root of all studies."""
    root = root.absolute()
    return f"sqlite:///{root / 'mlflow.db'}", (root / "mlflow-artifacts" / study).as_uri()


class Tracker:
    """Process that delivers new records of a study to MLflow; as a context manager, it runs within the block."""

    def __init__(self, store: Store, tracking_uri: str, artifact_location: str | None) -> None:
        root = store.root if store.local_root is None else str(store.local_root)
        self._task = Task(root=root, tracking_uri=tracking_uri, artifact_location=artifact_location)
        self._name = without_passwords(f"MLflow at {tracking_uri}")
        self._process: subprocess.Popen[bytes] | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._output_start = 0
        self._crashes: list[str] = []
        self._told: str | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, in a session of its own: an interrupt of the study must not reach it."""
        self._output_start = os.fstat(self._output.fileno()).st_size
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "study.tracking.delivery_process"],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._send(self._task)

    def notify(self, digest: str) -> None:
        """Tell the process of a trial with a new record; start it again if it has crashed."""
        self._send(Recorded(digest=digest))
        if self._process is not None and self._process.poll() not in (None, 0, TRACKER_FAILED):
            self._restart()
        self._warn_of_trouble()

    def finish(self, status: str, max_wait_s: float = MAX_WAIT_S) -> str | None:
        """Deliver the remaining records and the report, and return an error message; None if all was delivered.

        Args:
            status: Final MLflow status of the study: `FINISHED`, `FAILED` or `KILLED`.
            max_wait_s: Maximum time to wait for the tracker.
        """
        deadline = time.monotonic() + max_wait_s
        try:
            while True:
                code = self._end(status, deadline)
                if code is None:
                    is_late = time.monotonic() > deadline
                    what = f"take everything within {max_wait_s:g} s" if is_late else f"answer for {MAX_QUIET_S:g} s"
                    return f"{self._name} did not {what}"
                if code == 0:
                    break
                if code == TRACKER_FAILED:
                    reason = self._trouble() or "no reason given"
                    return f"{self._name} could not be updated" + ("" if reason == self._told else f" ({reason})")
                if not self._restart():
                    return f"{self._name} could not be updated ({self._crash_text()})"
        finally:
            self.close()
        if self._crashes:
            _log.warning("%s has all results, although %s", self._name, self._crash_text())
        return None

    def close(self) -> None:
        """End the process, whatever it is doing; the next delivery continues from there."""
        if self._process is None:
            return
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(TERMINATION_WAIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._close_input()
        self._process = None
        self._output.close()

    # ----------------------------------------------------------------------------------------------------------------

    def _send(self, message: Message) -> bool:
        """Send a message, and return False if the process has not read the earlier ones."""
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            # A pipe takes a line of less than 4 KiB whole or not at all.
            os.write(self._process.stdin.fileno(), to_line(message))
        except BlockingIOError:
            return False
        except BrokenPipeError:
            pass  # The exit code of the process tells why.
        return True

    def _end(self, status: str, deadline: float) -> int | None:
        """Tell the process that the study has ended, and return its exit code.

        None if the process has not ended when the deadline passes, or has not worked for a while.
        """
        assert self._process is not None
        is_sent, worked_s, quiet_since = False, 0.0, time.monotonic()
        while (code := self._process.poll()) is None:
            is_sent = is_sent or self._send(Ended(status=status))
            now, cpu_s = time.monotonic(), _cpu_s(self._process.pid)
            if cpu_s is None or cpu_s > worked_s + WORK_S:
                worked_s, quiet_since = cpu_s or 0.0, now
            if now > deadline or now - quiet_since > MAX_QUIET_S:
                return None
            time.sleep(POLL_S)
        return code

    def _restart(self) -> bool:
        """Start the process again after a crash, unless there have been too many; return whether it was started."""
        assert self._process is not None
        code = self._process.returncode
        if len(self._crashes) <= MAX_RESTARTS:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            last_lines = [line for line in self._output_lines() if line.strip()]
            self._crashes.append(without_passwords(": ".join([how, *last_lines[-1:]])))
        if len(self._crashes) > MAX_RESTARTS:
            return False
        self._close_input()
        self.start()
        return True

    def _crash_text(self) -> str:
        """How often and how the process crashed."""
        times = "once" if len(self._crashes) == 1 else f"{len(self._crashes)} times"
        return f"the process that delivers to it crashed {times}, with {self._crashes[-1]}"

    def _warn_of_trouble(self) -> None:
        """Log a warning if the process has reported for the first time that the tracker cannot be updated."""
        if self._told is None and (trouble := self._trouble()):
            self._told = trouble
            _log.warning(
                "%s cannot be updated now (%s); the study continues, and it is tried again", self._name, trouble
            )

    def _trouble(self) -> str | None:
        """The last reason that the process has given for a tracker that could not be updated; None if there is none."""
        lines = [line for line in self._output_lines() if line.startswith(TROUBLE)]
        return lines[-1].removeprefix(TROUBLE) if lines else None

    def _output_lines(self) -> list[str]:
        """The last lines that the process has written, those of its errors included."""
        descriptor = self._output.fileno()
        size = os.fstat(descriptor).st_size
        start = max(self._output_start, size - MAX_OUTPUT)
        # Reading at a position leaves the one at which the process writes.
        return os.pread(descriptor, size - start, start).decode(errors="replace").splitlines()

    def _close_input(self) -> None:
        """Close the pipe to the process, which has ended."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()


def _cpu_s(pid: int) -> float | None:
    """CPU time in seconds that a process has used; None where the system has no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
