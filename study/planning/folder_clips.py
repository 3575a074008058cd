"""Clips that the sounds in a folder choose: a study file with `[audio_by_folder]` gets them when it is planned.

* Sample rate: the lowest usual one whose clips keep the bandwidth of the sounds, at most that of the files.
* Length: the median time after which a sound has died away, in whole halves of a second.
* Hop: the whole part of a clip that comes nearest to the frame rate of the preset.

Settings with sizes in samples (windows of the encoder and the loss, cycles of a learned wavetable) follow the rate.
What the study file or the command line gives is kept. What is chosen joins the shared settings of the study, so that it
is stored and resolved like all others, and a study that grows does not choose again.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.data.base import existing_folder
from core.data.folder_audio import FolderAudio, measure_folder
from core.errors import ConfigError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from core.settings.loading import flat_config
from core.settings.trial import TrialConfig
from search_spaces.paths import Composer
from search_spaces.study_entries import AudioByFolderEntry
from search_spaces.study_file import StudyFile

RATES = (16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
"""Sample rates in Hz that are chosen from."""
KEPT_SHARE = 0.45
"""Share of the sample rate up to which a resampled sound keeps its spectrum."""
STEP_S = 0.5
"""Lengths of clips are multiples of this."""
_MAX_RATIO = 2.0
"""Largest ratio of the frame rate to that of the preset for which a hop is chosen."""
_NAMES = ("sample_rate", "duration_s", "hop_length")
"""Settings of the clips, below `audio`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderClips:
    """Clips that the sounds in a folder chose."""

    sounds: FolderAudio
    audio: AudioConfig
    """The clips; some of their settings may have been given."""
    usual: AudioConfig
    """The clips of the preset."""
    per_file: int
    """Most clips of a file."""
    settings: Mapping[str, Any]
    """The settings that were chosen, by dotted path."""

    def with_usual_clips(self, study: StudyFile) -> StudyFile:
        """The study with the clips of its preset in place of these."""
        dropped = {*self.settings, *(f"audio.{name}" for name in _NAMES)}
        return replace(study, config={path: value for path, value in study.shared().items() if path not in dropped})


def clips_by_folder(study: StudyFile) -> FolderClips | None:
    """The clips that the sounds in the folder of a study choose.

    None if the study does not ask for it or gives all settings of the clips, or if no sound can be measured.

    Raises:
        ConfigError: a setting is invalid, or the study has no folder of sounds.
        DataError: there is no such folder, or it has too many files.
    """
    shared = study.shared()
    given = [name for name in _NAMES if f"audio.{name}" in shared]
    if study.audio_by_folder is None or len(given) == len(_NAMES):
        return None
    common = Composer(study.base, shared).config({})
    if not isinstance(common.data, AudioFolderConfig):
        raise ConfigError(
            "[audio_by_folder] chooses clips by the sounds in data.folder, and data.kind="
            f"{common.data.kind} has none; set data.kind = 'audio_folder' in [config.data], or leave the table out"
        )
    sounds = measure_folder(existing_folder(common.data.folder, common.data.manifest_sha256))
    if sounds is None:
        return None
    usual = study.base.config.audio
    audio = chosen_audio(sounds, usual, study.audio_by_folder, {name: getattr(common.audio, name) for name in given})
    configs = study.configs().values() or [common]
    chosen = {f"audio.{name}": getattr(audio, name) for name in _NAMES}
    for config in configs:
        chosen |= _sizes_at(audio.sample_rate, usual.sample_rate, config)
    return FolderClips(
        sounds=sounds,
        audio=audio,
        usual=usual,
        per_file=common.data.clips_per_file,
        settings={path: value for path, value in chosen.items() if path not in shared},
    )


def chosen_audio(
    sounds: FolderAudio, usual: AudioConfig, limits: AudioByFolderEntry, given: Mapping[str, Any]
) -> AudioConfig:
    """The clips for some sounds.

    Args:
        sounds: What was measured of them.
        usual: Clips of the preset, for their frame rate.
        limits: Highest sample rate and greatest length.
        given: Settings of the clips that are kept, by name.
    """
    rate = given.get("sample_rate", _sample_rate(sounds, limits.max_sample_rate))
    duration_s = given.get("duration_s", _duration_s(sounds, limits.max_duration_s))
    audio = AudioConfig(sample_rate=rate, duration_s=duration_s, hop_length=usual.hop_length)
    hop_length = given.get("hop_length", _hop_length(audio, usual))
    return replace(audio, hop_length=hop_length)


# ---------------------------------------------------------------------------------------------------------------------


def _sample_rate(sounds: FolderAudio, limit: int) -> int:
    """The lowest sample rate that keeps the bandwidth, or the highest of those up to that of the files and a limit."""
    rates = [rate for rate in RATES if rate <= min(sounds.sample_rate, limit)] or [RATES[0]]
    return next((rate for rate in rates if KEPT_SHARE * rate >= sounds.bandwidth_hz), rates[-1])


def _duration_s(sounds: FolderAudio, limit_s: float) -> float:
    """The time for which the sounds are audible in whole steps, at least one, up to a limit."""
    n_steps = math.floor(sounds.audible_s / STEP_S + 0.5)
    return STEP_S * max(1, min(n_steps, math.floor(limit_s / STEP_S)))


def _hop_length(audio: AudioConfig, usual: AudioConfig) -> int:
    """The hop that divides the clips with a frame rate near the usual one; that of the clips if there is none."""
    wanted = audio.sample_rate / usual.frame_rate
    lengths = range(math.ceil(wanted / _MAX_RATIO), math.floor(wanted * _MAX_RATIO) + 1)
    dividing = [length for length in lengths if length and audio.n_samples % length == 0]
    return min(dividing, key=lambda length: abs(math.log(length / wanted)), default=audio.hop_length)


def _sizes_at(sample_rate: int, from_rate: int, config: TrialConfig) -> dict[str, Any]:
    """Settings of a config with sizes in samples that are others at another sample rate, by dotted path."""
    before, after = flat_config(config), flat_config(config.at_rate(sample_rate, from_rate))
    return {path: value for path, value in after.items() if value != before.get(path)}
