"""Small disks in memory, which can be full or read-only; mounting them is the superuser's right."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str, mode: str = "rw") -> Iterator[Callable[[str], None]]:
    """Mount a disk in memory at a folder, which is created, until the block ends; the test is skipped where it cannot.

    Args:
        folder: Where it is mounted.
        size: Its size, such as `5m`.
        mode: `rw` or `ro`.

    Yields:
        Function that mounts it again with other options, such as `ro` or `size=20m`.
    """
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size},{mode}", "none", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("this system has no `mount`")
    if done.returncode:
        pytest.skip(f"this user cannot mount a disk: {done.stderr.strip()}")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    try:
        yield remount
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
