"""Values that a setting cannot have, given by `--set` and in a study file: each is refused by one clear line."""

from pathlib import Path

import pytest

from core.settings.loading import flat_config, parse_assignment
from core.settings.rules import check
from core.settings.toml_files import MAX_INTEGER
from tests.support.bounds import NumberSetting, number_settings
from tests.support.command_line import Command
from tests.support.configs import configured
from tests.support.refusals import assert_refused

NUMBERS = number_settings()
PAST_AN_END = [
    pytest.param(setting, value, id=f"{setting.path}={value:.3g}") for setting in NUMBERS for value in setting.outside()
]
HUGE = (
    *("trainer.batch_size", "trainer.evaluation_batch_size", "trainer.max_steps", "trainer.validate_every"),
    *("encoder.width", "encoder.n_mels", "encoder.n_fft", "encoder.kernel_time", "encoder.head_hidden"),
    *("data.n_train", "data.n_test", "data.max_segments", "audio.hop_length", "trainer.n_audio_clips"),
)
NONSENSE = (
    ("encoder.width=1e400", "numbers are finite; got inf"),
    ("encoder.width=nan", "numbers are finite; got nan"),
    ("optimizer.lr=-inf", "numbers are finite; got -inf"),
    ("encoder.width=true", "encoder.width: a number or text is needed; got True"),
    ("encoder.width='8'", "encoder.width: must be a number, without quotes; got '8'"),
    ("encoder.width=8.5", "encoder.width: must be a whole number; got 8.5"),
    ("encoder.width=[8]", "encoder.width: must be a whole number; got [8]"),
    ("encoder.width={a=1}", "encoder.width: must be a whole number; got {'a': 1}"),
    ("encoder.width=1979-05-27", "a value is text, a number, true or false"),
    ("encoder.width=wide", "encoder.width: must be a number, without quotes; got 'wide'"),
    ("encoder.width=4\nencoder.stride=2", "must be a number, without quotes; got '4\\nencoder.stride=2'"),
    ("encoder.width=", "encoder.width: must be a number, without quotes; got ''"),
    ("encoder.width=1" + "0" * 5000, "encoder.width: must be a number, without quotes; got '1000"),
    ("encoder.width=0x" + "f" * 5000, "got one of 20000 bits"),
    ("encoder.width=9223372036854775808", "whole numbers lie between -2^63 and 2^63 - 1"),
    ("seed=9223372036854775808", "whole numbers lie between -2^63 and 2^63 - 1"),
    ("seed=-1", "seed: must be greater than or equal to 0; got -1"),
    ("seed=true", "seed: a number or text is needed; got True"),
    ("seed='0'", "seed: must be a number, without quotes; got '0'"),
    ("encoder=3", "encoder is a group of settings, not a value; got 3"),
    ("encoder.width.x=3", "encoder.width: must be a whole number; got {'x': 3}"),
    ("encoder.dilations=[]", "encoder.dilations: has too few items; got []"),
    ("encoder.dilations=[0]", "encoder.dilations.0: must be greater than or equal to 1; got 0"),
    ("encoder.dilations=[1000000000000]", "encoder.dilations.0: must be less than or equal to 65536"),
    (
        "encoder.dilations=[65536]",
        "encoder.dilations, the frames with which clips are padded, must not exceed 100 times the encoder's 129 frames",
    ),
    (f"encoder.dilations={[1] * 12}", "encoder.dilations: must have at most 11 items"),
    (f"encoder.dilations={[1] * 5000}", "encoder.dilations: must have at most 11 items"),
    ("loss.resolutions=[{n_fft=4}]", "loss.resolutions.0.hop_length: this key is missing"),
    ("loss.resolutions=[{n_fft=1e12, hop_length=1, win_length=2}]", "loss.resolutions.0.n_fft: must be less than"),
    ("loss.resolutions=[{n_fft=4, hop_length=0, win_length=2}]", "hop_length: must be greater than or equal to 1"),
    ("loss.resolutions=[{n_fft=4, hop_length=1, win_length=2, x=1}]", "loss.resolutions.0.x: there is no such key"),
    ("loss.resolutions=[[4, 1, 2]]", "loss.resolutions.0: must be a table"),
    ("data.min_f0_hz=5e-324", "data.min_f0_hz: must be greater than or equal to 1"),
    ("optimizer.averaging_power=400", "optimizer.averaging_power: must be less than or equal to 20"),
    ("audio.duration_s=1e9", "audio.duration_s: must be less than or equal to 600"),
    ("audio.duration_s=5e-324", "a clip needs at least 8 modulation frames; got 1"),
    ("parameterization.cutoff_hz=0.001", "a low-pass needs clips of at least half a period of its cutoff"),
    ("parameterization.cutoff_hz=5e-324", "a low-pass needs clips of at least half a period of its cutoff"),
    ("parameterization.cutoff_hz=20000", "a low-pass needs at least 11 taps"),
    ("data.wavetable_sha256=abc", "data.wavetable_sha256 is the hash of what data.wavetable names"),
    ("synth.oscillator.wavetable_sha256=abc", "is the hash of what synth.oscillator.wavetable names"),
    ("data.manifest_sha256=abc", "unknown setting data.manifest_sha256"),
    ("data.wavetable=" + "x" * 300 + ".wav", "cannot look at 'xxx"),
    ("data.wavetable=" + "x/" * 3000, "data.wavetable: must have at most 4096 characters"),
    ("data.wavetable=~nosuchuser/a.wav", "~nosuchuser/a.wav"),
    ("data.wavetable=/dev/zero", "/dev/zero"),
    ("data.wavetable=a\x00b", "got 'a\\x00b'"),
    ("data.wavetable=a\x1b[31mb", "got 'a\\x1b[31mb'"),
    ("data.wavetable=a\u202eb", "got 'a\\u202eb'"),
    ("data.wavetable=\udcff", "got '\\udcff'"),
    ("data.kind=\x00", "unknown data.kind '\\x00'"),
    ("data.kind=3", "unknown data.kind 3"),
    ("device=gpu", "device: must be 'auto', 'cpu' or 'cuda'; got 'gpu'"),
    ("nonsense", "a setting is PATH=VALUE"),
    ("=3", "a setting is PATH=VALUE"),
    ("", "a setting is PATH=VALUE"),
    (".=3", "unknown setting"),
    ("..=3", "unknown setting"),
    ("encoder..width=3", "unknown setting"),
    ("\x1b[2J=3", "unknown setting"),
    ("x" * 5000 + "=3", "unknown setting xxx"),
    ("a." * 5000 + "a=3", "unknown setting a"),
    ("[" * 5000 + "=3", "unknown setting [[["),
    ("encoder.width=" + "[" * 5000, "encoder.width: must be a number, without quotes; got '[[["),
    ("encoder.width=" + "{a=" * 5000, "encoder.width: must be a number, without quotes; got '{a="),
    ("encoder.width={" + "a." * 5000 + "a=1}", "encoder.width: must be a number, without quotes; got '{a."),
    ("encoder={" + "a." * 30 + "a={" + "b." * 30 + "b=1}}", "its lists or tables are nested too deeply"),
    ("encoder.width=" + "x" * 100_000, "got 'xxx"),
)
"""Assignments, with a part of the message."""


