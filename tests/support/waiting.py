"""Waiting for files that other processes write."""

from pathlib import Path

from tests.support.processes import wait_until


def wait_for(*files: Path) -> None:
    """Return when all files exist; fail after two minutes."""
    names = ", ".join(str(file) for file in files)
    wait_until(lambda: all(file.exists() for file in files), names, patience_s=120, every_s=0.01)
