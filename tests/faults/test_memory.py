"""Settings that are each within their bounds, and together need more memory than any machine has.

Each is refused before anything is written, by one line that names the setting that takes most, and values with which
the trial fits; with these values it is accepted.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.training.memory_remedy import SETTINGS
from tests.support.command_line import Command
from tests.support.refusals import assert_refused

GIB = 2**30
MEMORY_GIB = 16
"""Memory of the machine of these tests."""
ENGEL = {"synth.kind": '"engel"'}
LEARNED = {"synth.oscillator.kind": '"learnable"'}
LONG = {"audio.duration_s": "600.0"}
CASES: Mapping[str, tuple[Mapping[str, str], str]] = {
    "batch": ({"trainer.batch_size": "65536"}, "trainer.batch_size=65536"),
    "batch of wide nets": ({"trainer.batch_size": "4096", "encoder.width": "256"}, "trainer.batch_size=4096"),
    "batch of renders": ({"trainer.batch_size": "16384", **ENGEL}, "trainer.batch_size=16384"),
    "batch of splines": (
        {"trainer.batch_size": "65536", "parameterization.kind": '"spline"'},
        "trainer.batch_size=65536",
    ),
    "batch in bf16": ({"trainer.batch_size": "32768", "encoder.precision": '"bf16"'}, "trainer.batch_size=32768"),
    "batch of long clips": ({"trainer.batch_size": "2048", "audio.duration_s": "20.0"}, "trainer.batch_size=2048"),
    "batch of learned tables": ({"trainer.batch_size": "65536", **LEARNED}, "trainer.batch_size=65536"),
    "width": ({"encoder.width": "4096"}, "encoder.width=4096"),
    "width and mel bands": ({"encoder.width": "2048", "encoder.n_mels": "1024"}, "encoder.width=2048"),
    "width and kernel": ({"encoder.width": "1024", "encoder.kernel_time": "1023"}, "encoder.width=1024"),
    "LSTM units": ({"encoder.head_hidden": "4096"}, "encoder.head_hidden=4096"),
    "LSTM units of a spline": (
        {"encoder.head_hidden": "4096", "parameterization.kind": '"spline"'},
        "encoder.head_hidden=4096",
    ),
    "mel bands": (
        {"encoder.n_mels": "2048", "encoder.width": "128", "trainer.batch_size": "128"},
        "encoder.n_mels=2048",
    ),
    "mel bands and FFT": (
        {"encoder.n_mels": "2048", "encoder.n_fft": "65536", "audio.duration_s": "60.0"},
        "encoder.n_mels=2048",
    ),
    "harmonics": ({**ENGEL, "synth.n_harmonics": "10000"}, "synth.n_harmonics=10000"),
    "harmonics of a batch": (
        {**ENGEL, "synth.n_harmonics": "1000", "trainer.batch_size": "256"},
        "synth.n_harmonics=1000",
    ),
    "noise bands": ({**ENGEL, "synth.n_noise_bands": "32769"}, "synth.n_noise_bands=32769"),
    "noise bands and taps": (
        {**ENGEL, "synth.n_noise_bands": "32769", "synth.noise_taps": "65536"},
        "synth.n_noise_bands=32769",
    ),
    # The length at which a table is read depends on the notes more than on its own.
    "table length": (
        {**LEARNED, "synth.oscillator.table_length": "65536", "synth.oscillator.n_positions": "1024"},
        "synth.oscillator.n_positions=1024",
    ),
    "table positions": (
        {**LEARNED, "synth.oscillator.n_positions": "4096", "synth.oscillator.table_length": "16384"},
        "synth.oscillator.n_positions=4096",
    ),
    "training clips": ({"data.n_train": "1000000"}, "data.n_train=1000000"),
    "validation clips": ({"data.n_validation": "1000000"}, "data.n_validation=1000000"),
    "test clips": ({"data.n_test": "1000000"}, "data.n_test=1000000"),
    "all clips": (
        {"data.n_train": "1000000", "data.n_validation": "1000000", "data.n_test": "1000000"},
        "data.n_train=1000000",
    ),
    "segments": ({"data.max_segments": "10000", "data.n_train": "100000"}, "data.n_train=100000"),
    "evaluation batch": (
        {"trainer.evaluation_batch_size": "65536", "data.n_test": "20000", "encoder.width": "64"},
        "data.n_test=20000",
    ),
    "segments and clips": ({"data.max_segments": "10000", "data.n_train": "20000", **LONG}, "audio.duration_s=600"),
    "noise of an evaluation": ({**ENGEL, "data.n_test": "100000"}, "data.n_test=100000"),
    "duration": (LONG, "audio.duration_s=600"),
    "duration and rate": ({**LONG, "audio.sample_rate": "192000"}, "audio.duration_s=600"),
    "duration of a baseline": ({**LONG, "parameterization.kind": '"random_spline"'}, "audio.duration_s=600"),
    "hop": ({"audio.hop_length": "1", "audio.duration_s": "60.0"}, "audio.hop_length=1"),
    "hop of learned filters": (
        {"audio.hop_length": "1", "audio.duration_s": "60.0", "synth.filter.kind": '"learned"'},
        "audio.hop_length=1",
    ),
    "loss": (
        {
            "loss.resolutions": "[{ n_fft = 4096, hop_length = 1, win_length = 4096 }]",
            "audio.duration_s": "20.0",
        },
        "loss.resolutions=[{n_fft=4096, hop_length=1, win_length=4096}]",
    ),
}
"""Settings of a row, and what takes most."""


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with some memory, whichever this one has."""
    monkeypatch.setattr("study.planning.resources.usable_memory", lambda: float(MEMORY_GIB * GIB))
    # Steps of the trials that do fit are not timed.
    monkeypatch.setattr("study.outlook_text.show_outlook", lambda *_: None)