def toml(value: float) -> str:
    """A number as TOML."""
    return f"{value:.17g}" if isinstance(value, float) else str(value)


@pytest.fixture(autouse=True)
def trial_file(tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text('preset = "small"\n')


@pytest.mark.parametrize(("setting", "value"), PAST_AN_END)
def test_a_number_just_past_an_end_of_its_range_is_refused(
    modstudy: Command, tmp_path: Path, setting: NumberSetting, value: float
) -> None:
    assignments = [*setting.kinds, f"{setting.path}={toml(value)}"]
    options = [word for assignment in assignments for word in ("--set", assignment)]
    # Integers of more than 64 bits are refused before their setting is known.
    says = "whole numbers lie between" if abs(value) > MAX_INTEGER else f"{setting.path}: must be "
    assert_refused(modstudy, "train", "trial.toml", *options, folder=tmp_path, says=says)
    text = "".join(f"{path} = {_quoted(found)}\n" for path, found in map(parse_assignment, setting.kinds))
    text += f"{setting.path} = {toml(value)}\n"
    (tmp_path / "mine.toml").write_text(f'question = "Why?"\n[[arms]]\nname = "a"\n[arms.config]\n{text}')
    assert_refused(modstudy, "launch", "mine.toml", folder=tmp_path, says=setting.path)


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.path)
def test_both_ends_of_a_range_belong_to_it(setting: NumberSetting) -> None:
    for value in setting.inside():
        config = configured(*setting.kinds, f"{setting.path}={toml(setting.type(value))}")
        assert flat_config(config)[setting.path] == pytest.approx(value, abs=0)


@pytest.mark.parametrize("path", HUGE)
def test_a_million_millions_of_anything_are_refused(modstudy: Command, tmp_path: Path, path: str) -> None:
    assignment = f"{path}=1000000000000"
    message = assert_refused(modstudy, "train", "trial.toml", "--set", assignment, folder=tmp_path, says=path)
    assert "must be less than or equal to" in message


@pytest.mark.parametrize(
    ("assignment", "says"), NONSENSE, ids=[text[:40].encode("unicode_escape").decode() for text, _ in NONSENSE]
)
def test_nonsense_is_refused(modstudy: Command, tmp_path: Path, assignment: str, says: str) -> None:
    assert_refused(modstudy, "train", "trial.toml", "--set", assignment, folder=tmp_path, says=says)


def test_a_kernel_of_the_length_of_the_clip_is_admitted() -> None:
    check(configured("parameterization.kind=low_pass", "parameterization.cutoff_hz=0.5"))


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
