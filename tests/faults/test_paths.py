"""Paths: no id, name or hash that a study or a file contains leads out of its folder, on a disk or on S3."""

import io
import os
import stat
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.folder_copies import copy_of, pack, unpack
from core.errors import ConfigError, DataError, StoreError
from core.storage.keys import check_key
from core.storage.records import StoredFile
from core.storage.sounds import audio_name, file_safe
from core.storage.store import Attempt, Store
from dashboards.report.page import write_report
from study.tracking.trial_files import write_trial_files
from tests.support.command_line import Command
from tests.support.fake_study import FakeArm, fake_study
from tests.support.refusals import assert_refused, snapshot
from tests.support.s3_server import new_bucket, s3_options
from tests.support.tiny_study import commit, create_study, tiny_plan

ESCAPES = (
    "../outside", "a/../../outside", "..", ".", "a/./b", "/etc/passwd", "//host/share", "a//b", "a/", "/", "a\x00b",
    "a\nb", "a\x7fb", "..\\outside", "a\\..\\..\\b", "C:\\x", "a/" + 256 * "b", "\ud800", "a/..", "./a",
)  # fmt: skip
CLIP_IDS = (
    "../../outside", "/etc/passwd", "..", ".", "a/../b", "a\\..\\b", "a\x00b", "a\nb", "~root", "$HOME", "a;b", "a b",
    "\u202egnp.exe", "con", "-rf", "*", "a:b", "é", "\uff0e\uff0e/x", "%2e%2e%2f", "", "...", "a" * 60,
)  # fmt: skip


@pytest.fixture(scope="module")
def s3_root() -> str:
    return f"{new_bucket()}/runs/study{s3_options()}"


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3_root: str) -> Store:
    return Store(tmp_path / "root" if request.param == "local" else s3_root)


OPERATIONS: dict[str, Callable[[Store, str], object]] = {
    "put": lambda store, key: store.put(key, b"x"),
    "put_new": lambda store, key: store.put_new(key, b"x"),
    "get": lambda store, key: store.get(key),
    "drop": lambda store, key: store.drop(key),
    "has": lambda store, key: store.has(key),
    "names": lambda store, key: store.names(key),
    "all_names": lambda store, key: store.all_names(key),
    "file": lambda store, key: store.file(key),
    "below": lambda store, key: store.below(key),
    "attempt": lambda store, key: Attempt(store, "0" * 16, "0001-abcdef").put(key, b"x"),
}


@pytest.mark.parametrize("key", ESCAPES, ids=ascii)
def test_no_key_leads_out_of_a_store(store: Store, tmp_path: Path, key: str) -> None:
    before = snapshot(tmp_path)
    for operation in OPERATIONS.values():
        with pytest.raises(StoreError, match="keys of a store are names between slashes"):
            operation(store, key)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("key", ["a", "a/b.c", "study name/plan/0001.json", ".hidden", "...", "é", "a" * 255, "-rf"])
def test_other_keys_are_taken(tmp_path: Path, key: str) -> None:
    check_key(key)
    if len(key) < 200:
        Store(tmp_path).put(key, b"x")
        assert Store(tmp_path).get(key) == b"x"


@given(st.text(max_size=30))
def test_a_key_that_is_taken_stays_below_the_root(key: str) -> None:
    try:
        check_key(key)
    except StoreError:
        return
    path = os.path.normpath(f"/base/of/store/{key}")
    assert path == f"/base/of/store/{key}"
    assert path.startswith("/base/of/store/")


@pytest.mark.parametrize("clip_id", CLIP_IDS, ids=ascii)
def test_the_sounds_of_a_clip_lie_in_the_folder_of_sounds(tmp_path: Path, clip_id: str) -> None:
    name = audio_name(clip_id, "target")
    assert name.count("/") == 1
    attempt = Attempt(Store(tmp_path / "root"), "0" * 16, "0001-abcdef")
    attempt.put(name, b"x")
    assert attempt.get(name) == b"x"
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path.parent == tmp_path / "root" / "trials" / ("0" * 16) / "0001-abcdef" / "audio"


@given(st.text(max_size=40))
def test_the_name_of_a_clip_is_one_name(clip_id: str) -> None:
    check_key(file_safe(clip_id) + ".target.flac")
    assert "/" not in file_safe(clip_id)


@pytest.mark.parametrize("field", ["attempt", "digest"])
@pytest.mark.parametrize("value", ["../../../outside", "/etc", "a\\b"])
def test_a_record_names_no_attempt_outside_its_study(tmp_path: Path, field: str, value: str) -> None:
    store = fake_study(tmp_path / "runs" / "s", [FakeArm(name="a", mss=1.0, tv=2.0)], seeds=1, n_clips=1)
    (record,) = store.ledger()
    (tmp_path / "files").mkdir()
    record = replace(record, files={"curves.arrow": StoredFile(size=1, sha256="0" * 64)})
    changed = replace(record, attempt=value) if field == "attempt" else replace(record, digest=value)
    with pytest.raises(StoreError, match="keys of a store"):
        write_trial_files(store, changed, tmp_path / "files", with_sounds=True)
    assert list((tmp_path / "files").iterdir()) == []


@pytest.mark.parametrize("name", ["../outside", "..", "/etc", "a/b", "", "a\\b", "a\x00", ".", "~root", "$HOME"])
@pytest.mark.parametrize("command", ["status", "report", "resume", "stop", "track"])
def test_a_study_is_named_not_a_path(modstudy: Command, tmp_path: Path, command: str, name: str) -> None:
    plan = tiny_plan()
    store = create_study(tmp_path / "outside", plan)
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    (tmp_path / "runs").mkdir()
    assert_refused(modstudy, command, name, folder=tmp_path, says="the name of a study has letters, digits")


