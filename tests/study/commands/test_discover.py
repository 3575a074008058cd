"""`modstudy discover`: curves of sounds by fits, bad sounds left out, nothing overwritten, starts from trained arms."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.data.vital_lfos import read_vital_lfo
from core.storage.store import Store
from core.wavetables import load_wavetable
from study.commands.options import BAD_INPUT, LEFT_OUT, OK
from tests.support.command_line import Command, flat
from tests.support.sounds import noise, tone, write_sound
from tests.support.trained_arms import trained_arms

FEW = ("--steps", "8", "--tempo", "120")


@pytest.fixture
def pad(tmp_path: Path) -> Path:
    """A tremolo at 220 Hz, half a second long."""
    path = tmp_path / "sounds" / "pad A3.wav"
    time_s = np.arange(8000) / 16_000
    write_sound(path, 0.4 * tone(220, seconds=0.5) * (1 + 0.5 * np.sin(2 * np.pi * 6 * time_s)))
    return path


def test_a_sound_gets_a_folder_with_everything(modstudy: Command, pad: Path, tmp_path: Path) -> None:
    result = modstudy("discover", pad, *FEW, "--out", tmp_path / "out")
    assert result.exit_code == OK, result.output
    folder = tmp_path / "out" / "pad_A3"
    assert "pad A3.wav: " in flat(result)
    assert str(folder / "index.html") in flat(result)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "index.html", "summary.json", "target.wav", "estimate.wav", "curves.csv", "curves.npz", "curves.arrow",
        "curves.mid", "wavetable.wav", "pad_A3.vital",
        *(f"{kind}-{name}.wav" for kind in ("solo", "muted") for name in ("add", "sub", "env")),
        *(f"{name}.vitallfo" for name in ("add", "sub", "env")),
    }  # fmt: skip
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["pitch_source"] == "file name"
    assert summary["f0_hz"] == pytest.approx(220, rel=1e-3)
    assert summary["sample_rate"] == 16_000
    assert set(summary["files"]) == names - {"index.html", "summary.json"}
    audio, rate = soundfile.read(folder / "estimate.wav")
    assert (len(audio), rate) == (8000, 16_000)
    assert load_wavetable(str(folder / "wavetable.wav")).shape == (8, 2048)
    assert len(read_vital_lfo(folder / "env.vitallfo").points) >= 2
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_results_are_replaced_only_when_asked_for(modstudy: Command, pad: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "pad_A3").mkdir(parents=True)
    (out / "pad_A3" / "mine.txt").write_text("mine")
    refused = modstudy("discover", pad, *FEW, "--out", out)
    assert refused.exit_code == BAD_INPUT
    assert "results are not overwritten unless asked for" in flat(refused)
    assert (out / "pad_A3" / "mine.txt").is_file()
    assert modstudy("discover", pad, *FEW, "--out", out, "--force").exit_code == OK
    assert not (out / "pad_A3" / "mine.txt").exists()
    assert (out / "pad_A3" / "index.html").is_file()


def test_sounds_that_cannot_be_used_are_named_and_the_others_go_on(
    modstudy: Command, pad: Path, tmp_path: Path
) -> None:
    folder, out = pad.parent, tmp_path / "out"
    write_sound(folder / "silence.wav", np.zeros(16_000))
    write_sound(folder / "noise.wav", noise(0, seconds=1.0))
    write_sound(folder / "blip C4.wav", tone(261.6, seconds=0.03))
    write_sound(folder / "long C4.wav", tone(261.6, 8000, seconds=61.0), 8000)
    (folder / "cut C4.wav").write_bytes(pad.read_bytes()[:4000])
    (folder / "text.wav").write_text("no sound")
    chord = tone(261.63, seconds=1.0) + tone(329.63, seconds=1.0) + tone(392.0, seconds=1.0)
    write_sound(folder / "chord.wav", 0.2 * (chord + tone(523.25, seconds=1.0)))
    result = modstudy("discover", folder, *FEW, "--out", out)
    assert result.exit_code == LEFT_OUT, result.output
    text = flat(result)
    assert "left out: silence.wav: silent" in text
    assert "left out: noise.wav: noise" in text
    assert "left out: blip C4.wav: too short" in text
    assert "left out: long C4.wav: too long" in text
    assert "left out: cut C4.wav: truncated" in text
    assert "left out: text.wav: unreadable" in text
    assert "left out: chord.wav: several pitches" in text
    assert "7 of 8 sounds were left out" in text
    index = (out / "index.html").read_text()
    assert "pad_A3/index.html" in index
    assert "truncated" in index


@pytest.mark.slow
def test_several_sounds_are_fitted_side_by_side_with_the_same_numbers(
    modstudy: Command, pad: Path, tmp_path: Path
) -> None:
    write_sound(pad.parent / "bell C5.wav", tone(523.25, 44_100, seconds=0.5, channels=2), 44_100)
    write_sound(pad.parent / "silence.wav", np.zeros(16_000))
    outcomes = []
    for jobs in ("1", "2"):
        result = modstudy("discover", pad.parent, *FEW, "--jobs", jobs, "--out", tmp_path / jobs)
        assert result.exit_code == LEFT_OUT, result.output
        summaries = {
            path.parent.name: json.loads(path.read_text()) for path in (tmp_path / jobs).glob("*/summary.json")
        }
        outcomes.append(summaries)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["bell_C5"]["sample_rate"] == 44_100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--steps", "0"), "--steps are 1 to 100000, or 0 with --from; got 0"),
        (("--rate", "7000"), "--rate is a sample rate from 8000 to 192000 Hz; got 7000"),
        (("--seconds", "0.01"), "--seconds is a length from 0.05 to 60 s; got 0.01"),
        (("--seconds", "nan"), "--seconds is a length from 0.05 to 60 s; got nan"),
        (("--tempo", "1000"), "--tempo is a number of beats per minute from 20 to 400; got 1000"),
        (("--note", "H3"), "--note is a name such as C#3"),
        (("--note", "C3", "--f0", "130"), "--note and --f0 both state the pitch"),
        (("--f0", "1e9"), "--f0 is a pitch from"),
        (("--synth", "organ"), "unknown synth.kind 'organ'; choose one of"),
        (("--parameterization", "constant"), "a fit needs curves that can follow a sound"),
        (("--set", "trainer.max_steps=3"), "--set of `modstudy discover` changes settings of synth and"),
        (("--set", "synth.filter.colour=red"), "unknown setting synth.filter.colour"),
        (("--from", "nowhere", "--synth", "fm"), "a trained arm has its own synth and parameterization"),
        (("--from", "nowhere"), "nowhere"),
    ],
)
def test_bad_options_are_refused_before_anything_is_read(
    modstudy: Command, pad: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    result = modstudy("discover", pad, *options, "--out", tmp_path / "out", "--root", tmp_path / "runs")
    assert result.exit_code == BAD_INPUT, result.output
    assert message in flat(result)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study with a trained arm."""
    return trained_arms(tmp_path_factory.mktemp("discover"), {("lpf-8", 0)})


