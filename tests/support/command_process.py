"""The command line in a process of its own, in a folder that contains its studies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from core.storage.records import TrialRecord
from core.storage.store import Store
from tests.support.processes import session_of, wait_until

PATIENCE_S = 240
"""Longest time in seconds that a command takes on a busy machine."""


def command(*arguments: object) -> list[str]:
    """The words of a command."""
    return [sys.executable, "-m", "study.cli", *map(str, arguments)]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def succeed(folder: Path, *arguments: str) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = run(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def begin(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, so that it and all of Ray can be found and ended together."""
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(
            command(*arguments),
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell ignores SIGINT in what it runs in the background, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def kill(driver: subprocess.Popen[bytes]) -> None:
    """Kill a command with everything that it started, so that nothing of it can tidy up."""
    for process in session_of(driver.pid):
        os.kill(process, signal.SIGKILL)
    driver.wait()


def checkpoints(folder: Path, name: str) -> list[Path]:
    """The checkpoints of a study."""
    return list((folder / "runs" / name / "trials").glob("*/*/checkpoint-*.pt"))


def wait_for_a_checkpoint(folder: Path, name: str) -> None:
    """Return when a study has a checkpoint."""
    wait_until(lambda: checkpoints(folder, name), f"a checkpoint of {name}", patience_s=PATIENCE_S)


def study_at(folder: Path, name: str, root: str = "runs") -> Store:
    """The store of a study in a folder."""
    return Store(folder / root / name)


def records(store: Store) -> dict[str, TrialRecord]:
    """The records of a study, by digest."""
    return {record.digest: record for record in store.ledger()}


def trial_files(store: Store) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of every file of every trial."""
    root = Path(store.root)
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in (root / "trials").rglob("*")
        if path.is_file()
    }
