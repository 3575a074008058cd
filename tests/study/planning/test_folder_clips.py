"""Clips that the sounds of a folder choose: rate, length, hop, and the sizes that follow the rate."""

from pathlib import Path
from typing import Any

import pytest

from core.data.folder_audio import FolderAudio
from core.errors import ConfigError
from core.settings.audio import AudioConfig
from core.settings.losses import MultiResolutionStftConfig, Resolution
from core.settings.presets import PAPER, SMALL
from search_spaces.study_entries import AudioByFolderEntry
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import load_study
from study.planning import folder_clips
from study.planning.extension import with_arms
from study.planning.folder_clips import RATES, chosen_audio, clips_by_folder
from study.planning.plan import NewPlan, make_plan
from tests.support.sounds import tone, write_sound
from tests.support.tiny_study import tiny_study

pytestmark = pytest.mark.usefixtures("own_cache")

GREY_BOX = {
    "kind": "mod_synth",
    "oscillator": {"kind": "learnable"},
    "filter": {"kind": "learned"},
}


def sounds(**values: Any) -> FolderAudio:
    return FolderAudio(**{"n_files": 20, "sample_rate": 44_100, "audible_s": 2.4, "bandwidth_hz": 9_000.0, **values})


def chosen(given: dict[str, Any] | None = None, usual: AudioConfig = SMALL.config.audio, **values: Any) -> AudioConfig:
    return chosen_audio(sounds(**values), usual, AudioByFolderEntry(), given or {})


@pytest.mark.parametrize(
    ("bandwidth_hz", "own_rate", "sample_rate"),
    [
        (3_000.0, 44_100, 16_000),
        (7_200.0, 44_100, 16_000),
        (7_300.0, 44_100, 22_050),
        (9_900.0, 44_100, 22_050),
        (14_000.0, 48_000, 32_000),
        (20_000.0, 44_100, 44_100),
        (20_000.0, 96_000, 48_000),
        (24_000.0, 96_000, 48_000),
        (24_000.0, 24_000, 22_050),
        (3_000.0, 8_000, 16_000),
    ],
)
def test_the_rate_is_the_lowest_that_keeps_the_sound_and_at_most_its_own(
    bandwidth_hz: float, own_rate: int, sample_rate: int
) -> None:
    assert chosen(bandwidth_hz=bandwidth_hz, sample_rate=own_rate).sample_rate == sample_rate


@pytest.mark.parametrize(
    ("audible_s", "duration_s"), [(0.05, 0.5), (0.7, 0.5), (0.75, 1.0), (2.4, 2.5), (2.8, 3.0), (9.9, 3.0)]
)
def test_the_length_is_that_of_the_sounds_in_halves_of_a_second(audible_s: float, duration_s: float) -> None:
    assert chosen(audible_s=audible_s).duration_s == duration_s


def test_limits_hold() -> None:
    limits = AudioByFolderEntry(max_sample_rate=32_000, max_duration_s=1.2)
    audio = chosen_audio(sounds(bandwidth_hz=20_000.0), SMALL.config.audio, limits, {})
    assert (audio.sample_rate, audio.duration_s) == (32_000, 1.0)


@pytest.mark.parametrize("usual", [SMALL.config.audio, PAPER.config.audio], ids=["small", "paper"])
@pytest.mark.parametrize("rate", RATES)
def test_clips_of_any_length_are_whole_numbers_of_hops_near_the_usual_frame_rate(rate: int, usual: AudioConfig) -> None:
    for n_halves in range(1, 7):
        audio = chosen({"sample_rate": rate, "duration_s": n_halves / 2}, usual)
        audio.check()
        assert audio.frame_rate == pytest.approx(usual.frame_rate, rel=0.12)


def test_the_clips_of_the_small_preset_come_back() -> None:
    assert chosen({"sample_rate": 16_000, "duration_s": 1.0}) == SMALL.config.audio


def test_given_settings_are_kept() -> None:
    assert chosen({"sample_rate": 48_000}).sample_rate == 48_000
    assert chosen({"duration_s": 7.0}).duration_s == 7.0
    assert chosen({"hop_length": 49}).hop_length == 49
    # 997 samples have no divisor near 128 frames per second: the rule on hops says so.
    odd = chosen({"sample_rate": 16_000, "duration_s": 997 / 16_000})
    with pytest.raises(ConfigError, match="a clip must be a whole number of hops"):
        odd.check()


# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five notes of 1.5 s at 44.1 kHz with a strong partial at 10 kHz."""
    folder = tmp_path / "sounds"
    for index, note in enumerate(["C3", "D3", "E3", "F3", "G3"]):
        sound = tone(130.8 + 10 * index, 44_100, seconds=1.5) + tone(10_000.0, 44_100, seconds=1.5, level=0.3)
        write_sound(folder / f"p{index} {note}.wav", 0.5 * sound, 44_100)
    return folder