def study_of(settings: Mapping[str, str]) -> str:
    """A study of one arm with some dotted settings."""
    lines = [f"{path} = {value}" for path, value in {"device": '"cpu"', **settings}.items()]
    return 'question = "Does it fit?"\nseeds = [0]\n[config]\n{}\n[[arms]]\nname = "the arm"\n{}\n'.format(
        "\n".join(lines), "config = { optimizer = { lr = 0.001 } }"
    )


def suggested(message: str) -> dict[str, str]:
    """The settings with which the trial would fit, as in a study file."""
    text = message.partition("it would fit with ")[2].partition(";")[0]
    paths = "|".join(re.escape(path) for path in SETTINGS)
    found = re.findall(rf"({paths})=(.+?)(?: and (?={paths})|$)", text)
    return {path: value.replace("=", " = ") for path, value in found}


@pytest.mark.parametrize(("settings", "costliest"), CASES.values(), ids=CASES.keys())
def test_what_does_not_fit_is_refused_and_fits_with_what_is_suggested(
    modstudy: Command, tmp_path: Path, settings: Mapping[str, str], costliest: str
) -> None:
    (tmp_path / "mine.toml").write_text(study_of(settings))
    message = assert_refused(
        modstudy,
        "launch",
        "mine.toml",
        "--dry-run",
        folder=tmp_path,
        says="a trial of arm 'the arm' needs an estimated",
    )
    assert f"this machine has {MEMORY_GIB} GiB in all: {costliest} takes most; it would fit with " in message
    (tmp_path / "mine.toml").write_text(study_of({**settings, **suggested(message)}))
    result = modstudy("launch", "mine.toml", "--dry-run")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", [("launch",), ("plan",), ("launch", "--dry-run"), ("launch", "--seeds", "3")])
def test_every_command_that_plans_refuses_it(modstudy: Command, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "mine.toml").write_text(study_of({"trainer.batch_size": "65536"}))
    assert_refused(modstudy, command[0], "mine.toml", *command[1:], folder=tmp_path, says="trainer.batch_size=65536")


@pytest.mark.parametrize("path", ["trainer.batch_size=65536", "encoder.width=4096", "data.n_test=1000000"])
def test_a_trial_alone_is_refused(
    modstudy: Command, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.execution.train_one.usable_memory_gib", lambda: float(MEMORY_GIB))
    (tmp_path / "trial.toml").write_text('device = "cpu"\n')
    assert_refused(modstudy, "train", "trial.toml", "--set", path, folder=tmp_path, says=f"in all: {path} takes most")


def test_too_many_trials_at_once_are_refused(modstudy: Command, tmp_path: Path) -> None:
    # About 3 GiB each.
    (tmp_path / "mine.toml").write_text(study_of({"trainer.batch_size": "512", "optimizer.lr": "0.01"}))
    assert_refused(
        modstudy,
        "launch",
        "mine.toml",
        "--trials-at-once",
        "16",
        "--cpus-per-trial",
        "0.1",
        folder=tmp_path,
        says="--trials-at-once 16 does not fit: a trial of arm 'the arm' needs an estimated",
    )


def test_a_search_whose_space_does_not_fit_anywhere_is_refused(modstudy: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'question = "Does it fit?"\n[config]\ndevice = "cpu"\ntrainer.batch_size = 65536\n'
        '[search]\narms_per_cell = 4\nseeds = [1000, 1001]\nsampler = { kind = "random" }\n'
        '[[search.space]]\npath = "optimizer.lr"\nlow = 1e-3\nhigh = 0.1\nlog = true\n'
    )
    assert_refused(modstudy, "launch", "mine.toml", folder=tmp_path, says="a trial needs an estimated")
