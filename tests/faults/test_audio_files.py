"""Sound files from others: each is skipped or used with a remark that names it and the rule, and nothing hangs."""

import json
import os
import resource
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import sound_files
from core.data import sound_check
from core.data.sound_check import check_sound
from core.data.sources.audio_folder import AudioFolder, FolderScan
from core.errors import ConfigError, DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from core.sound_decoding import SoundFileError, read_mono, truncation
from core.sound_files import MAX_RESAMPLING_TAPS, clip_ids, fit_clip, resampling_problem
from core.storage.records import PlanSegment
from core.storage.serialisation import segment_from_json, segment_to_json
from tests.support.command_line import Command, flat
from tests.support.hostile_sounds import ROWS, Row, every_format, samples, wav
from tests.support.refusals import assert_refused, time_limit
from tests.support.sounds import tone, write_named_notes, write_sound

AUDIO = AudioConfig(duration_s=0.25, hop_length=80)
MAX_ADDED_BYTES = 2**30
"""Most memory that a hostile file may make a scan use, beside what the process has."""
FORMATS = dict(every_format())

pytestmark = pytest.mark.usefixtures("own_cache")


def source(folder: Path, min_files: int = 3) -> AudioFolder:
    return AudioFolder(AudioFolderConfig(folder=str(folder), min_files=min_files), AUDIO)


def scan(folder: Path, min_files: int = 3) -> FolderScan:
    with time_limit(20):
        return source(folder, min_files).scan()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ascii(row.name)[1:60])