def study(folder: Path, **entries: Any) -> StudyFile:
    config = {
        "device": "cpu",
        "data": {"kind": "audio_folder", "folder": str(folder), "min_files": 3},
        "synth": GREY_BOX,
    }
    return tiny_study(config=config, audio_by_folder={}, **entries)


def planned(folder: Path, **overrides: Any) -> NewPlan:
    return make_plan(study(folder), overrides=list(overrides.items()))


def test_every_arm_gets_the_clips_and_sizes_for_them(folder: Path) -> None:
    plan = planned(folder)
    assert plan.clips is not None
    assert plan.clips.sounds.n_files == 5
    for arm in plan.plan.arms:
        assert arm.config["audio"] == {"sample_rate": 32_000, "duration_s": 1.5, "hop_length": 250}
        assert arm.config["encoder"]["n_fft"] == 512
        assert arm.config["synth"]["oscillator"]["table_length"] == 512
        assert [each["n_fft"] for each in arm.config["loss"]["resolutions"]] == [1024, 2048, 512]
    stored = plan.plan.definition.study_file["config"]
    assert stored["audio.sample_rate"] == 32_000
    assert stored["encoder.n_fft"] == 512


def test_what_is_given_is_kept_and_the_rest_chosen(folder: Path) -> None:
    plan = planned(folder, **{"audio.sample_rate": 16_000})
    assert plan.clips is not None
    assert plan.clips.settings == {"audio.duration_s": 1.5, "audio.hop_length": 125}
    plan = planned(folder, **{"encoder.n_fft": 128, "audio": {"duration_s": 1.0}})
    assert {arm.config["encoder"]["n_fft"] for arm in plan.plan.arms} == {128}
    assert {arm.config["audio"]["duration_s"] for arm in plan.plan.arms} == {1.0}


def test_the_settings_of_the_preset_give_its_digests(folder: Path) -> None:
    usual = {"audio.sample_rate": 16_000, "audio.duration_s": 1.0}
    without = make_plan(tiny_study(config=study(folder).config))
    assert [trial.digest for trial in planned(folder, **usual).plan.trials] == [
        trial.digest for trial in without.plan.trials
    ]


def test_all_settings_of_the_clips_leave_nothing_to_measure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise AssertionError("the folder was measured")

    monkeypatch.setattr(folder_clips, "measure_folder", refuse)
    given = {"audio.sample_rate": 16_000, "audio.duration_s": 1.0, "audio.hop_length": 125}
    assert planned(folder, **given).clips is None


def test_a_study_that_grows_keeps_its_clips(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(folder).plan
    monkeypatch.setattr(folder_clips, "measure_folder", lambda _: sounds(audible_s=0.5))
    grown = with_arms(plan, [{"name": "lpf-4", "config": {"parameterization": {"kind": "low_pass", "cutoff_hz": 4.0}}}])
    assert grown.arm("lpf-4").config["audio"] == plan.arms[0].config["audio"]


def test_a_study_without_the_table_chooses_nothing(folder: Path) -> None:
    assert clips_by_folder(tiny_study(config=study(folder).config)) is None


def test_sounds_that_cannot_be_measured_are_left_to_the_scan(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    assert clips_by_folder(study(tmp_path)) is None


def test_data_without_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[audio_by_folder\] chooses clips .* data.kind=synthetic has none; set"):
        clips_by_folder(tiny_study(audio_by_folder={}))
    with pytest.raises(ConfigError, match=r"data\.folder must name the folder"):
        make_plan(load_study("own_sounds"))
    assert not list(tmp_path.iterdir())


def test_the_usual_clips_come_back_for_comparison(folder: Path) -> None:
    plan = planned(folder, **{"audio.duration_s": 3.0})
    assert plan.clips is not None
    usual = plan.clips.with_usual_clips(plan.study)
    assert {config.audio for config in usual.configs().values()} == {SMALL.config.audio}
    assert {config.encoder.n_fft for config in usual.configs().values()} == {SMALL.config.encoder.n_fft}


def test_windows_are_at_least_as_long_in_seconds_at_another_rate() -> None:
    loss = MultiResolutionStftConfig(resolutions=(Resolution(n_fft=512, hop_length=120, win_length=300),))
    for rate in RATES:
        config = SMALL.config.at_rate(rate, 16_000)
        assert config.encoder.n_fft / rate >= SMALL.config.encoder.n_fft / 16_000
        assert config.encoder.n_fft.bit_count() == 1
        (resolution,) = loss.at_rate(rate, 16_000).resolutions or ()
        assert resolution.win_length / rate >= 600 / 48_000
    assert SMALL.config.at_rate(16_000, 16_000) == SMALL.config
    assert MultiResolutionStftConfig().at_rate(48_000, 16_000) == MultiResolutionStftConfig()
