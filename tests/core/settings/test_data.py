"""What data configs say of sounds that are not theirs."""

from core.settings.data import AudioFolderConfig, RendersConfig, SyntheticDataConfig


def test_only_renders_keep_their_level() -> None:
    assert RendersConfig(folder="x").keeps_level
    assert not AudioFolderConfig(folder="x").keeps_level
    assert not SyntheticDataConfig().keeps_level


def test_a_pitch_is_assumed_only_where_that_was_asked_for() -> None:
    assert AudioFolderConfig(folder="x").assumed_pitch_hz is None
    assert AudioFolderConfig(folder="x", unpitched="assume", assumed_f0_hz=99.0).assumed_pitch_hz == 99.0
    assert RendersConfig(folder="x").assumed_pitch_hz is None
