"""A command of modstudy whose processes, those of Ray and MLflow included, can be found and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from core.storage.store import Store
from study.execution.lease import latest_lease
from tests.support.processes import command_line_of, session_of

MARK = "MODSTUDY_KILL_TEST"
"""Environment variable that tells the processes of one command, which all inherit it, from all others."""
Part = Literal["driver", "worker", "raylet"]
"""A process of a command: modstudy itself, a process of Ray that trains, or the one that Ray runs the machine with."""


def _heed_signals() -> None:
    """Give signals of a terminal their default effect: `nohup` and a shell's background ignore them in all children."""
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)


class Command:
    """A command of modstudy in a process of its own, which may be killed in part."""

    def __init__(
        self, words: Sequence[str], folder: Path, mark: str, temporary: Path, modules: Sequence[Path] = ()
    ) -> None:
        """Start the command.

        Args:
            words: The command and its arguments.
            folder: Its working folder, in which its output is written to `<mark>.txt`.
            mark: Name that no other command has.
            temporary: Its folder for temporary files.
            modules: Folders in which Python looks for modules first.
        """
        self.mark = mark
        self._output = folder / f"{mark}.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "study.cli", *words],
                cwd=folder,
                env=os.environ
                | {
                    "PYTHONPATH": os.pathsep.join(map(str, (*modules, Path.cwd()))),
                    "TMPDIR": str(temporary),
                    MARK: mark,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_heed_signals,
            )
        self._ended_at: float | None = None

    @property
    def output(self) -> str:
        """What the command has printed."""
        return self._output.read_text(errors="replace")

    def exit_code(self) -> int | None:
        """The exit code, negative after a signal; None while the command runs."""
        code = self.process.poll()
        if code is not None and self._ended_at is None:
            self._ended_at = time.monotonic()
        return code

    @property
    def seconds_since_end(self) -> float:
        """Time since the end of the command was noticed; 0 if it was not."""
        return 0.0 if self._ended_at is None else time.monotonic() - self._ended_at

    def processes(self) -> list[int]:
        """All processes of the command that still run, whoever their parent is now.

        Some of Ray's overwrite their environment, but stay in the session; the delivery to MLflow has one of its own.
        """
        wanted = f"{MARK}={self.mark}".encode()
        found = session_of(self.process.pid)
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) not in found:
                with suppress(OSError):
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def find(self, part: Part) -> int | None:
        """The number of a process of the command; None if it does not run (now)."""
        if part == "driver":
            return self.process.pid if self.exit_code() is None else None
        word = b"ImplicitFunc" if part == "worker" else b"/raylet\0"
        return next((pid for pid in self.processes() if word in command_line_of(pid)), None)

    def end(self) -> None:
        """Kill all processes of the command."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def progress_of(store: Store) -> tuple[object, ...]:
    """What the files of a study tell of its progress: changes with each heartbeat, segment, checkpoint and record."""
    root = store.local_root
    assert root is not None
    lease = latest_lease(store)
    return (
        (lease.epoch, lease.heartbeat.get("beat"), lease.is_released) if lease else None,
        tuple(store.names("plan")),
        sum(1 for _ in root.glob("trials/*/*/*")),
        sum(1 for _ in root.glob("trials/*/*/record.json")),
    )


def n_recorded(store: Store) -> int:
    """Number of trials with a record."""
    return len(store.outcomes())
