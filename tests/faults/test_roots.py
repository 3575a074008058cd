"""Roots and working folders that cannot be used, and output that cannot be written: one line, nothing written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command
from tests.support.command_process import command
from tests.support.disks import small_disk
from tests.support.refusals import assert_refused
from tests.support.tiny_study import create_study, tiny_plan
from tests.support.trained_study import CONSTANT, LOW_PASS, study_text

PATIENCE_S = 120
WRITING = ("launch", "resume", "extend", "retry", "report")
"""Commands that write to the root."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study file."""
    (tmp_path / "tiny.toml").write_text(study_text(LOW_PASS, CONSTANT))
    return tmp_path


def a_file(folder: Path) -> str:
    (folder / "root").write_text("not a folder")
    return "root"


def below_a_file(folder: Path) -> str:
    (folder / "root").write_text("not a folder")
    return "root/below/it"


def a_dead_link(folder: Path) -> str:
    (folder / "root").symlink_to("nowhere/at/all")
    return "root"


def a_pipe(folder: Path) -> str:
    os.mkfifo(folder / "root")
    return "root"


def a_looping_link(folder: Path) -> str:
    (folder / "root").symlink_to("root")
    return "root"


def a_device(folder: Path) -> str:
    del folder
    return "/dev/null"


UNUSABLE = [a_file, below_a_file, a_dead_link, a_pipe, a_looping_link, a_device]


@pytest.mark.parametrize("make", UNUSABLE)
@pytest.mark.parametrize("words", [("launch", "tiny.toml"), ("resume", "tiny"), ("status", "tiny"), ("list",)], ids=str)
def test_a_root_that_is_no_folder_is_refused(
    modstudy: Command, folder: Path, make: Callable[[Path], str], words: tuple[str, ...]
) -> None:
    assert_refused(modstudy, *words, "--root", make(folder), folder=folder, says="--root names a folder; ")


@pytest.mark.parametrize("below", ["", "new"])
def test_a_read_only_disk_is_refused_before_any_work(modstudy: Command, folder: Path, below: str) -> None:
    with small_disk(folder / "root", "1m", "ro"):
        root = str(Path("root", below))
        assert_refused(
            modstudy,
            "launch",
            "tiny.toml",
            "--root",
            root,
            folder=folder,
            says="cannot be written: its disk is read-only",
        )


@pytest.mark.parametrize("name", WRITING)
def test_a_study_that_is_on_a_read_only_disk_now_is_shown_but_not_run(
    modstudy: Command, folder: Path, name: str
) -> None:
    with small_disk(folder / "root", "20m") as remount:
        create_study(folder / "root" / "tiny", tiny_plan())
        remount("ro")
        more = {"launch": ["tiny.toml"], "extend": ["tiny", "--seeds", "5"], "retry": ["tiny", "--outcome", "failed"]}
        words = more.get(name, ["tiny"])
        assert_refused(modstudy, name, *words, "--root", "root", folder=folder, says="its disk is read-only")
        assert modstudy("status", "tiny", "--root", "root").exit_code == OK
        assert modstudy("list", "--root", "root").exit_code == OK


def test_a_dry_run_needs_no_root_that_can_be_written(modstudy: Command, folder: Path) -> None:
    with small_disk(folder / "root", "1m", "ro"):
        assert modstudy("launch", "tiny.toml", "--root", "root", "--dry-run").exit_code == OK


def test_a_root_that_belongs_to_somebody_else_is_refused(folder: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only the superuser can take on another user")
    (folder / "root").mkdir(mode=0o755)
    # Where its own temporary folder cannot be reached by the other user, neither can the one of the test.
    code = "import os, sys; from core.storage.roots import checked_root; os.setgid(65534); os.setuid(65534); "
    done = subprocess.run(
        [sys.executable, "-c", code + "checked_root(sys.argv[1], writes=True)", "/root-of-somebody-else/../usr"],
        capture_output=True,
        text=True,
        cwd="/",
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        check=False,
    )
    assert "StoreError: /usr cannot be written: this user lacks the permission" in done.stderr


@pytest.mark.parametrize("words", [("launch", "quickstart"), ("list",), ("status", "tiny"), ("doctor",)], ids=str)
def test_a_working_folder_that_is_gone_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$0" && exec "$@"', str(gone), *command(*words)],
        cwd=gone,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert done.stderr == "error: the current folder does not exist any more: change to another one\n"


@pytest.mark.parametrize(
    ("shell", "code", "error"),
    [
        ('"$@" > /dev/full', BAD_INPUT, "error: the output could not be written: No space left on device\n"),
        ('"$@" | true; exit ${PIPESTATUS[0]}', OK, ""),
        ('"$@" | head -1 > first; exit ${PIPESTATUS[0]}', OK, ""),
        ('"$@" >&-', OK, ""),
        ('"$@" 2>&-', OK, ""),
        ('"$@" <&- >&- 2>&-', OK, ""),
    ],
    ids=["full", "unread", "head", "closed", "no stderr", "all closed"],
)
@pytest.mark.parametrize("words", [("status", "tiny", "--trials"), ("list", "--json")], ids=str)
def test_output_that_cannot_be_written_is_no_traceback(
    tmp_path: Path, words: tuple[str, ...], shell: str, code: int, error: str
) -> None:
    create_study(tmp_path / "runs" / "tiny", tiny_plan())
    done = subprocess.run(
        ["bash", "-c", shell, "bash", *command(*words)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, error)


def test_an_error_is_told_by_the_exit_code_where_it_cannot_be_printed(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("status", "tiny"),
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            stdout=full,
            stderr=full,
            timeout=PATIENCE_S,
            check=False,
        )
    assert done.returncode == BAD_INPUT