@pytest.mark.parametrize("name", ["../outside", "/etc/x", "a/b", "..", "a\x00b"])
def test_a_new_study_is_named_not_placed(modstudy: Command, tmp_path: Path, name: str) -> None:
    assert_refused(modstudy, "launch", "quickstart", "--name", name, folder=tmp_path, says="the name of a study has")


@pytest.mark.parametrize("key", ["report/index.html", "ledger/000001.arrow", "trials/x/0001-a/record.json"])
@pytest.mark.parametrize("operation", ["put", "put_new", "drop"])
def test_a_link_in_a_study_is_not_followed_for_writing(tmp_path: Path, key: str, operation: str) -> None:
    outside = tmp_path / "outside"
    (outside / Path(key).relative_to(Path(key).parts[0])).parent.mkdir(parents=True)
    (outside / Path(key).relative_to(Path(key).parts[0])).write_bytes(b"mine")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / Path(key).parts[0]).symlink_to(outside)
    before = snapshot(tmp_path)
    with pytest.raises(StoreError, match="a symbolic link in .* leads out of the study"):
        OPERATIONS[operation](Store(tmp_path / "root"), key)
    assert snapshot(tmp_path) == before


def test_a_file_that_is_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("mine")
    store = fake_study(tmp_path / "s", [FakeArm(name="a", mss=1.0, tv=2.0)], n_clips=0)
    (tmp_path / "s" / "report").mkdir()
    (tmp_path / "s" / "report" / "index.html").symlink_to(tmp_path / "mine.html")
    write_report(store)
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert not (tmp_path / "s" / "report" / "index.html").is_symlink()


def test_a_root_that_is_a_link_is_used(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    Store(tmp_path / "runs" / "s").put("a/b", b"x")
    assert (tmp_path / "disk" / "s" / "a" / "b").read_bytes() == b"x"


# ---------------------------------------------------------------------------------------------------------------------

SHA256 = "0" * 64


def archive(*members: tarfile.TarInfo, mode: str = "w", content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as files:  # type: ignore[call-overload]
        for member in members:
            if member.isreg():
                member.size = len(content)
            files.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def claiming(size: int) -> bytes:
    """An archive with a file that says that it is larger than the archive."""
    info = member("a.wav")
    info.size = size
    return info.tobuf() + b"x" * 512 + b"\0" * 1024


ARCHIVES = {
    "a file above": archive(member("../outside.wav")),
    "an absolute file": archive(member("/tmp/modstudy-outside.wav")),
    "a file through a folder above": archive(member("a/../../outside.wav")),
    "a symbolic link": archive(member("a", tarfile.SYMTYPE, "/etc")),
    "a file behind a link": archive(member("a", tarfile.SYMTYPE, ".."), member("a/outside.wav")),
    "a hard link": archive(member("a", tarfile.LNKTYPE, "/etc/passwd")),
    "a device": archive(member("a", tarfile.CHRTYPE)),
    "a block device": archive(member("a", tarfile.BLKTYPE)),
    "a FIFO": archive(member("a.wav", tarfile.FIFOTYPE)),
    "a folder": archive(member("a", tarfile.DIRTYPE)),
    "compressed": archive(member("a.wav"), mode="w:gz", content=b"\0" * 10**6),
    "compressed otherwise": archive(member("a.wav"), mode="w:xz", content=b"\0" * 10**6),
    "larger than it is": claiming(2**40),
    "cut": archive(member("a.wav"), content=b"x" * 5000)[:1500],
    "empty": b"",
    "no archive": b"x" * 2000,
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_of_sounds_brings_files_of_its_folder_only(own_cache: Path, tmp_path: Path, what: str) -> None:
    before = snapshot(tmp_path)
    with pytest.raises(DataError, match="archive of a data folder"):
        unpack(SHA256, ARCHIVES[what])
    assert not copy_of(SHA256).exists()
    assert not [path for path in own_cache.rglob("*") if not path.is_dir()]
    assert snapshot(tmp_path) == before
    assert not Path("/tmp/modstudy-outside.wav").exists()


def test_files_of_an_archive_have_no_special_rights(own_cache: Path) -> None:
    unpack(SHA256, archive(member("a.wav", mode=0o6777)))
    mode = stat.S_IMODE((copy_of(SHA256) / "a.wav").stat().st_mode)
    assert own_cache in copy_of(SHA256).parents
    assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH)


def test_what_is_packed_is_unpacked(own_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "sounds" / "a").mkdir(parents=True)
    (tmp_path / "sounds" / "a" / "b.wav").write_bytes(b"sound")
    (tmp_path / "sounds" / "link.wav").symlink_to("a/b.wav")
    unpack(SHA256, pack(tmp_path / "sounds"))
    assert own_cache in copy_of(SHA256).parents
    assert {name for name, kind in snapshot(copy_of(SHA256)).items() if kind != "d"} == {"a/b.wav", "link.wav"}


@pytest.mark.parametrize("sha256", ["../../outside", "/etc", "", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n"])
def test_a_hash_of_a_folder_leads_nowhere_else(own_cache: Path, sha256: str) -> None:
    for use in (copy_of, lambda text: unpack(text, archive(member("a.wav")))):
        with pytest.raises(ConfigError, match="64 hexadecimal digits"):
            use(sha256)
    assert list(own_cache.rglob("*")) == []
