"""Settings of the data sources, one class per kind.

To add a data source, add its config class to `DataConfig`, its module to `core/data/sources` and its case to
`core/data/build.py`.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError
from core.modulations import Modulation
from core.settings.annotations import ContentPath, HashLength, PathLength, SeedRange
from core.settings.audio import AudioConfig
from core.settings.filters import RbjFilterConfig
from core.settings.oscillators import FrozenWavetableConfig
from core.settings.synth_base import VibratoDepth
from core.settings.synths import ModSynthConfig, SynthConfig
from core.settings.variants import Variant

LFO_SHAPES = "lfo_shapes"
"""Value of `data.test_modulations` for the LFO shapes that come with the package."""
RANDOM = "random"
"""Value of `data.test_modulations` for random curves, as in training."""
MIN_CYCLE_FRAMES = 8
"""Fewest modulation frames per cycle of an LFO shape."""
UNKNOWN_CLIPS = (300, 100, 100)
"""Numbers of training, validation and test clips assumed if they depend on files, for estimates of time."""


class DataVariant(Variant):
    """Base class of the configs of all data sources."""

    __slots__ = ()

    seed: int

    @property
    def true_modulations(self) -> tuple[Modulation, ...]:
        """Modulations whose true curves are known; empty if there is no ground truth."""
        return ()

    @property
    def true_synth(self) -> SynthConfig | None:
        """Config of the synth that made the sounds; None if they come from elsewhere."""
        return None

    @property
    def true_wavetable(self) -> str | None:
        """Name or path of the wavetable in the sounds; None if there is none or it is unknown."""
        return None

    @property
    def expected_clips(self) -> tuple[int, int, int]:
        """Numbers of training, validation and test clips, or `UNKNOWN_CLIPS` if they depend on files."""
        return UNKNOWN_CLIPS

    @property
    def keeps_level(self) -> bool:
        """Whether clips are as loud as in their files; if not, those of files have the same peak."""
        return False

    @property
    def assumed_pitch_hz(self) -> float | None:
        """Pitch of sounds of unknown pitch; None if they are left out."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDataConfig(DataVariant):
    """Random modulation curves or LFO shapes rendered by a white-box Mod. Synth, with exactly known true curves."""

    kind: Literal["synthetic"] = "synthetic"
    seed: Annotated[int, SeedRange, Doc("seed of clips, splits and oscillator phases in evaluation")] = 0
    n_train: Annotated[int, Interval(ge=1, le=1_000_000), Doc("training clips")] = 384
    n_validation: Annotated[int, Interval(ge=1, le=1_000_000), Doc("validation clips")] = 32
    n_test: Annotated[int, Interval(ge=1, le=1_000_000), Doc("test clips")] = 64
    min_f0_hz: Annotated[float, Interval(ge=1, le=48_000), Unit("Hz"), Doc("lowest pitch; pitches are log-uniform")] = (
        110.0
    )
    max_f0_hz: Annotated[float, Interval(ge=1, le=48_000), Unit("Hz"), Doc("highest pitch")] = 440.0
    curves: Annotated[
        Literal["splines", "lfos"], Doc("random splines, or sines of random rate, phase, depth and offset")
    ] = "splines"
    min_lfo_hz: Annotated[
        float, Interval(ge=0.01, le=20_000), Unit("Hz"), Doc("lowest rate of the sines; rates are log-uniform")
    ] = 1.0
    max_lfo_hz: Annotated[float, Interval(ge=0.01, le=20_000), Unit("Hz"), Doc("highest rate of the sines")] = 8.0
    max_segments: Annotated[int, Interval(ge=1, le=10_000), Doc("largest number of segments of a random spline")] = 8
    segment_widths: Annotated[
        Literal["half_random", "mixed"],
        Doc(
            "widths half of the equal one plus a random share, or equal in half of the curves and random in the others"
        ),
    ] = "half_random"
    test_modulations: Annotated[
        str,
        PathLength,
        ContentPath("LFO shapes", "test_modulations_sha256"),
        Doc("curves of the test clips: random, lfo_shapes (those of modstudy), or a folder of .vitallfo files"),
    ] = RANDOM
    test_modulations_sha256: Annotated[
        str | None, HashLength, Doc("hash of the LFO shapes, filled in when the config is resolved")
    ] = None
    test_cycles: Annotated[int, Interval(ge=1, le=1000), Doc("times that a test clip repeats its LFO shapes")] = 1
    wavetable: Annotated[
        str,
        PathLength,
        ContentPath("wavetable", "wavetable_sha256"),
        Doc("built-in table, 'in_turn': one of these by the seed, .wav file, or folder of single-cycle files"),
    ] = "sine_to_saw"
    wavetable_sha256: Annotated[
        str | None, HashLength, Doc("hash of the table, filled in when the config is resolved")
    ] = None
    filter: RbjFilterConfig = field(default_factory=RbjFilterConfig)
    vibrato_semitones: VibratoDepth = 0.0

    @property
    def true_synth(self) -> ModSynthConfig:
        oscillator = FrozenWavetableConfig(wavetable=self.wavetable, wavetable_sha256=self.wavetable_sha256)
        return ModSynthConfig(oscillator=oscillator, filter=self.filter, vibrato_semitones=self.vibrato_semitones)

    @property
    def true_modulations(self) -> tuple[Modulation, ...]:
        return self.true_synth.modulations

    @property
    def true_wavetable(self) -> str:
        return self.wavetable

    @property
    def expected_clips(self) -> tuple[int, int, int]:
        return self.n_train, self.n_validation, self.n_test

    def check(self, audio: AudioConfig) -> None:
        # A vibrato takes the pitch higher.
        highest = audio.sample_rate / 4 / 2 ** (self.vibrato_semitones / 12)
        of_rate = "a quarter of the sample rate" + (", less the vibrato" if self.vibrato_semitones > 0 else "")
        if not self.min_f0_hz < self.max_f0_hz <= highest:
            raise ConfigError(
                f"notes need data.min_f0_hz < data.max_f0_hz <= {highest:g} Hz ({of_rate}); "
                f"got {self.min_f0_hz:g} and {self.max_f0_hz:g}"
            )
        highest_rate = audio.frame_rate / 2
        if self.curves == "lfos" and not self.min_lfo_hz <= self.max_lfo_hz < highest_rate:
            raise ConfigError(
                f"LFOs need data.min_lfo_hz <= data.max_lfo_hz < {highest_rate:g} Hz (half of the frame rate); got "
                f"{self.min_lfo_hz:g} and {self.max_lfo_hz:g}; lower them, or lower audio.hop_length"
            )
        if self.test_cycles > 1 and self.test_modulations == RANDOM:
            raise ConfigError(
                f"data.test_cycles repeats LFO shapes, and random curves are not repeated; got {self.test_cycles}; "
                f"set data.test_modulations={LFO_SHAPES} or data.test_cycles=1"
            )
        most = max((audio.n_frames - 1) // MIN_CYCLE_FRAMES, 1)
        if self.test_cycles > most:
            raise ConfigError(
                f"a cycle needs {MIN_CYCLE_FRAMES} modulation frames: data.test_cycles={self.test_cycles} over "
                f"{audio.n_frames} frames; lower it to {most} or lower audio.hop_length"
            )
        self.true_synth.check(audio)


class FolderVariant(DataVariant):
    """Base class of the configs of data read from a folder and split by group."""

    __slots__ = ()

    folder: str
    validation_share: float
    test_share: float
    min_files: int
    manifest_sha256: str | None

    def check(self, audio: AudioConfig) -> None:  # noqa: ARG002
        if self.validation_share + self.test_share >= 1:
            raise ConfigError(
                "data.validation_share + data.test_share must leave something to train on; "
                f"got {self.validation_share:g} + {self.test_share:g}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFolderConfig(FolderVariant):
    """A folder of recordings of single notes, or of other sounds (wav, flac, ogg, aiff), without true curves."""

    kind: Literal["audio_folder"] = "audio_folder"
    folder: Annotated[
        str,
        PathLength,
        ContentPath("data folder", "manifest_sha256"),
        Doc("folder with the sound files, searched recursively"),
    ] = ""
    seed: Annotated[int, SeedRange, Doc("seed of splits and oscillator phases in evaluation")] = 0
    unpitched: Annotated[Literal["skip", "assume"], Doc("skip files of unknown pitch, or assume a pitch for them")] = (
        "skip"
    )
    assumed_f0_hz: Annotated[
        float, Interval(ge=1, le=48_000), Unit("Hz"), Doc("pitch assumed for files of unknown pitch")
    ] = 110.0
    clips_per_file: Annotated[
        int, Interval(ge=1, le=1000), Doc("most clips cut from a file, spread over it; 1 takes its start")
    ] = 1
    validation_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the files for validation")] = 0.2
    test_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the files for test")] = 0.2
    min_files: Annotated[int, Interval(ge=3, le=1_000_000), Doc("smallest number of usable files")] = 10
    manifest_sha256: Annotated[
        str | None, HashLength, Doc("hash of the usable files and their pitches, filled in when the config is resolved")
    ] = None

    @property
    def assumed_pitch_hz(self) -> float | None:
        return self.assumed_f0_hz if self.unpitched == "assume" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RendersConfig(FolderVariant):
    """A folder made by `modstudy render`: sounds of a real synth with their true modulation curves."""

    modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "wave frame"),
        Modulation("sub", "filter cutoff"),
        Modulation("env", "oscillator level", is_amplitude=True),
    )

    kind: Literal["renders"] = "renders"
    folder: Annotated[
        str, PathLength, ContentPath("data folder", "manifest_sha256"), Doc("folder that contains manifest.parquet")
    ] = ""
    seed: Annotated[int, SeedRange, Doc("seed of splits and oscillator phases in evaluation")] = 0
    validation_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the patches for validation")] = 0.2
    test_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the patches for test")] = 0.2
    min_files: Annotated[int, Interval(ge=3, le=1_000_000), Doc("smallest number of usable files")] = 10
    manifest_sha256: Annotated[
        str | None, HashLength, Doc("hash of the manifest and its sounds, filled in when the config is resolved")
    ] = None

    @property
    def true_modulations(self) -> tuple[Modulation, ...]:
        return self.modulations

    @property
    def keeps_level(self) -> bool:
        return True


DataConfig = SyntheticDataConfig | AudioFolderConfig | RendersConfig