def test_without_steps_a_trained_arm_is_only_applied(
    modstudy: Command, pad: Path, tmp_path: Path, store: Store
) -> None:
    root = str(Path(store.root).parent)
    applied = modstudy("apply", "tiny:lpf-8", pad, "--root", root, "--out", tmp_path / "applied")
    assert applied.exit_code == OK, applied.output
    options = "--from", "tiny:lpf-8", "--root", root
    result = modstudy("discover", pad, *options, "--steps", "0", "--out", tmp_path / "out")
    assert result.exit_code == OK, result.output
    assert "lpf-8 of tiny, seed 0" in flat(result)
    curves = [np.genfromtxt(path, delimiter=",", names=True) for path in (
        tmp_path / "applied" / "pad_A3.csv", tmp_path / "out" / "pad_A3" / "curves.csv"
    )]  # fmt: skip
    for name in ("add", "sub", "env"):
        np.testing.assert_allclose(curves[0][name], curves[1][name], atol=1e-4)
    fitted = modstudy("discover", pad, *options, "--steps", "20", "--out", tmp_path / "fitted")
    assert fitted.exit_code == OK, fitted.output
    before, after = (
        json.loads((tmp_path / name / "pad_A3" / "summary.json").read_text()) for name in ("out", "fitted")
    )
    assert after["mss"] < before["mss"]
    assert after["origin"] == "lpf-8 of tiny, seed 0, then fitted in 20 steps"


def test_a_rate_that_is_not_the_arms_is_refused(modstudy: Command, pad: Path, tmp_path: Path, store: Store) -> None:
    root = str(Path(store.root).parent)
    result = modstudy("discover", pad, "--from", "tiny:lpf-8", "--root", root, "--rate", "44100", "--out", tmp_path)
    assert result.exit_code == BAD_INPUT
    assert "was trained on sounds of 16000 Hz, at which it is used; got --rate 44100" in flat(result)
