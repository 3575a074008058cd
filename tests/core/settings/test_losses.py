"""Standard resolutions of the multi-resolution loss at different sample rates."""

import pytest

from core.settings.audio import AudioConfig
from core.settings.losses import MultiResolutionStftConfig, Resolution, standard_resolutions


@pytest.mark.parametrize(
    ("sample_rate", "sizes"),
    [
        (8000, [256, 512, 128]),
        (16_000, [512, 1024, 256]),
        (44_100, [1024, 2048, 512]),
        (48_000, [1024, 2048, 512]),
        (96_000, [2048, 4096, 1024]),
    ],
)
def test_standard_resolutions_are_scaled_to_the_sample_rate(sample_rate: int, sizes: list[int]) -> None:
    assert [resolution.n_fft for resolution in standard_resolutions(sample_rate)] == sizes


def test_standard_resolutions_at_48_khz_are_those_of_auraloss() -> None:
    assert standard_resolutions(48_000) == (
        Resolution(n_fft=1024, hop_length=120, win_length=600),
        Resolution(n_fft=2048, hop_length=240, win_length=1200),
        Resolution(n_fft=512, hop_length=50, win_length=240),
    )


def test_only_unset_resolutions_are_filled_in() -> None:
    own = MultiResolutionStftConfig(resolutions=(Resolution(n_fft=64, hop_length=16, win_length=64),))
    assert own.resolved(AudioConfig()) == own
    assert MultiResolutionStftConfig().resolved(AudioConfig()).resolutions == standard_resolutions(16_000)
