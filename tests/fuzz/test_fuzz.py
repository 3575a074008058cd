"""Fuzzing finds what it looks for: targets accept what is not damaged, and failures of every kind are reported."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from core.errors import DataError
from tests.fuzz.child import try_input
from tests.fuzz.run import fuzz
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS


class Deadly(Target):
    """Refuses, fails, crashes or hangs, as its input says."""

    originals = (b"",)

    def run(self, folder: Path, data: bytes) -> None:
        del folder
        if data == b"refuse":
            raise DataError("refused")
        if data == b"fail":
            raise ZeroDivisionError
        if data == b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if data == b"hang":
            time.sleep(60)


def test_an_input_is_accepted_refused_or_fails(tmp_path: Path) -> None:
    assert try_input(Deadly(), tmp_path, b"") == "accepted"
    assert try_input(Deadly(), tmp_path, b"refuse") == "refused"
    assert "ZeroDivisionError" in try_input(Deadly(), tmp_path, b"fail")


@pytest.mark.slow
@pytest.mark.parametrize(("data", "code"), [("crash", -signal.SIGSEGV), ("hang", 1)])
def test_a_crash_or_a_hang_ends_the_process(tmp_path: Path, data: str, code: int) -> None:
    script = f"""
from pathlib import Path
from tests.fuzz import child
from tests.fuzz.test_fuzz import Deadly
child.MAX_SECONDS = 5.0
child.try_input(Deadly(), Path({str(tmp_path)!r}), {data.encode()!r})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("Timeout" in done.stderr) == (data == "hang")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TARGETS))
def test_a_target_accepts_what_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    target = TARGETS[name]()
    work = tmp_path / "work"
    work.mkdir()
    for data in target.originals:
        target.run(work, data)


@pytest.mark.slow
def test_a_target_runs_in_a_process_of_its_own_until_its_time_is_over(tmp_path: Path) -> None:
    counts: Counter[str] = fuzz("checkpoint", 3.0, 0, tmp_path / "failures")
    assert counts["accepted"] + counts["refused"] > 0
    assert not counts["crashed"] + counts["hung"]
