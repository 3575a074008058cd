"""Other processes: waiting for what they do, and finding those of one session."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], what: str, *, patience_s: float, every_s: float = 0.1) -> Found:
    """Call a condition until it is true, and return its value; fail when that takes too long."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"still waiting for {what} after {patience_s:g} s"
        time.sleep(every_s)
    return found


def session_of(leader: int) -> list[int]:
    """Processes of the session that a process led, those of its descendants included; zombies are left out."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z" and int(fields[3]) == leader:
                found.append(int(entry.name))
    return found


def descendants_of(process: int) -> list[int]:
    """Processes that a process or its descendants have started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [process]
    for known in found:
        found += children.get(known, [])
    return found[1:]


def command_line_of(process: int) -> bytes:
    """The words of a process's command line, separated by zero bytes; empty where it has ended."""
    try:
        return (Path("/proc") / str(process) / "cmdline").read_bytes()
    except OSError:
        return b""
