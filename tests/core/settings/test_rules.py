"""Rules between settings: each violation is reported with its values."""

from dataclasses import replace
from typing import Any

import pytest

from core.errors import ConfigError
from core.settings.losses import MultiResolutionStftConfig, Resolution
from core.settings.presets import SMALL
from core.settings.rules import check
from tests.support.configs import configured


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (("audio.hop_length=130",), "whole number of hops"),
        (("audio.hop_length=4000",), "at least 8 modulation frames; got 5"),
        (("parameterization.cutoff_hz=13",), "at least 11 taps"),
        (("encoder.kernel_time=4",), "kernels must be odd"),
        (("encoder.kernel_mel=4",), "kernels must be odd"),
        (("encoder.n_mels=8",), "each block halves the mel bands"),
        (("encoder.stride=3",), "encoder.stride must divide the clip's 128 hops; got 3"),
        (("encoder.n_fft=32000",), "half of encoder.n_fft must be shorter than a clip.*got 32000 and 16000"),
        (("data.kind=audio_folder", "data.folder=x"), "the table that made synthetic data, and these data have none"),
        (
            ("data.kind=audio_folder", "synth.kind=engel", "data.test_share=0.9"),
            r"must leave something to train on; got 0\.2 \+ 0\.9",
        ),
        (
            ("data.kind=renders", "synth.kind=engel", "data.validation_share=0.8"),
            r"must leave something to train on; got 0\.8 \+ 0\.2",
        ),
        (("data.max_f0_hz=7000",), "a quarter of the sample rate"),
        (("data.min_f0_hz=500",), "notes need data.min_f0_hz < data.max_f0_hz"),
        (
            ("data.min_f0_hz=500", "data.max_f0_hz=3900", "data.vibrato_semitones=6"),
            r"<= 2828.43 Hz \(a quarter of the sample rate, less the vibrato\)",
        ),
        (("synth.control=granular",), "has no module with several controls; set synth.control='curves'"),
        (
            ("synth.kind=shan", "synth.control=granular"),
            "frame by frame, and parameterization.kind='low_pass' does not",
        ),
        (("data.filter.min_q=5",), "filter.min_q must be below filter.max_q"),
        (("synth.kind=engel", "synth.noise_taps=63"), "noise_taps must be even"),
        (("synth.filter.min_cutoff_hz=9000",), "must lie below the highest cutoff"),
        (("synth.filter.min_cutoff_hz=7500",), r"the highest cutoff, 7200 Hz \(never above 0.45 of the sample rate\)"),
    ],
)
def test_broken_rules_are_named(assignments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(configured(*assignments))


@pytest.mark.parametrize(
    ("n_fft", "win_length"),
    [(512, 600), (65_536, 512)],
    ids=["a window longer than the FFT", "an FFT longer than twice the clip"],
)
def test_resolution_that_no_clip_can_be_measured_at_is_refused(n_fft: int, win_length: int) -> None:
    resolution = Resolution(n_fft=n_fft, hop_length=100, win_length=win_length)
    loss = MultiResolutionStftConfig(resolutions=(resolution,))
    with pytest.raises(ConfigError, match=r"a spectral distance needs clips longer than half its n_fft"):
        check(replace(SMALL.config, loss=loss))


def test_clips_too_short_for_the_standard_resolutions_are_refused_whatever_loss_is_trained() -> None:
    short: dict[str, Any] = {"resolutions": (Resolution(n_fft=64, hop_length=16, win_length=64),)}
    config = configured(
        *("audio.duration_s=0.03", "audio.hop_length=15", "encoder.n_fft=64", "encoder.n_mels=16"),
        "parameterization.kind=frame",
    )
    with pytest.raises(ConfigError, match="got 480 samples, n_fft=1024"):
        check(replace(config, loss=MultiResolutionStftConfig(**short)))


def test_valid_configs_pass() -> None:
    check(SMALL.config)
    check(configured("data.kind=audio_folder", "synth.kind=engel"))
    check(configured("synth.kind=fm", "synth.control=granular", "parameterization.kind=frame"))
    check(configured("data.kind=renders", "data.folder=somewhere", "synth.oscillator.kind=learnable"))
