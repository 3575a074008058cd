"""Damaged files of stored studies: every command names them and goes on, and no damage goes unnoticed."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from core.storage import store as store_module
from core.storage.store import Store
from core.storage.verification import verify_study
from study.commands.options import BAD_INPUT, OK, TRIALS_FAILED
from study.execution import session as session_module
from tests.support.command_line import Command, flat
from tests.support.damage import DAMAGES, copied
from tests.support.fake_study import FakeArm, fake_study
from tests.support.refusals import MAX_SECONDS, clear_line, snapshot, time_limit

ARMS = (FakeArm(name="frame", mss=0.7, tv=22.0, n_flat=2), FakeArm(name="spline-8", mss=0.95, tv=3.0, n_flat=1))
N_TRIALS = 4
DAMAGED = "0000000000000001"
"""Digest of the trial whose files are damaged: the second seed of the first arm."""
FILES = {
    "definition": "study.json",
    "copy of the definition": "study-copy.json",
    "plan": "plan/0001.json",
    "copy of the plan": "plan-copy/0001.json",
    "ledger": "ledger/000001.arrow",
    "note of the ledger": "ledger/000002.reopened.json",
    "record": f"trials/{DAMAGED}/*/record.json",
    "curves": f"trials/{DAMAGED}/*/curves.arrow",
    "clip values": f"trials/{DAMAGED}/*/clip_values.arrow",
    "sound": f"trials/{DAMAGED}/*/audio/test_0.estimate.flac",
    "weights": f"trials/{DAMAGED}/*/model.pt",
}
"""Pattern of a file of each kind."""
OF_TRIAL = ("record", "curves", "clip values", "sound", "weights")
COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status", "mine", "--trials"),
    "list": ("list",),
    "curves": ("curves", "mine"),
    "tables": ("export", "tables", "mine", "--format", "csv"),
    "figures": ("export", "figures", "mine", "--format", "svg", "--out", "figures"),
    "compare": ("compare", "mine", "other"),
    "report": ("report", "mine"),
}
"""Commands that read a study."""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a finished study that has every kind of file, and another study."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "COMPACT_FROM", 1)
        store = fake_study(root / "mine", ARMS, seeds=2)
        for digest in store.names("trials"):
            attempt = store.committed(digest)
            assert attempt is not None
            attempt.put("model.pt", f"weights of {digest}".encode() * 20)
            attempt.commit(attempt.record())
        store.compact()
        store.reopen([DAMAGED])
    fake_study(root / "other", ARMS, seeds=2)
    return root


@pytest.fixture
def mine(studies: Path, tmp_path: Path) -> Path:
    """A copy of the studies in the root that commands use by default; returns the folder of the first one."""
    copied(studies / "other", tmp_path / "runs")
    return copied(studies / "mine", tmp_path / "runs")


class _NoTracker:
    """Takes the place of the delivery to MLflow, which is tested elsewhere."""

    def __init__(self, *_: object) -> None:
        pass

    @contextmanager
    def _entered(self) -> Iterator["_NoTracker"]:
        yield self

    def __enter__(self) -> "_NoTracker":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def finish(self, *_: object) -> None:
        """Deliver nothing."""


@pytest.fixture(autouse=True)
def no_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "Tracker", _NoTracker)


def file_of(study: Path, kind: str) -> Path:
    (path,) = study.glob(FILES[kind])
    return path


def run(modstudy: Command, command: str) -> Result:
    with time_limit(MAX_SECONDS):
        result = modstudy(*COMMANDS[command])
    assert result.exit_code == OK, f"{flat(result)} {result.exception!r}"
    return result


def n_open(study: Path) -> int:
    return N_TRIALS - len(Store(study).outcomes())


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", FILES)
def test_verify_names_the_file_and_writes_nothing(modstudy: Command, mine: Path, kind: str, damage: str) -> None:
    path = file_of(mine, kind)
    DAMAGES[damage](path)
    before = snapshot_of_files(mine)
    with time_limit(MAX_SECONDS):
        result = modstudy("verify", "mine")
    assert snapshot_of_files(mine) == before
    if (kind, damage) in (("record", "missing"), ("ledger", "missing"), ("note of the ledger", "missing")):
        # The trial has no result, or copies are missing that nobody needs.
        assert result.exit_code == OK, result.output
        return
    assert result.exit_code == TRIALS_FAILED, f"{result.output} {result.exception!r}"
    lines = [line for line in result.output.splitlines() if line.startswith("damaged: ")]
    assert len(lines) == 1, result.output
    assert str(path.relative_to(mine.parent)) in lines[0]
    assert "1 of" in flat(result)
    assert "modstudy resume mine" in flat(result)


def snapshot_of_files(folder: Path) -> dict[str, Any]:
    """Size and time of each file, without the content of what may be huge or endless."""
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", FILES)
def test_status_goes_on_and_only_a_damaged_record_does_not_count(
    modstudy: Command, mine: Path, caplog: pytest.LogCaptureFixture, kind: str, damage: str
) -> None:
    DAMAGES[damage](file_of(mine, kind))
    result = run(modstudy, "status")
    text = flat(result)
    is_open = kind == "record"
    assert f"{N_TRIALS} planned: {N_TRIALS - is_open} finished" in text
    assert ("1 open" in text) == is_open
    # Copies and files that status does not read are left to others.
    if kind in ("definition", "plan", "ledger", "note of the ledger") and damage != "missing":
        assert Path(FILES[kind]).name in caplog.text
    if kind == "record":
        assert "modstudy resume mine" in text


@pytest.mark.parametrize("damage", ["empty", "cut", "one byte", "eight bytes", "huge", "missing", "folder", "loop"])
@pytest.mark.parametrize("kind", ["record", "curves", "clip values", "sound", "plan", "weights"])
@pytest.mark.parametrize("command", ["list", "curves", "tables", "report"])
def test_commands_go_on_with_the_rest(modstudy: Command, mine: Path, command: str, kind: str, damage: str) -> None:
    DAMAGES[damage](file_of(mine, kind))
    run(modstudy, command)
    if command == "report":
        summary = json.loads((mine / "summary.json").read_text())
        assert {arm["name"] for arm in summary["arms"]} == {arm.name for arm in ARMS}
        assert (mine / "report" / "index.html").stat().st_size > 10_000


@pytest.mark.parametrize("kind", ["record", "curves", "clip values", "definition"])
@pytest.mark.parametrize("command", ["compare", "figures"])
def test_comparisons_and_figures_go_on_with_the_rest(modstudy: Command, mine: Path, command: str, kind: str) -> None:
    DAMAGES["eight bytes"](file_of(mine, kind))
    run(modstudy, command)


@pytest.mark.parametrize("kind", ["record", "curves", "clip values", "sound"])
def test_the_report_says_what_is_damaged(modstudy: Command, mine: Path, kind: str) -> None:
    # The first seed represents its arm on the page.
    (path,) = mine.glob(FILES[kind].replace(DAMAGED, "0000000000000000"))
    Store(mine).reopen(["0000000000000000"])
    DAMAGES["eight bytes"](path)
    run(modstudy, "report")
    page = (mine / "report" / "index.html").read_text()
    assert f"{path.name} is damaged" in page
    assert "resume the study, which runs its trial again" in page


@pytest.mark.parametrize("name", ["curves.arrow", "clip_values.arrow", "audio/test_0.target.flac", "model.pt"])
@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00", b"fLaC" + b"\xff" * 200, b"ARROW1\x00\x00" + b"\xff" * 200])
def test_the_report_goes_on_with_a_file_that_was_written_wrongly(
    modstudy: Command, mine: Path, name: str, content: bytes
) -> None:
    store = Store(mine)
    for digest in store.names("trials"):
        attempt = store.committed(digest)
        assert attempt is not None
        attempt.put(name, content)
        attempt.commit(attempt.record())
    store.reopen(store.names("trials"))
    run(modstudy, "report")
    if name != "model.pt":
        assert f"{Path(name).name} is damaged" in (mine / "report" / "index.html").read_text()


def test_numbers_of_intact_trials_are_those_before(modstudy: Command, mine: Path) -> None:
    before = json.loads(modstudy("curves", "mine", "--format", "json", "--worst", "1000").output)["rows"]
    DAMAGES["eight bytes"](file_of(mine, "curves"))
    after = json.loads(modstudy("curves", "mine", "--format", "json", "--worst", "1000").output)["rows"]
    assert after == [row for row in before if not row["trial"].startswith(DAMAGED)]
    assert len(after) < len(before)


@pytest.mark.parametrize("kind", ["definition", "plan"])
@pytest.mark.parametrize("command", ["status", "curves", "tables", "report", "compare"])
@pytest.mark.parametrize("damage", ["empty", "eight bytes", "folder"])
def test_without_plan_and_copy_the_error_names_both(
    modstudy: Command, mine: Path, command: str, kind: str, damage: str
) -> None:
    for each in (kind, f"copy of the {kind}"):
        DAMAGES[damage](file_of(mine, each))
    before = snapshot(mine.parent)
    with time_limit(MAX_SECONDS):
        message = clear_line(modstudy(*COMMANDS[command]))
    if kind == "plan" or damage != "folder":
        assert "and its copy as well" in message
        assert "restore one of them from a backup, or launch the study file again under another --name" in message
    assert snapshot(mine.parent) == before


def test_files_that_do_not_belong_there_are_ignored(modstudy: Command, mine: Path) -> None:
    strays = ["plan/notes.json", "plan/Thumbs.db", "plan/1.json", "ledger/old.arrow", "ledger/x.reopened.json"]
    strays += ["trials/Thumbs.db", "trials/.DS_Store", "plan/.DS_Store", "lease/Thumbs.db", "lease/abc/holder.json"]
    strays += [
        f"trials/{DAMAGED}/Thumbs.db",
        f"trials/{DAMAGED}/final/record.json",
        "trials/abc/0001-abcdef/record.json",
    ]
    for name in strays:
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_bytes(b"{}")
    (attempt,) = (mine / "trials" / DAMAGED).glob("0*")
    (attempt / "notes.txt").write_text("mine")
    (mine / "trials" / "loop").symlink_to("loop")
    (mine / "plan" / "more").mkdir()
    (mine.parent / "loop").symlink_to("loop")
    (mine.parent / "notes.txt").write_text("no study")
    for command in COMMANDS:
        run(modstudy, command)
    result = modstudy("verify", "mine")
    assert result.exit_code == OK, result.output
    text = flat(result)
    assert "runs/mine/plan/Thumbs.db does not belong there, and is ignored" in text
    assert "notes.txt is not a file of its attempt, and is ignored" in text
    assert "names that are no trials of the plan" in text


@pytest.mark.parametrize("name", ["plan", "plan-copy", "trials", "ledger", "lease", "report", f"trials/{DAMAGED}"])
def test_a_file_in_place_of_a_folder(modstudy: Command, mine: Path, name: str) -> None:
    if (mine / name).is_dir():
        shutil.rmtree(mine / name)
    (mine / name).write_bytes(b"a file")
    for command in ("status", "list", "tables"):
        run(modstudy, command)
    result = modstudy("verify", "mine")
    assert result.exit_code == (OK if name in ("lease", "report") else TRIALS_FAILED), result.output
    assert "Traceback" not in result.output
    if name == "report":
        assert "a file is where a folder belongs" in clear_line(modstudy("report", "mine"))


@pytest.mark.parametrize("how", ["renamed", "copied", "moved"])
def test_a_study_in_another_place_is_read_there(modstudy: Command, mine: Path, tmp_path: Path, how: str) -> None:
    place = {
        "renamed": mine.with_name("yours"),
        "copied": mine.with_name("mine-copy"),
        "moved": tmp_path / "deep/a/b",
    }
    shutil.copytree(mine, place[how])
    shutil.rmtree(mine)
    root, name = str(place[how].parent), place[how].name
    for words in (("status", name), ("verify", name), ("list",), ("export", "tables", name), ("report", name)):
        with time_limit(MAX_SECONDS):
            result = modstudy(*words, "--root", root)
        assert result.exit_code == OK, f"{words}: {result.output} {result.exception!r}"


def test_an_attempt_that_was_moved_to_another_trial_does_not_count(modstudy: Command, mine: Path) -> None:
    (other,) = (mine / "trials" / "0000000000000002").glob("0*")
    shutil.copytree(other, mine / "trials" / DAMAGED / "0009-abcdef")
    assert n_open(mine) == 1
    result = modstudy("verify", "mine")
    assert result.exit_code == TRIALS_FAILED
    assert "it belongs to 0000000000000002/" in flat(result)


@pytest.mark.parametrize("name", ["holder", "heartbeat", "released", "stop"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"7", b'"text"', b"{}", b'{"at": "now", "beat": []}', b'{"pid": {}, "host": 1}', b"\xff\xfe",
     b'{"at": NaN, "progress": 5}', b'{"at": 1e400, "progress": {"running": 1}}', b"[" * 5000],
    ids=range(12),
)  # fmt: skip
def test_a_lease_of_other_content_is_no_lease(modstudy: Command, mine: Path, name: str, content: bytes) -> None:
    path = mine / "lease" / "000001" / f"{name}.json"
    path.parent.mkdir(parents=True)
    if name != "holder":
        holder = {"host": "there", "machine": "m", "pid": 1, "process_start": "1", "user": "u", "since": "2026-01-01"}
        (path.parent / "holder.json").write_text(json.dumps(holder))
        (path.parent / "released.json").write_text("{}")
    path.write_bytes(content)
    for command in ("status", "list"):
        run(modstudy, command)


def test_an_unknown_study_is_an_error_of_verify(modstudy: Command) -> None:
    assert "there is no study 'nothing'" in clear_line(modstudy("verify", "nothing"), BAD_INPUT)


@pytest.mark.parametrize("seed", range(4))
def test_no_change_of_a_byte_goes_unnoticed_in_a_fake_study(mine: Path, seed: int) -> None:
    rng = random.Random(seed)
    files = [path for path in sorted(mine.rglob("*")) if path.is_file()]
    for _ in range(50):
        path = rng.choice(files)
        data = path.read_bytes()
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :])
        found = verify_study(Store(mine))
        assert [damage for damage in found.damaged if str(path.relative_to(mine)).startswith(damage.key)], path
        path.write_bytes(data)
    assert not verify_study(Store(mine)).damaged


def test_a_root_that_is_read_only_can_be_verified_and_read(modstudy: Command, mine: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    for path in (mine, *mine.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert modstudy("verify", "mine").exit_code == OK
        run(modstudy, "status")
    finally:
        for path in (mine, *mine.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
