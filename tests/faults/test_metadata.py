"""`metadata.csv` from others: refused with line, column and rule, or read; nothing hangs or fills the memory."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.data import metadata
from core.data.metadata import METADATA_NAME, RANGES_HZ, read_metadata
from core.data.sources.audio_folder import AudioFolder
from core.errors import DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from tests.support.command_line import Command
from tests.support.irregular_files import KINDS, Kind, make_irregular
from tests.support.refusals import assert_refused, time_limit
from tests.support.sounds import write_named_notes

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "got nothing"),
    "only a line break": (b"\n\n", "got nothing"),
    "only a mark": (b"\xef\xbb\xbf", "got nothing"),
    "zeros": (bytes(1000), "needs the columns file"),
    "semicolons": (b"file;f0_hz\na.wav;440\n", "separate them by commas"),
    "tabs": (b"file\tf0_hz\na.wav\t440\n", "got 'file\\\\tf0_hz'"),
    "UTF-16": ("file,f0_hz\na.wav,440\n".encode("utf-16"), "save it as UTF-8"),
    "Latin-1": ("file,f0_hz\né.wav,440\n".encode("latin-1"), "save it as UTF-8"),
    "unknown columns": (b"name,pitch\na.wav,440\n", "got 'name', 'pitch'"),
    "no pitch": (b"file\na.wav\n", "needs the columns file and f0_hz or note"),
    "no file": (b"f0_hz\n440\n", "needs the columns file"),
    "column twice": (b"file,f0_hz,f0_hz\na.wav,440,441\n", "got f0_hz twice"),
    "file twice": (b"file,file,f0_hz\na.wav,b.wav,441\n", "got file twice"),
    "a million columns": (b"file,f0_hz" + b",x" * 10**6 + b"\n", "at most 100 in all; got 1000002"),
    "101 columns": (b"file,f0_hz" + b",x" * 99 + b"\n", "at most 100 in all; got 101"),
    "open quote": (b'file,f0_hz\n"a.wav,440\n', "cannot be read"),
    "quote in the middle": (b'file,f0_hz\n"a"b.wav,440\n', "cannot be read"),
    "a cell of 200 kB": (b"file,f0_hz\n" + b"a" * 200_000 + b",440\n", "cannot be read: field larger"),
    "a cell of 2 kB": (b"file,group\na.wav," + b"a" * 2000 + b"\n", "line 2: a cell has at most 1000 characters"),
    "too many cells": (b"file,f0_hz\na.wav,440,441\n", "line 2: a row has a cell for each of the 2 columns; got 3"),
    "comma for decimals": (b"file,f0_hz\na.wav,440,5\n", "line 2: a row has a cell for each"),
    "row twice": (b"file,f0_hz\na.wav,440\nb.wav,441\na.wav,440\n", "'a.wav' has another in line 2"),
    "row twice in other words": (b"file,f0_hz\na/b.wav,440\n./a\\b.wav,440\n", "'a/b.wav' has another in line 2"),
    "nameless": (b"file,f0_hz\n,440\n", "line 2: every row names its file"),
    "nameless but for blanks": (b"file,f0_hz\n  ,440\n", "line 2: every row names its file"),
    "line after a quoted break": (b'file,f0_hz\n"a\n.wav",440\nb.wav,x\n', "line 4: f0_hz"),
    **{
        f"pitch {text}": (f"file,f0_hz\na.wav,{text}\n".encode(), "line 2: f0_hz is a number from 1 to 100000 Hz")
        for text in ("nan", "inf", "-inf", "0", "-440", "1e300", "5e-324", "0.9", "100001", "440 Hz", "=1+1", "0x1b8")
    },
    "pitch of 5000 digits": (b"file,f0_hz\na.wav," + b"9" * 999 + b"\n", "line 2: f0_hz is a number"),
    "pitch that moves the cursor": (b"file,f0_hz\na.wav,\x1b[2J\n", "got '\\\\x1b[2J'"),
    "pitch that is reversed": ("file,f0_hz\na.wav,\u202e044\n".encode(), "\\\\u202e044"),
    **{
        f"rate {text}": (f"file,lfo_hz\na.wav,{text}\n".encode(), "line 2: lfo_hz is a number from 0.001 to 1000 Hz")
        for text in ("nan", "inf", "0", "-1", "1e-9", "1001", "fast")
    },
    **{
        f"note {text}": (f"file,note\na.wav,{text}\n".encode(), "line 2: a note is a name such as C#3")
        for text in ("H2", "C", "C##2", "128", "-1", "C10", "=A1", "²", "C4 ", "x" * 900)
        if text.strip() not in ("C4",)
    },
}
READ: dict[str, tuple[bytes, int]] = {
    "byte-order mark": (b"\xef\xbb\xbffile,f0_hz\na.wav,440\n", 1),
    "carriage returns": (b"file,f0_hz\r\na.wav,440\r\n", 1),
    "old Mac": (b"file,f0_hz\ra.wav,440\r", 1),
    "blanks": (b" file , f0_hz \n a.wav , 440 \n", 1),
    "empty lines": (b"file,f0_hz\n\na.wav,440\n,\n\n", 1),
    "missing cells": (b"file,f0_hz,note,group\na.wav\nb.wav,,C4\n", 2),
    "other columns": (b"author,file,f0_hz,licence\n\"=cmd|' /C calc'!A0\",a.wav,440,<script>\n", 1),
    "quotes": (b'file,group\n"a, b.wav","x ""y"""\n', 1),
    "group of formulas": (b'file,group\na.wav,"=1+1"\n', 1),
    "no rows": (b"file,f0_hz\n", 0),
    "zero byte in a name": (b"file,f0_hz\na\0.wav,440\n", 1),
    "names that leave the folder": (b"file,f0_hz\n../../etc/passwd,440\n/dev/zero,440\n", 2),
}

