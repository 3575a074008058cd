"""Wavetables from others: refused with the rule, or a finite table of bounded size."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ConfigError, DataError, ModstudyError
from core.wavetables import files, load_wavetable
from tests.support.command_line import Command
from tests.support.hostile_sounds import sparse, wav
from tests.support.refusals import assert_refused, time_limit

Write = Callable[[Path], object]
CYCLES = np.sin(2 * np.pi * np.arange(4 * 2048) / 2048)


def table(values: object = CYCLES, clm: bytes | None = None, cut: int = 0, **header: int) -> Write:
    """A function that writes a table of doubles, with a `clm ` chunk and without its last bytes if asked for."""

    def write(path: Path) -> None:
        data = wav(np.asarray(values, "<f8").tobytes(), **{"bits": 64, "kind": 3, **header})
        if clm is not None:
            chunk = b"clm " + struct.pack("<I", len(clm)) + clm + b"\0" * (len(clm) % 2)
            data = data[:4] + struct.pack("<I", len(data) - 8 + len(chunk)) + data[8:] + chunk
        path.write_bytes(data[: len(data) - cut])

    return write


def cycles(*lengths: int, values: Callable[[int], object] = np.ones) -> Write:
    """A function that writes a folder of single cycles."""

    def write(path: Path) -> None:
        path.mkdir()
        for number, length in enumerate(lengths):
            soundfile.write(path / f"{number}.wav", np.asarray(values(length)), 44_100, subtype="FLOAT")

    return write


def folder_with(name: str, make: Write) -> Write:
    """A function that writes a folder of two cycles and something else."""

    def write(path: Path) -> None:
        cycles(300, 300, values=lambda n: np.sin(np.arange(n)))(path)
        make(path / name)

    return write


def folder_of_text(path: Path) -> None:
    path.mkdir()
    (path / "a.txt").write_text("a")


def numpy_file(array: np.ndarray) -> Write:
    """A function that writes an array as numpy does, by pickle if it consists of objects."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=True)

    return write


