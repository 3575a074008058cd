"""Soak of the engine: thousands of stub trials through real workers, of which one is killed again and again.

`python -m tests.benchmarks.soak` runs 2,000 trials with a kill every 100, and ends with an error if the driver's memory
grows by more than 20 MB after its warm-up, if it has more threads or open files at the end than then, or if a trial has
no result. `--trials` runs another number.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.storage.store import Store
from tests.benchmarks.engine import resident_kb, run_stubs
from tests.support.processes import command_line_of, descendants_of

N_TRIALS = 2000
KILL_EVERY = 100
"""Number of trials after which a worker is killed; after the first of these times the driver holds all it needs."""
MAX_GROWTH_MB = 20.0
MAX_MORE = 4
"""Number of threads and open files by which a moment may differ from another one."""


@dataclass(frozen=True, slots=True)
class State:
    """What the driver holds."""

    memory_mb: float
    threads: int
    files: int


@dataclass(slots=True)
class Soak:
    """States of the driver by number of trials, and the number of workers that were killed."""

    states: dict[int, State] = field(default_factory=dict)
    n_killed: int = 0

    def on_trial(self, n_trials: int) -> None:
        """Look at the driver from time to time, and kill a worker."""
        if n_trials % KILL_EVERY:
            return
        # All threads of the process, those of native code included.
        threads = len(list(Path("/proc/self/task").iterdir()))
        files = len(list(Path("/proc/self/fd").iterdir()))
        self.states[n_trials] = State(resident_kb() / 1024, threads, files)
        workers = [pid for pid in descendants_of(os.getpid()) if b"ImplicitFunc" in command_line_of(pid)]
        if workers:
            os.kill(workers[0], signal.SIGKILL)
            self.n_killed += 1


def problems(soak: Soak, outcomes: Sequence[str], n_trials: int) -> list[str]:
    """What is wrong after a soak; empty if nothing is."""
    first, last = soak.states[min(soak.states)], soak.states[max(soak.states)]
    found = []
    if (growth := last.memory_mb - first.memory_mb) > MAX_GROWTH_MB:
        found.append(f"memory has grown by {growth:.1f} MB")
    for name, before, after in (("threads", first.threads, last.threads), ("files", first.files, last.files)):
        if after > before + MAX_MORE:
            found.append(f"{after} {name}, {before} after the warm-up")
    counts = Counter(outcomes)
    if counts != {"finished": n_trials}:
        found.append(f"outcomes of {n_trials} trials: {dict(counts)}")
    if soak.n_killed < len(soak.states) - 1:
        found.append(f"only {soak.n_killed} workers were killed")
    return found


def main() -> int:
    """Run the soak, print the states of the driver, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=N_TRIALS, help=f"number of trials, {2 * KILL_EVERY} or more")
    n_trials = parser.parse_args().trials
    soak = Soak()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        run_stubs(Path(folder), n_trials, with_tracker=False, on_trial=soak.on_trial)
        outcomes = list(Store(Path(folder) / "stubs").outcomes().values())
    for number, state in soak.states.items():
        print(f"{number:6} trials: {state.memory_mb:.0f} MB, {state.threads} threads, {state.files} files")  # noqa: T201
    found = problems(soak, outcomes, n_trials)
    print("; ".join(found) or f"flat, with {soak.n_killed} workers killed")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