pytestmark = pytest.mark.usefixtures("own_cache")


def message_of(path: Path) -> str:
    with pytest.raises(DataError) as error, time_limit(10):
        read_metadata(path)
    message = str(error.value)
    assert message.isprintable()
    assert len(message) < 1000
    return message


@pytest.mark.parametrize("name", REFUSED)
def test_file_that_breaks_a_rule_is_refused_with_line_and_rule(name: str, tmp_path: Path) -> None:
    data, says = REFUSED[name]
    (tmp_path / METADATA_NAME).write_bytes(data)
    assert says.replace("\\\\", "\\") in message_of(tmp_path / METADATA_NAME).replace("\\\\", "\\")


@pytest.mark.parametrize("name", READ)
def test_file_in_any_dialect_is_read(name: str, tmp_path: Path) -> None:
    data, n_rows = READ[name]
    (tmp_path / METADATA_NAME).write_bytes(data)
    assert len(read_metadata(tmp_path / METADATA_NAME)) == n_rows


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_refused(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / METADATA_NAME
    make_irregular(path, kind)
    assert "it cannot be read" in message_of(path)


def test_file_of_17_mb_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / METADATA_NAME).write_bytes(b"file,f0_hz\n")
    os.truncate(tmp_path / METADATA_NAME, 17 * 2**20)
    assert "it has 17 MiB, and at most 16 are read" in message_of(tmp_path / METADATA_NAME)


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "MAX_SOUNDS", 3)
    (tmp_path / METADATA_NAME).write_text("file,f0_hz\n" + "".join(f"{n}.wav,440\n" for n in range(4)))
    assert "line 5: there are at most 3 rows" in message_of(tmp_path / METADATA_NAME)


def test_rows_of_files_that_are_not_there_are_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    rows = "".join(f"absent-{n}.wav,440\n" for n in range(150))
    (tmp_path / METADATA_NAME).write_text(f"file,f0_hz\n../../etc/passwd,440\na\x1b.wav,440\n{rows}", encoding="utf-8")
    found = AudioFolder(AudioFolderConfig(folder=str(tmp_path), min_files=3), AudioConfig()).scan()
    assert len(found.files) == 4
    assert len(found.issues) == 101
    assert found.issues[0].source == "../../etc/passwd"
    assert found.issues[1].source == r"a\x1b.wav"
    assert found.issues[-1].problem == "52 more files are listed, but there are no such sound files"


def test_command_line_refuses_it_before_anything_is_written(modstudy: Command, tmp_path: Path) -> None:
    write_named_notes(tmp_path / "sounds", range(48, 60))
    (tmp_path / "sounds" / METADATA_NAME).write_text("file,f0_hz\na.wav,-1\n")
    arguments = ("launch", "own_sounds", "--set", "data.folder=sounds")
    assert_refused(modstudy, *arguments, folder=tmp_path, says="line 2: f0_hz is a number from 1 to 100000 Hz")


CELL = st.one_of(
    st.sampled_from(["file", "f0_hz", "note", "group", "lfo_hz", "a.wav", "440", "C4", "nan", "", "=1+1", '"', "\r"]),
    st.text(max_size=8),
    st.floats().map(str),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELL, max_size=5), max_size=6), st.sampled_from([",", ";", "\t"]))
def test_any_table_is_refused_or_gives_values_in_range(tmp_path: Path, rows: list[list[str]], comma: str) -> None:
    check_any(tmp_path / METADATA_NAME, "\n".join(comma.join(row) for row in rows).encode())


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda tail: b"file,f0_hz,note\n" + tail)))
def test_any_bytes_are_refused_or_give_values_in_range(tmp_path: Path, data: bytes) -> None:
    check_any(tmp_path / METADATA_NAME, data)


def check_any(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with time_limit(5):
        try:
            entries = read_metadata(path)
        except DataError as error:
            message = str(error)
            entries = {}
        else:
            message = ""
    assert message == "" or message.isprintable()
    for entry in entries.values():
        for column, (low, high) in RANGES_HZ.items():
            hz = getattr(entry, column)
            assert hz is None or low <= hz <= high