ROWS: dict[str, tuple[Write, str]] = {
    "nothing": (lambda _: None, "a wavetable is a built-in name"),
    "no bytes": (lambda path: path.write_bytes(b""), "cannot read the wavetable"),
    "text": (lambda path: path.write_bytes(b"sine, saw"), "cannot read the wavetable"),
    "pickle": (lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR."), "cannot read"),
    "numpy array": (numpy_file(CYCLES), "cannot read the wavetable"),
    "numpy pickle": (numpy_file(np.array([{}])), "cannot read the wavetable"),
    "pipe": (lambda path: os.mkfifo(path), "it is a pipe"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
    "dead link": (lambda path: path.symlink_to("nowhere"), "a wavetable is a built-in name"),
    "loop": (lambda path: path.symlink_to(path), "a wavetable is a built-in name"),
    "silent": (table(np.zeros(8192)), "silent or broken"),
    "constant": (table(np.full(8192, 0.5)), "silent or broken"),
    "nan": (table(np.append(CYCLES[1:], np.nan)), "broken: contains NaN"),
    "infinite": (table(np.append(CYCLES[1:], np.inf)), "broken: contains NaN"),
    "1e300": (table(1e300 * CYCLES), "broken: contains samples of 1e+300"),
    "one cycle": (table(CYCLES[:2048]), "2 to 4096 cycles"),
    "no cycle": (table([]), "must divide into whole cycles"),
    "part of a cycle": (table(CYCLES[:-1]), "must divide into whole cycles"),
    "cut": (table(cut=1000), "truncated: its header announces"),
    "cut within a sample": (table(cut=1), "truncated"),
    "more promised": (table(size=2**31), "truncated"),
    "clm of 0": (table(clm=b"<!>0 x"), "clm chunk says"),
    "clm of 1": (table(clm=b"<!>1 x"), "clm chunk says 1"),
    "clm that does not divide": (table(clm=b"<!>2047 x"), "clm chunk says 2047"),
    "clm of a million": (table(clm=b"<!>1000000 x"), "clm chunk says 1000000"),
    "clm of 5000 digits": (table(clm=b"<!>" + b"9" * 5000), "clm chunk says 999999999"),
    "1 Hz": (table(sample_rate=1), "odd sample rate"),
    "1000 channels": (table(np.zeros(8000), channels=1000), "too many channels"),
    "3 GB of nothing": (sparse(3 * 2**30), "it has 3072 MiB"),
    "100 MB of nothing": (sparse(100 * 2**20), "too long: a wavetable has at most 4096 cycles"),
    "empty folder": (lambda path: path.mkdir(), "has none"),
    "folder of texts": (folder_of_text, "has none"),
    "folder of one cycle": (cycles(300), "2 to 4096 cycles"),
    "folder of constants": (cycles(300, 300), "silent or broken"),
    "folder of nan": (cycles(300, 300, values=lambda n: np.full(n, np.nan)), "broken: contains NaN"),
    "folder of loops": (cycles(5000, 5000), "a single cycle has 8 to 4096 samples"),
    "folder of clicks": (cycles(7, 7), "a single cycle has 8 to 4096 samples"),
    "folder with a text": (folder_with("c.wav", lambda path: path.write_text("no sound")), "cannot read"),
    "folder with a pipe": (folder_with("c.wav", lambda path: os.mkfifo(path)), "it is a pipe"),
    "folder with a device": (folder_with("c.wav", lambda path: path.symlink_to("/dev/zero")), "it is a device"),
    "folder with a folder": (folder_with("c.wav", lambda path: path.mkdir()), "it is a folder"),
}
NAMES = ["", " ", "\0", "\udcff", "~nosuchuser/a.wav", "n" * 5000, "a/" * 3000, "sine_to_saw\n", "\u202e"]


@pytest.mark.parametrize("name", ROWS)
def test_what_is_no_wavetable_is_refused_with_the_rule(name: str, tmp_path: Path) -> None:
    write, says = ROWS[name]
    path = tmp_path / "table.wav"
    write(path)
    with pytest.raises(ModstudyError) as error, time_limit(10):
        load_wavetable(str(path))
    message = str(error.value)
    assert says in message, message
    assert message.isprintable()
    assert len(message) < 800


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_name_of_nothing_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ConfigError, DataError)) as error, time_limit(5):
        load_wavetable(name)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 800


def test_too_many_cycles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_ROWS", 3)
    table()(tmp_path / "table.wav")
    with pytest.raises(DataError, match=r"too long|2 to 3 cycles"):
        load_wavetable(str(tmp_path / "table.wav"))
    cycles(*([300] * 4))(tmp_path / "folder")
    with pytest.raises(DataError, match="at most 3; .* has 4"):
        load_wavetable(str(tmp_path / "folder"))


def test_command_line_refuses_it_before_anything_is_written(modstudy: Command, tmp_path: Path) -> None:
    table(np.zeros(8192))(tmp_path / "table.wav")
    arguments = ("launch", "quickstart", "--set", "data.wavetable=table.wav")
    assert_refused(modstudy, *arguments, folder=tmp_path, says="a wavetable must hold finite sound")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6),
    clm=st.one_of(st.none(), st.binary(max_size=20), st.integers(0, 10**12).map(lambda n: b"<!>%d " % n)),
    cut=st.integers(0, 3000),
)
def test_any_change_of_a_table_is_refused_or_gives_a_finite_one(
    tmp_path: Path, changes: list[tuple[int, int]], clm: bytes | None, cut: int
) -> None:
    path = tmp_path / "table.wav"
    table(CYCLES[:1024], clm=clm)(path)
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[place] = value
    path.write_bytes(data[: len(data) - (cut if cut % 2 else 0)])
    with time_limit(10):
        try:
            loaded = load_wavetable(str(path))
        except DataError as error:
            message = str(error)
        else:
            message = ""
            assert bool(loaded.isfinite().all())
            assert float(loaded.abs().max()) == 1
            assert 2 <= loaded.shape[0] <= files.MAX_ROWS
            assert loaded.shape[1] <= files.MAX_CYCLE
    assert message == "" or message.isprintable()
