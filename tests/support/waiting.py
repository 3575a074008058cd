"""Waiting for what other processes do."""

import time
from pathlib import Path


def wait_for(*files: Path) -> None:
    """Return when all files exist; fail after two minutes."""
    deadline = time.monotonic() + 120
    while not all(file.exists() for file in files):
        assert time.monotonic() < deadline, f"still missing after two minutes: {files}"
        time.sleep(0.01)
