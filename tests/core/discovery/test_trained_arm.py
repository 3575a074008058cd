"""A trained arm on any sounds: those of its own test split come out as in its evaluation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.discovery.trained_arm import AppliedSound, PitchedSound, TrainedArm
from core.errors import ConfigError
from core.metrics.audio import mss_distance
from core.settings.data import AudioFolderConfig, RendersConfig
from core.settings.trial import TrialConfig
from core.training.model import build_model
from core.training.trainer import estimate_clips, sounds_with_held_curve
from tests.support.configs import GREY_BOX, dataset_of, tiny, tiny_on_folder
from tests.support.sounds import tone, write_named_notes

ENGEL = ("synth.kind=engel", "synth.n_harmonics=10")
WHITE_BOX = ("synth.oscillator.wavetable=sine_to_saw",)
KINDS = {
    "white box": WHITE_BOX,
    "grey box": GREY_BOX,
    "with noise": ENGEL,
    "granular": (*GREY_BOX, "synth.control=granular", "parameterization.kind=frame"),
}


def arm_of(config: TrialConfig) -> TrainedArm:
    return TrainedArm(build_model(config).eval(), config)


def pitched(seconds: float, f0_hz: float = 220.0, name: str = "a") -> PitchedSound:
    audio = tone(f0_hz, seconds=seconds, level=1.0) * (0.6 + 0.4 * tone(3.0, seconds=seconds, level=1.0))
    return PitchedSound(id=name, audio=(audio / np.abs(audio).max()).astype(np.float32), gain=1.0, f0_hz=f0_hz)


def applied(arm: TrainedArm, *sounds: PitchedSound) -> list[AppliedSound]:
    return list(arm.apply(sounds))


@pytest.mark.parametrize("kind", KINDS)
def test_test_clips_have_the_curves_sounds_distances_and_effects_of_the_evaluation(kind: str, tmp_path: Path) -> None:
    write_named_notes(tmp_path, range(40, 64, 2))
    config = tiny_on_folder("audio_folder", tmp_path, *KINDS[kind])
    arm, clips, model = arm_of(config), dataset_of(config).test, build_model(config).eval()
    expected = estimate_clips(model, clips, "test", config)
    sounds = [
        PitchedSound(id=clip_id, audio=audio.numpy() / 0.9, gain=2.0, f0_hz=float(f0_hz))
        for clip_id, audio, f0_hz in zip(clips.ids, clips.audio, clips.f0_hz, strict=True)
    ]
    found = applied(arm, *sounds)
    assert len(found) == len(clips) > 1
    mss = mss_distance(clips.audio, expected.audio, config.audio.sample_rate)
    held = [
        mss_distance(clips.audio, sounds_with_held_curve(model, clips, expected.curves, i, "test", config), 16_000)
        - mss
        for i in range(len(config.synth.modulations))
    ]
    for i, each in enumerate(found):
        np.testing.assert_allclose(each.curves, expected.curves.modulation[i], atol=1e-5)
        np.testing.assert_allclose(each.estimate * 0.9, expected.audio[i], atol=1e-4)
        assert each.mss == pytest.approx(float(mss[i]), rel=1e-3)
        assert each.effects == pytest.approx([float(rise[i]) for rise in held], abs=1e-3)


def test_results_do_not_depend_on_the_other_sounds_and_keep_their_order() -> None:
    arm = arm_of(tiny())
    sounds = [pitched(seconds, 150.0 + 10 * i, f"{i}") for i, seconds in enumerate((0.25, 1.0, 0.1, 0.25, 0.6))]
    together = applied(arm, *sounds)
    assert [each.sound.id for each in together] == ["0", "1", "2", "3", "4"]
    for sound, each in zip(sounds, together, strict=True):
        (alone,) = applied(arm, sound)
        np.testing.assert_allclose(each.curves, alone.curves, atol=1e-5)
        np.testing.assert_allclose(each.estimate, alone.estimate, atol=1e-4)
        assert each.mss == pytest.approx(alone.mss, rel=1e-4)


def test_curves_and_sounds_are_as_long_as_the_sound() -> None:
    arm = arm_of(tiny())
    for seconds in (0.05, 0.1003, 0.25, 0.26, 3.0):
        sound = pitched(seconds)
        (each,) = applied(arm, sound)
        assert each.curves.shape == (3, -(-len(sound.audio) // 80) + 1)
        assert each.estimate.shape == sound.audio.shape
        assert np.isfinite(each.estimate).all()
        assert np.isfinite([each.mss, *each.effects]).all()


def test_the_curves_of_a_drone_have_no_step_where_windows_meet() -> None:
    arm, sound = arm_of(tiny("parameterization.kind=low_pass", "parameterization.cutoff_hz=8")), pitched(20.0)
    windows = arm.windows(len(sound.audio))
    assert len(windows.starts) > 100
    (whole,) = applied(arm, sound)
    alone = [
        applied(arm, replace(sound, audio=part.numpy()))[0] for part in windows.cut(torch.from_numpy(sound.audio), 80)
    ]
    steepest = max(float(np.abs(np.diff(each.curves)).max()) for each in alone)
    # A cross-fade over 12 frames adds the distance of the curves that meet times its own slope.
    furthest = max(
        float(np.abs(left.curves[:, second - first :] - right.curves[:, : first + windows.length - second]).max())
        for left, right, first, second in zip(alone, alone[1:], windows.starts, windows.starts[1:], strict=False)
    )
    assert furthest > 0.01
    assert np.abs(np.diff(whole.curves)).max() <= steepest + furthest * np.pi / 2 / (windows.overlap - 1) + 1e-5


def test_an_arm_of_renders_hears_the_level_of_the_file_and_others_a_peak_of_their_clips() -> None:
    config, sound = tiny(), replace(pitched(0.25), gain=10.0)
    for data, level in ((RendersConfig(folder="renders"), 0.1), (AudioFolderConfig(folder="sounds"), 0.9)):
        (each,) = applied(arm_of(replace(config, data=data)), sound)
        target, estimate = (torch.from_numpy(level * audio)[None] for audio in (sound.audio, each.estimate))
        assert each.mss == pytest.approx(float(mss_distance(target, estimate, 16_000)), rel=1e-3)


def test_arms_whose_curves_do_not_depend_on_the_sound_are_refused() -> None:
    for settings in (
        ("parameterization.kind=constant",),
        ("parameterization.kind=random_spline", *GREY_BOX),
    ):
        config = tiny(*settings)
        with pytest.raises(ConfigError, match="only an arm whose curves are those of an encoder can be applied"):
            TrainedArm(build_model(config), config)
