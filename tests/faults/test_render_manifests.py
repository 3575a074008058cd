"""Manifests of renders from others: each row is checked before the plan, and the error names column, row and rule."""

import hashlib
import io
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data import manifest
from core.data.manifest import MANIFEST_NAME, SCHEMA, RenderedFile, read_manifest
from core.data.manifest_columns import COLUMNS
from core.data.sources.renders import Renders, RendersScan
from core.errors import DataError
from core.settings.audio import AudioConfig
from core.settings.data import RendersConfig
from tests.support.command_line import Command
from tests.support.manifest_files import (
    WRONG_ROW,
    Change,
    bytes_are,
    cast,
    curve_value,
    flipped,
    moved,
    table_of,
    truncated,
    value,
    with_column,
    without,
    write,
)
from tests.support.refusals import assert_refused, time_limit
from tests.support.rendered_folder import fill

NAN, INFINITY = float("nan"), float("inf")
ROW = f"row {WRONG_ROW}: "
VALUES: list[tuple[str, object, str]] = [
    *((column, None, f"column {column}, {ROW}") for column in ("file", "sha256", "patch", "f0_hz", "sample_rate")),
    *((column, None, f"column {column}, {ROW}") for column in ("duration_s", "frame_rate", "add", "sub", "env")),
    *(("f0_hz", bad, f"column f0_hz, {ROW}it must be a number from 1 to 100000 (Hz)") for bad in (NAN, INFINITY)),
    *(("f0_hz", bad, f"column f0_hz, {ROW}it must be a number") for bad in (0.0, -440.0, 5e-324, 1e300)),
    *(("sample_rate", bad, f"column sample_rate, {ROW}") for bad in (0, -16_000, 1, 999, 2**31, 2**62)),
    *(("duration_s", bad, f"column duration_s, {ROW}") for bad in (0.0, -1.0, NAN, INFINITY, 1e9, 1e-9)),
    *(("frame_rate", bad, f"column frame_rate, {ROW}") for bad in (0.0, -500.0, NAN, INFINITY, 1e9)),
    *(("patch", bad, f"column patch, {ROW}") for bad in ("", "a\0b", "a\nb", "x" * 201)),
    *(("sha256", bad, f"column sha256, {ROW}it must be 64 hex") for bad in ("", "0" * 63, "G" * 64, "A" * 64)),
    *(
        ("file", bad, f"column file, {ROW}it must be a path below the folder")
        for bad in ("", ".", "..", "../x.wav", "a/../../x.wav", "/etc/passwd", "a//b.wav", "a\\..\\b.wav", "C:x.wav")
    ),
    *(("file", bad, f"column file, {ROW}it must be") for bad in ("a\0.wav", "a\n.wav", "\u202e.wav", "x" * 1001)),
    ("file", "fake_00001.wav", f"column file, {ROW}each sound has one row; 'fake_00001.wav' has row 1 too"),
    *(
        (name, curve_value(bad), f"column {name}, {ROW}it must be a list of 2 or more numbers from 0 to 1; got")
        for name, bad in (("add", NAN), ("sub", INFINITY), ("env", -0.01), ("env", 1.01), ("add", 1e30))
    ),
    ("add", curve_value(None), f"column add, {ROW}"),
    *(("sub", bad, f"column sub, {ROW}") for bad in ([], [0.5])),
    ("env", [0.5] * 100, "columns add, sub, env, row 3: each curve has duration_s * frame_rate + 1 values, here 501"),
    ("duration_s", 2.0, "columns add, sub, env, row 3"),
    ("frame_rate", 400.0, "columns add, sub, env, row 3"),
]
TABLES: dict[str, tuple[Change, str]] = {
    **{f"without {name}": (without(name), f"it lacks {name}") for name in SCHEMA.names},
    "unknown column": (with_column("loudness"), "no others; got 'loudness'"),
    "unknown column of an odd name": (with_column("\x1b\u202e"), r"got '\\x1b\\u202e'"),
    "column twice": (with_column("f0_hz"), "each column once; got f0_hz twice"),
    "pitch as text": (cast("f0_hz", pa.string()), "column f0_hz must have the type double; got string"),
    "pitch in single precision": (cast("f0_hz", pa.float32()), "column f0_hz must have the type double; got float"),
    "rate as float": (cast("sample_rate", pa.float64()), "column sample_rate must have the type int64; got double"),
    "file as bytes": (cast("file", pa.binary()), "column file must have the type string; got binary"),
    "patch as number": (cast("patch", pa.int64(), range(8)), "column patch must have the type string; got int64"),
    "duration as flag": (cast("duration_s", pa.bool_(), [True] * 8), "column duration_s must have the type double"),
    "curve as number": (cast("add", pa.float64(), [0.5] * 8), "column add must have the type list"),
    "curve of text": (cast("add", pa.list_(pa.string()), [["0.5"]] * 8), "column add must have the type list"),
    "curve of curves": (cast("add", pa.list_(pa.list_(pa.float32())), [[[0.5]]] * 8), "column add must have the type"),
    "no version": (lambda folder: write(folder, table_of(folder).replace_schema_metadata({})), "manifest version ?"),
    "other version": (
        lambda folder: write(folder, table_of(folder).replace_schema_metadata({"modstudy.renders.version": "2"})),
        "manifest version 2",
    ),
    "no rows": (lambda folder: write(folder, table_of(folder).slice(0, 0)), "has 0 of 0"),
    "no bytes": (bytes_are(b""), "cannot be read"),
    "text": (bytes_are(b"file,sha256\n" * 1000), "cannot be read"),
    "only the magic": (bytes_are(b"PAR1PAR1"), "cannot be read"),
    "a footer of 4 GB": (bytes_are(b"PAR1" + bytes(100) + b"\xff\xff\xff\xffPAR1"), "cannot be read"),
    "flipped footer": (flipped(-20), "cannot be read"),
    "flipped magic": (flipped(-1), "cannot be read"),
    **{f"cut to {share}": (truncated(share), "cannot be read") for share in (0.01, 0.3, 0.6, 0.9, 0.999)},
    **{kind: (moved(kind), "cannot be read") for kind in ("folder", "pipe", "device", "dead link", "loop")},
}

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight renders."""
    folder = tmp_path_factory.mktemp("rendered")
    fill(folder)
    return folder


@pytest.fixture
def folder(rendered: Path, tmp_path: Path) -> Path:
    """A copy of the renders, whose sounds are links to the same files."""
    copy = tmp_path / "renders"
    copy.mkdir()
    for path in rendered.iterdir():
        (copy / path.name).hardlink_to(path)
    manifest = (copy / MANIFEST_NAME).read_bytes()
    (copy / MANIFEST_NAME).unlink()
    (copy / MANIFEST_NAME).write_bytes(manifest)
    return copy


def scan(folder: Path, min_files: int = 3) -> RendersScan:
    with time_limit(20):
        return Renders(RendersConfig(folder=str(folder), min_files=min_files), AudioConfig()).scan()


def refused(folder: Path) -> str:
    """The message of a scan that is refused."""
    with pytest.raises(DataError) as error:
        scan(folder)
    message = str(error.value)
    assert message.isprintable()
    assert len(message) < 1000
    return message


@pytest.mark.parametrize(("column", "bad", "says"), VALUES, ids=lambda part: ascii(part)[:40])
def test_value_out_of_range_is_refused_with_column_row_and_rule(
    column: str, bad: object, says: str, folder: Path
) -> None:
    value(column, bad)(folder)
    message = refused(folder)
    assert says in message, message
    assert str(folder / MANIFEST_NAME) in message


@pytest.mark.parametrize("name", TABLES)
def test_table_that_is_no_manifest_is_refused(name: str, folder: Path) -> None:
    change, says = TABLES[name]
    change(folder)
    assert says in refused(folder)


@pytest.mark.parametrize(
    ("limit", "most", "says"),
    [
        ("MAX_SOUNDS", 7, "a manifest has at most 7 rows; it announces 8"),
        ("MAX_VALUES", 10_000, "a manifest has at most 10000 values; it announces 1"),
        ("MAX_BYTES", 1000, "cannot be read: it has"),
    ],
)
def test_manifest_beyond_a_limit_is_refused_before_its_rows_are_read(
    limit: str, most: int, says: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, limit, most)
    monkeypatch.setattr(manifest, "checked_columns", None)
    assert says in refused(folder)


def test_order_of_columns_and_size_of_row_groups_do_not_matter(folder: Path) -> None:
    whole = scan(folder)
    table = table_of(folder)
    write(folder, table.select(sorted(table.column_names)).replace_schema_metadata(SCHEMA.metadata), row_group_size=1)
    assert scan(folder).sha256 == whole.sha256
    write(folder, table, compression="zstd")
    assert scan(folder).sha256 == whole.sha256


def test_every_column_has_its_rule_in_one_table() -> None:
    assert [column.name for column in COLUMNS] == SCHEMA.names
    assert all(str(column.rule) and column.doc for column in COLUMNS)


def replace_sound(folder: Path, data: bytes) -> None:
    """Replace a sound and its hash in the manifest."""
    (folder / "fake_00003.wav").unlink()
    (folder / "fake_00003.wav").write_bytes(data)
    value("sha256", hashlib.sha256(data).hexdigest())(folder)


def wav_of(audio: np.ndarray, sample_rate: int = 32_000, subtype: str = "FLOAT") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, sample_rate, subtype=subtype, format="WAV")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"no sound", "unreadable"),
        (b"", "unreadable"),
        (wav_of(np.zeros(100)), "another length"),
        (wav_of(np.zeros(32_000), 16_000), "another length"),
        (wav_of(np.full(32_000, np.nan)), "broken"),
        (wav_of(np.full(32_000, 1e300), subtype="DOUBLE"), "broken"),
    ],
    ids=["text", "nothing", "short", "slow", "nan", "huge"],
)
def test_sound_that_contradicts_its_row_is_skipped(data: bytes, problem: str, folder: Path) -> None:
    replace_sound(folder, data)
    (issue,) = scan(folder).issues
    assert issue.source == "fake_00003.wav"
    assert issue.problem.startswith(problem)


@pytest.mark.parametrize("kind", ["missing", "outside", "folder", "pipe", "loop", "altered"])
def test_sound_that_is_elsewhere_is_skipped(kind: str, folder: Path, tmp_path: Path) -> None:
    path = folder / "fake_00003.wav"
    path.rename(tmp_path / "outside.wav")
    match kind:
        case "outside":
            path.symlink_to(tmp_path / "outside.wav")
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case "altered":
            path.write_bytes((tmp_path / "outside.wav").read_bytes() + b"x")
        case _:
            pass
    (issue,) = scan(folder).issues
    expected = {"outside": "outside", "altered": "altered", "missing": "missing", "loop": "missing"}
    assert issue.problem.startswith(expected.get(kind, "unreadable")), issue.problem


def test_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "fake_00003.wav").rename(folder / "deep" / "sound.wav")
    (folder / "fake_00003.wav").symlink_to("deep/sound.wav")
    assert scan(folder).issues == ()


def test_odd_rate_of_a_sound_is_skipped_by_the_rule_of_resampling(folder: Path) -> None:
    replace_sound(folder, wav_of(np.full(32_003, 0.1), 32_003))
    value("sample_rate", 32_003)(folder)
    (issue,) = scan(folder).issues
    assert issue.problem.startswith("odd sample rate: 32003 to 16000 Hz")


def test_command_line_refuses_a_bad_manifest_before_anything_is_written(
    modstudy: Command, folder: Path, tmp_path: Path
) -> None:
    value("f0_hz", NAN)(folder)
    arguments = ("launch", "vital", "--set", "data.folder=renders")
    assert_refused(modstudy, *arguments, folder=tmp_path, says=f"column f0_hz, {ROW}it must be a number")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), start=st.booleans())
def test_any_bytes_are_refused(tmp_path: Path, data: bytes, start: bool) -> None:
    path = tmp_path / MANIFEST_NAME
    path.write_bytes(b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1" if start else data)
    with pytest.raises(DataError), time_limit(5):
        read_manifest(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255), st.booleans()), min_size=1, max_size=6),
)
def test_any_change_of_a_manifest_is_refused_or_gives_rows_in_range(
    rendered: Path, tmp_path: Path, changes: list[tuple[float, int, bool]]
) -> None:
    data = bytearray((rendered / MANIFEST_NAME).read_bytes())
    for place, byte, in_footer in changes:
        first = len(data) - 4000 if in_footer else 0
        data[first + round(place * (len(data) - first - 1))] = byte
    path = tmp_path / MANIFEST_NAME
    path.write_bytes(data)
    with time_limit(10), suppress(DataError):
        check_rows(read_manifest(path))


def check_rows(rows: Sequence[RenderedFile]) -> None:
    """Check that all values are in range."""
    for row in rows:
        assert 0 < row.f0_hz < 1e6
        assert 0 < row.duration_s <= 600
        assert not row.file.startswith("/")
        assert bool(np.isfinite(row.curves).all())
