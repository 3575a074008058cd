"""`modstudy apply`: curves and estimates of any sounds by the encoder of a trained arm."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from core.storage.store import Store
from study.applied_sounds import APPLIED_SCHEMA
from study.commands.options import BAD_INPUT, LEFT_OUT, OK
from tests.support.command_line import Command, flat
from tests.support.sounds import noise, tone, write_sound
from tests.support.trained_arms import trained_arms


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study with two trained arms, of one of which a seed is missing, and a baseline."""
    return trained_arms(
        tmp_path_factory.mktemp("apply"), {("lpf-8", 0), ("lpf-8", 1), ("frame", 0), ("constant", 0), ("constant", 1)}
    )


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """A folder with five sounds, of which two cannot be used."""
    folder = tmp_path / "sounds"
    write_sound(folder / "short.wav", 0.3 * tone(220, seconds=0.1))
    write_sound(folder / "soft" / "pad C4.flac", tone(261.6, 44_100, seconds=0.8), 44_100)
    write_sound(folder / "stereo.wav", tone(330, 48_000, seconds=0.25, channels=2), 48_000)
    write_sound(folder / "noise.wav", noise(0, seconds=1.0))
    write_sound(folder / "silence.wav", np.zeros(16_000))
    return folder


def root_of(store: Store) -> tuple[str, str]:
    return "--root", str(Path(store.root).parent)


def table_in(folder: Path) -> pa.Table:
    return pa.ipc.open_file(folder / "curves.arrow").read_all()


def test_curves_of_all_usable_sounds_are_written_as_a_table_and_as_files(
    modstudy: Command, store: Store, sounds: Path, tmp_path: Path
) -> None:
    result = modstudy("apply", "tiny:lpf-8", sounds, *root_of(store), "--out", tmp_path / "out")
    assert result.exit_code == LEFT_OUT, result.output
    text = flat(result)
    assert "lpf-8 of tiny, seed " in text
    assert "left out: noise.wav: noise: it has no pitch that a synth could play" in text
    assert "left out: silence.wav: silent: it stays below -60 dB of full scale" in text
    assert "2 of 5 sounds were left out" in text
    assert "audio.mss of 3 sounds: median " in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "curves.arrow", "short.csv", "short.wav", "soft_pad_C4.csv", "soft_pad_C4.wav", "stereo.csv", "stereo.wav"
    ]  # fmt: skip
    table = table_in(tmp_path / "out")
    assert table.schema.equals(APPLIED_SCHEMA)
    rows = table.to_pylist()
    assert [(row["clip_id"], row["modulation"]) for row in rows] == [
        (clip, name) for clip in ("short", "soft_pad_C4", "stereo") for name in ("add", "sub", "env")
    ]
    assert [row["pitch_source"] for row in rows[::3]] == ["tracked", "file name", "tracked"]
    assert [row["file"] for row in rows[::3]] == ["short.wav", "soft/pad C4.flac", "stereo.wav"]
    assert rows[0]["f0_hz"] == pytest.approx(220, abs=0.5)
    assert {len(row["estimate"]) for row in rows[:3]} == {14}
    assert {len(row["estimate"]) for row in rows[3:6]} == {104}
    csv = np.loadtxt(tmp_path / "out" / "soft_pad_C4.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(csv[:, 1], rows[3]["estimate"], atol=1e-6)
    np.testing.assert_allclose(csv[:, 0], np.arange(104) / 128, atol=1e-6)
    info = soundfile.info(tmp_path / "out" / "soft_pad_C4.wav")
    assert (info.samplerate, info.frames, info.subtype) == (16_000, 12_800, "FLOAT")


def test_arm_and_seed_default_to_the_best_and_a_pitch_may_be_given(
    modstudy: Command, store: Store, sounds: Path, tmp_path: Path
) -> None:
    result = modstudy("apply", "tiny", sounds / "noise.wav", *root_of(store), "--note", "C3", "--no-sounds")
    assert result.exit_code == OK, result.output
    assert "by validation audio.mss" in flat(result) or "the arm with the best audio.mss so far" in flat(result)
    assert sorted(path.name for path in (tmp_path / "tiny-applied").iterdir()) == ["curves.arrow", "noise.csv"]
    (f0_hz,) = set(table_in(tmp_path / "tiny-applied")["f0_hz"].to_pylist())
    assert f0_hz == pytest.approx(130.81, abs=0.01)


def test_nothing_is_overwritten_without_force_and_no_input_ever(
    modstudy: Command, store: Store, sounds: Path, tmp_path: Path
) -> None:
    arguments = ("apply", "tiny:frame", sounds / "stereo.wav", *root_of(store), "--out")
    assert modstudy(*arguments, tmp_path / "out").exit_code == OK
    before = (tmp_path / "out" / "curves.arrow").read_bytes()
    again = modstudy(*arguments, tmp_path / "out")
    assert again.exit_code == BAD_INPUT
    assert "nothing is overwritten: " in flat(again)
    assert "and 1 more are there; choose another --out, or --force" in flat(again)
    assert modstudy(*arguments, tmp_path / "out", "--force").exit_code == OK
    assert (tmp_path / "out" / "curves.arrow").read_bytes() == before
    onto_itself = modstudy(*arguments, sounds, "--force")
    assert onto_itself.exit_code == BAD_INPUT
    assert "results never replace the sounds they are of" in flat(onto_itself)


def test_if_no_sound_can_be_used_no_table_is_written(
    modstudy: Command, store: Store, sounds: Path, tmp_path: Path
) -> None:
    result = modstudy(
        "apply", "tiny", sounds / "silence.wav", "nothing.wav", *root_of(store), "--out", tmp_path / "out"
    )
    assert result.exit_code == LEFT_OUT
    assert "left out: nothing.wav: unreadable: No such file or directory" in flat(result)
    assert "2 of 2 sounds were left out" in flat(result)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiny:fram", "a.wav"), "there is no arm 'fram'; did you mean frame?"),
        (("tiny:", "a.wav"), "there is no arm ''"),
        (("tiny:constant", "a.wav"), "only an arm with a trained encoder can be applied"),
        (("tinny", "a.wav"), "there is no study 'tinny'"),
        (("tiny:frame", "a.wav", "--seed", "1"), "frame has no finished trial of seed 1; finished seeds: 0"),
        (("tiny", "a.wav", "--note", "H9"), "--note is a name such as C#3 or Bb2 (C4 is MIDI 60) or a MIDI number"),
        (("tiny", "a.wav", "--f0", "0"), "--f0 is a pitch from 1 to 100000 Hz; got 0"),
        (("tiny", "a.wav", "--f0", "nan"), "--f0 is a pitch from 1 to 100000 Hz; got nan"),
        (("tiny", "a.wav", "--f0", "220", "--note", "A3"), "--note and --f0 both state the pitch"),
        (("tiny", "."), "a folder must hold sound files"),
    ],
)
def test_mistakes_are_one_line_before_any_work(
    modstudy: Command, store: Store, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    result = modstudy("apply", *arguments, *root_of(store))
    assert result.exit_code == BAD_INPUT
    assert message in flat(result)
    assert not (tmp_path / "tiny-applied").exists()
