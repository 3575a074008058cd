"""Signals: the first one ends a study in order, the second one at once, and neither leaves anything."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.storage.store import Store
from study.execution.interrupts import INTERRUPTED, SAME_S, interrupts, is_interrupted
from study.execution.temporary_folder import PREFIX, remove_abandoned
from tests.support.killed_study import Command
from tests.support.processes import wait_until
from tests.support.trained_study import CONSTANT, LOW_PASS, study_text

PATIENCE_S = 240
LINGER_S = 90
"""Time in which all processes of a study that was ended at once have ended."""
PROGRAM = """
import os, signal, sys, time
from study.execution.interrupts import interrupts
with interrupts():
    try:
        print("ready", flush=True)
        time.sleep(20)
    except KeyboardInterrupt:
        print("first", flush=True)
        time.sleep(float(sys.argv[1]))
        print("in order", flush=True)
        sys.exit(130)
"""
"""Takes a time to end in order after the first signal."""
DEADLOCK = """
import ctypes
from study.execution.interrupts import interrupts
with interrupts():
    mutex = ctypes.create_string_buffer(64)
    print("ready", flush=True)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
"""
"""Waits in native code for ever, which no signal interrupts."""
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def answer(first: signal.Signals, second: signal.Signals | None, gap_s: float, ignored: tuple[int, ...] = ()) -> str:
    """What the program does after signals: what it printed last, and its exit code."""

    def prepare() -> None:
        for each in (INT, TERM, HUP):
            signal.signal(each, signal.SIG_IGN if each in ignored else signal.SIG_DFL)
        if INT not in ignored:
            signal.signal(INT, signal.default_int_handler)

    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(gap_s + 0.5)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        preexec_fn=prepare,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(first)
        if first in ignored:
            program.terminate()
        assert program.stdout.readline() == "first\n"
        if second is not None:
            time.sleep(gap_s)
            program.send_signal(second)
        out, error = program.communicate(timeout=30)
    said = "at once" if "stopped at once" in error else out.strip()
    assert "Traceback" not in error
    assert program.returncode == INTERRUPTED
    return said


@pytest.mark.parametrize("first", [INT, TERM, HUP])
def test_one_signal_ends_in_order(first: signal.Signals) -> None:
    assert answer(first, None, 0.0) == "in order"


@pytest.mark.parametrize("first", [INT, TERM, HUP])
@pytest.mark.parametrize("second", [INT, TERM])
def test_a_second_signal_ends_at_once(first: signal.Signals, second: signal.Signals) -> None:
    assert answer(first, second, SAME_S + 0.1) == "at once"


@pytest.mark.parametrize("first", [INT, TERM, HUP])
def test_a_signal_that_is_delivered_twice_is_one(first: signal.Signals) -> None:
    """As `timeout` and `make` do, which pass signals on to a program that has them already."""
    assert answer(first, first, 0.05) == "in order"


@pytest.mark.parametrize("first", [INT, TERM])
def test_a_terminal_that_closes_after_a_signal_changes_nothing(first: signal.Signals) -> None:
    assert answer(first, HUP, SAME_S + 0.1) == "in order"


def test_a_second_signal_ends_a_program_whose_main_thread_never_comes_back_from_native_code() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DEADLOCK],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # It may be ignored here, as in what a shell runs in the background.
        preexec_fn=lambda: signal.signal(INT, signal.SIG_DFL),
    ) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"
            for _ in range(2):
                time.sleep(SAME_S + 0.1)
                program.send_signal(INT)
            _, error = program.communicate(timeout=30)
        finally:
            program.kill()
    assert "stopped at once" in error
    assert program.returncode == INTERRUPTED


@pytest.mark.parametrize("ignored", [HUP, INT])
def test_signals_that_were_ignored_stay_ignored(ignored: signal.Signals) -> None:
    """As under `nohup`, and in what a shell runs in the background."""
    assert answer(ignored, None, 0.0, ignored=(ignored,)) == "in order"


def test_blocks_can_be_nested_and_leave_the_handlers_as_they_were() -> None:
    before = {each: signal.getsignal(each) for each in (INT, TERM, HUP)}
    with pytest.raises(KeyboardInterrupt), interrupts(), interrupts():
        signal.raise_signal(TERM)
    assert {each: signal.getsignal(each) for each in (INT, TERM, HUP)} == before
    assert not is_interrupted()


# -------------------------------------------------------------------------------------------------------- real studies


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files with a short path."""
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


def begun(folder: Path, temporary: Path) -> Command:
    """A long study that has written a checkpoint."""
    (folder / "tiny.toml").write_text(study_text(LOW_PASS, CONSTANT, max_steps=100_000))
    command = Command(["launch", "tiny.toml"], folder, "launch", temporary)
    try:
        wait_until(
            lambda: list((folder / "runs/tiny/trials").glob("*/*/checkpoint-*.pt")),
            "a checkpoint",
            patience_s=PATIENCE_S,
        )
    except AssertionError:
        command.end()
        raise
    return command


def exit_code_of(command: Command) -> int:
    """The exit code of a command, and none of its processes is left a while after it."""
    try:
        wait_until(lambda: command.exit_code() is not None, "the end of the command", patience_s=60)
        wait_until(lambda: command.processes() == [], "the end of its processes", patience_s=LINGER_S)
    finally:
        command.end()
    return command.process.returncode


@pytest.mark.parametrize("which", [TERM, HUP], ids=["SIGTERM to all processes", "SIGHUP to all processes"])
def test_a_signal_to_all_processes_of_a_terminal_ends_a_study_in_order(
    tmp_path: Path, temporary: Path, which: signal.Signals
) -> None:
    command = begun(tmp_path, temporary)
    os.killpg(command.process.pid, which)
    assert exit_code_of(command) == INTERRUPTED, command.output
    output = " ".join(command.output.split())
    assert re.search(r"stopped; \d of 4 trials have their results. Resume with: modstudy resume tiny", output), output
    assert "Traceback" not in output
    assert "Ray has ended" not in output
    assert "cancelled" in Store(tmp_path / "runs" / "tiny").outcomes().values()
    assert list(temporary.glob(f"{PREFIX}*")) == []
    assert list(temporary.glob("db_init_lock-*")) == []


def test_a_second_ctrl_c_ends_a_study_at_once_and_loses_nothing(tmp_path: Path, temporary: Path) -> None:
    command = begun(tmp_path, temporary)
    os.kill(command.process.pid, INT)
    time.sleep(SAME_S + 0.1)
    if command.exit_code() is None:
        os.kill(command.process.pid, INT)
    started = time.monotonic()
    assert exit_code_of(command) == INTERRUPTED, command.output
    assert time.monotonic() - started < 20
    assert "Traceback" not in command.output
    assert set(Store(tmp_path / "runs" / "tiny").outcomes().values()) <= {"finished", "cancelled"}
    # The next start removes what it left.
    remove_abandoned(temporary)
    assert list(temporary.glob(f"{PREFIX}*")) == []


def test_a_study_whose_reader_goes_away_goes_on(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(CONSTANT))
    words = f"{sys.executable} -m study.cli launch tiny.toml | head -1 > first; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path.cwd()), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert (tmp_path / "first").read_text().startswith("tiny: 2 trials to run")
    assert set(Store(tmp_path / "runs" / "tiny").outcomes().values()) == {"finished"}
    assert (tmp_path / "runs" / "tiny" / "report" / "index.html").exists()