def test_hostile_file_is_skipped_or_used_with_a_remark(row: Row, tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    row.write(tmp_path / row.name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = scan(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_ADDED_BYTES / 1024
    assert len(found.files) == (4 if row.is_skipped else 5)
    if row.outcome:
        (issue,) = found.issues
        assert issue.problem.startswith(row.outcome), issue.problem
        assert issue.skipped == row.is_skipped
        assert len(issue.problem) < 200
        assert (issue.source + issue.problem).isprintable()
    else:
        assert found.issues == ()
    stored = segment_to_json(PlanSegment(stage="design", data_issues=found.issues))
    assert segment_from_json(stored).data_issues == found.issues
    assert json.loads(json.dumps([file.file for file in found.files], ensure_ascii=False).encode())
    with time_limit(20):
        clips = source(tmp_path).load()
    everything = (clips.train, clips.validation, clips.test)
    assert sum(len(split) for split in everything) == len(found.files)
    for split in everything:
        assert bool(split.audio.isfinite().all())
        assert all(clip_id.isascii() and clip_id.isprintable() and "/" not in clip_id for clip_id in split.ids)
    assert scan(tmp_path) == found


def test_all_hostile_files_together_leave_the_good_ones(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    for row in ROWS:
        row.write(tmp_path / row.name)
    with time_limit(60):
        found = source(tmp_path).scan()
    assert {f"p{note}_{note}-100.wav" for note in (48, 50, 52, 54)} - {"p48_48-100.wav"} <= {
        file.file for file in found.files
    }
    assert len({issue.source for issue in found.issues if issue.skipped}) >= sum(row.is_skipped for row in ROWS) - 1


def test_too_few_sounds_are_refused_in_one_line_with_the_reasons(modstudy: Command, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write_named_notes(folder)
    (folder / "text C4.wav").write_bytes(b"no sound")
    os.mkfifo(folder / "pipe C4.wav")
    message = assert_refused(
        modstudy, "launch", "own_sounds", "--set", "data.folder=sounds", "--dry-run", folder=tmp_path
    )
    assert "data.min_files requires 10 usable sounds" in message
    assert "has 4 of 6 (2 unreadable)" in message


def test_issues_of_files_with_odd_names_are_shown_in_one_printable_line_each(modstudy: Command, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    write_named_notes(folder, range(48, 60))
    for name in ("a\nb.wav", "\x1b[31m.wav", "\u202e.wav", os.fsdecode(b"\xff.wav")):
        (folder / name).write_bytes(b"no sound")
    result = modstudy("launch", "own_sounds", "--set", "data.folder=sounds", "--dry-run")
    assert result.exit_code == 0, flat(result)
    for shown in (r"a\nb.wav", r"\x1b[31m.wav", r"\u202e.wav", r"\udcff.wav"):
        assert f"  {shown}: unreadable" in result.output


@pytest.mark.parametrize(
    "name", ["nowhere", "n" * 300, "a/" * 3000, "~nosuchuser", "\0", "\udcff", "file", "/dev/null", "loop", "\n"]
)
def test_folder_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    path = name if name.startswith(("~", "/")) else f"{tmp_path}/{name}"
    with pytest.raises((ConfigError, DataError)) as error, time_limit(5):
        AudioFolder(AudioFolderConfig(folder=path), AUDIO)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("sha256", ["../../..", "", "/", "0" * 63, "G" * 64, "a" * 64 + "\n"])
def test_hash_that_is_none_names_no_folder(sha256: str, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, DataError)):
        AudioFolder(AudioFolderConfig(folder=str(tmp_path / "nowhere"), manifest_sha256=sha256), AUDIO)


def test_folders_nested_deeply_or_in_a_ring_are_searched_once(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.chdir(here)
    (tmp_path / "ring").symlink_to(tmp_path)
    try:
        assert len(scan(tmp_path).files) == 4
    finally:
        # pytest could not remove it: Python's own functions recurse into folders.
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


@pytest.mark.parametrize(("limit", "says"), [("MAX_SOUNDS", "sound files"), ("MAX_ENTRIES", "files and folders")])
def test_folder_of_too_many_files_is_refused(
    limit: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_named_notes(tmp_path)
    monkeypatch.setattr(sound_files, limit, 3)
    with pytest.raises(DataError, match=f"has at most 3 {says}; .* has more; name a smaller one"):
        scan(tmp_path)


def test_unreadable_subfolder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_named_notes(tmp_path)
    (tmp_path / "secret").mkdir()
    scandir = os.scandir

    def denied(path: Path) -> object:
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    (issue,) = scan(tmp_path).issues
    assert (issue.source, issue.problem) == ("secret", "unreadable: it is a folder, not a file")


def test_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_named_notes(tmp_path)
    write_sound(tmp_path / "secret C4.wav", tone(level=0.7))
    open_ = os.open

    def denied(path: Path, *rest: int) -> int:
        if Path(path).name == "secret C4.wav":
            raise PermissionError(13, "Permission denied")
        return open_(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        (issue,) = scan(tmp_path).issues
        assert (issue.source, issue.problem) == ("secret C4.wav", "unreadable: Permission denied")
    assert len(scan(tmp_path).files) == 5, "the reason is gone, and the file is looked at again"


def test_file_replaced_by_another_while_it_is_read_is_the_one_that_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    write_sound(path, tone())
    whole = check_sound(path, 0.25, track=False)

    def replace_first(file: object) -> str | None:
        write_sound(tmp_path / "other.wav", tone(level=0.9, seconds=2.0))
        (tmp_path / "other.wav").replace(path)
        return truncation(file)  # type: ignore[arg-type]

    monkeypatch.setattr(sound_check, "truncation", replace_first)
    assert check_sound(path, 0.25, track=False) == whole


def test_file_that_grows_while_it_is_read_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    write_sound(path, tone())

    def grow_first(file: object) -> str | None:
        with path.open("ab") as end:
            end.write(bytes(1000))
        return truncation(file)  # type: ignore[arg-type]

    monkeypatch.setattr(sound_check, "truncation", grow_first)
    assert check_sound(path, 0.25, track=False).problem == "unreadable: it changed while it was read"


def test_file_that_vanishes_between_scan_and_load_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_named_notes(tmp_path)
    found = scan(tmp_path)
    monkeypatch.setattr(AudioFolder, "scan", lambda _: found)
    (tmp_path / "p48_48-100.wav").unlink()
    with pytest.raises(
        DataError, match=r"p48_48-100\.wav has changed since it was inspected: unreadable: No such file"
    ):
        source(tmp_path).load()


@pytest.mark.parametrize("rate", [8000, 11_025, 12_000, 22_050, 24_000, 32_000, 37_800, 44_056, 44_100, 47_952, 48_000])
@pytest.mark.parametrize("to_rate", [16_000, 44_100, 48_000])
def test_common_rates_are_resampled(rate: int, to_rate: int) -> None:
    if rate == 44_056:  # that of NTSC video, which shares no factor with the others
        assert resampling_problem(rate, 48_000) is not None
        return
    assert resampling_problem(rate, to_rate) is None


def test_rule_of_resampling_holds_at_its_bound() -> None:
    assert MAX_RESAMPLING_TAPS == 2048 * 2048
    assert resampling_problem(2049, 2047) is None
    assert str(resampling_problem(2051, 2048)).startswith("odd sample rate: 2051 to 2048 Hz is 2048 / 2051")
    with time_limit(10), pytest.raises(DataError, match="odd sample rate"):
        fit_clip(tone(), 44_101, to_sample_rate=16_000, n_samples=16_000)


def test_reader_without_a_writer_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with time_limit(5), pytest.raises(SoundFileError, match="it is a pipe"):
        read_mono(tmp_path / "pipe.wav")
    assert threading.active_count() < 20


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
def test_any_bytes_are_a_sound_or_a_problem(tmp_path: Path, data: bytes) -> None:
    check_any(tmp_path / "any.wav", data)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(FORMATS)),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    end=st.floats(0.01, 1),
)
def test_any_change_of_a_valid_file_is_a_sound_or_a_problem(
    tmp_path: Path, name: str, changes: list[tuple[float, int]], end: float
) -> None:
    data = bytearray(FORMATS[name])
    for place, value in changes:
        # Half of the changes are in the header.
        span = len(data) - 1 if value % 2 else min(len(data) - 1, 100)
        data[round(place * span)] = value
    check_any(tmp_path / name, bytes(data[: max(1, round(end * len(data)))]))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sample_rate=st.integers(0, 2**32 - 1),
    channels=st.integers(0, 2**16 - 1),
    bits=st.integers(0, 2**16 - 1),
    kind=st.one_of(st.integers(0, 2**16 - 1), st.sampled_from([1, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE])),
    size=st.integers(0, 2**32 - 1),
)
def test_any_header_is_a_sound_or_a_problem(
    tmp_path: Path, sample_rate: int, channels: int, bits: int, kind: int, size: int
) -> None:
    header = {"sample_rate": sample_rate, "channels": channels, "bits": bits, "kind": kind, "size": size}
    align = channels * bits // 8
    if align < 2**16 and sample_rate * align < 2**32:
        check_any(tmp_path / "any.wav", wav(samples(0.1), **header))


@settings(max_examples=200)
@given(st.lists(st.text(alphabet=st.characters(exclude_characters="/\0"), min_size=1, max_size=40), max_size=8))
def test_any_names_have_distinct_safe_ids(names: list[str]) -> None:
    ids = clip_ids(names)
    assert len({clip_id.casefold() for clip_id in ids}) == len(names)
    assert all(clip_id.isascii() and clip_id.isprintable() and not set(clip_id) & set("/\\ ") for clip_id in ids)


def check_any(path: Path, data: bytes) -> None:
    """Check a file of any content: the result is whole, and takes little time."""
    path.write_bytes(data)
    with time_limit(10):
        check = check_sound(path, 0.25, track=True)
    text = "".join((check.problem or "", *check.remarks))
    assert text.isprintable()
    assert len(text) < 500
    if check.problem is None:
        assert check.sample_rate > 0
        audio, _ = read_mono(path, 0.25)
        assert audio.size
