"""Fuzzing: damaged study files, settings, sounds, wavetables, manifests, records and curve files, until time is over.

`make fuzz` gives each target an equal share of 30 minutes. An input must be accepted, or refused by one of modstudy's
own errors; other exceptions, signals and hangs are failures, whose inputs are written below `fuzz-failures`:

    python -m tests.fuzz.run --replay fuzz-failures/curve-file/1234567890ab.bin
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from core.cache_folder import cache_folder
from tests.fuzz.child import COUNTS, CURRENT, FAILURES, MAX_SECONDS, try_input
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
"""The tree that is tested."""
KERNELS = cache_folder() / "kernels"
"""Folder of compiled kernels."""
START_S = 120.0
"""Time that a process may take beyond its share, to start and to end."""
OUTCOMES = ("accepted", "refused", "failed", "crashed", "hung")


def fuzz(name: str, seconds: float, seed: int, failures: Path) -> Counter[str]:
    """Fuzz a target for some time, and return the number of inputs by what happened.

    Args:
        name: Name of the target.
        seconds: The time.
        seed: Seed of the inputs.
        failures: Folder for the inputs that failed; made if there are any.
    """
    counts: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            counts += _run_child(name, left, seed, Path(folder), failures / name)
        seed += 1_000_000
    return counts


def _run_child(name: str, seconds: float, seed: int, folder: Path, failures: Path) -> Counter[str]:
    """Fuzz in a process of its own until the time is over or the target has ended the process."""
    words = [sys.executable, "-m", "tests.fuzz.child", name, str(seed), str(seconds), str(folder)]
    # Targets write where they are, and cache where they are told; only compiled kernels, which take long, are shared.
    done = subprocess.run(
        words,
        cwd=folder,
        env={"NUMBA_CACHE_DIR": str(KERNELS)}
        | os.environ
        | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + MAX_SECONDS + START_S,
        check=False,
    )
    counts: Counter[str] = Counter()
    if (folder / COUNTS).exists():
        counts.update(json.loads((folder / COUNTS).read_text()))
    if (folder / FAILURES).is_dir() and any((folder / FAILURES).iterdir()):
        shutil.copytree(folder / FAILURES, failures, dirs_exist_ok=True)
    if done.returncode:
        if not (folder / CURRENT).exists():
            raise RuntimeError(f"the process of {name} could not start:\n{done.stderr}")
        what = "crashed" if done.returncode < 0 else "hung"
        counts[what] += 1
        failures.mkdir(parents=True, exist_ok=True)
        stem = failures / f"{what}-{seed}"
        shutil.copy(folder / CURRENT, stem.with_suffix(".bin"))
        stem.with_suffix(".txt").write_text(done.stderr, encoding="utf-8")
    return counts


def replay(path: Path) -> None:
    """Feed the input in a file to the target whose name its folder has, and print what happens."""
    path = path.absolute()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.chdir(folder)
        typer.echo(try_input(TARGETS[path.parent.name](), Path(folder), path.read_bytes()))


def main(
    minutes: Annotated[float, typer.Option(help="Time for all targets together.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Seed of the inputs.")] = 0,
    only: Annotated[list[str] | None, typer.Option(help=f"Targets, of {', '.join(TARGETS)}.")] = None,
    failures: Annotated[Path, typer.Option(help="Folder for inputs that fail.")] = Path("fuzz-failures"),
    replay_file: Annotated[Path | None, typer.Option("--replay", help="Try one input that failed.")] = None,
) -> None:
    """Fuzz the targets, print the number of inputs by what happened, and fail if any input failed."""
    if replay_file is not None:
        replay(replay_file)
        return
    names: Sequence[str] = only or list(TARGETS)
    total: Counter[str] = Counter()
    typer.echo(f"{'target':16}{'inputs':>9}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES))
    for name in names:
        counts = fuzz(name, 60 * minutes / len(names), seed, failures)
        total += counts
        _print_row(name, counts)
    _print_row("all", total)
    if any(total[outcome] for outcome in OUTCOMES[2:]):
        typer.echo(f"inputs that failed: {failures}")
        raise typer.Exit(1)


def _print_row(name: str, counts: Counter[str]) -> None:
    """Print the counts of a target."""
    cells = "".join(f"{counts[outcome]:10}" for outcome in OUTCOMES)
    typer.echo(f"{name:16}{counts.total():9}{cells}")


if __name__ == "__main__":
    typer.run(main)
