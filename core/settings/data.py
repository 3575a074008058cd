"""Settings of the data sources, one class per kind.

To add one: its class and its place in `DataConfig` here, its module beside the others in `core/data/sources`, and its
case in `core/data/build.py`.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError
from core.modulations import Modulation
from core.settings.annotations import ContentPath
from core.settings.audio import AudioConfig
from core.settings.synths import FrozenWavetableConfig, ModSynthConfig, RbjFilterConfig, SynthConfig
from core.settings.variants import Variant

UNKNOWN_CLIPS = (300, 100, 100)
"""Train, validation and test clips assumed where only the files can tell, for estimates of time."""


class DataVariant(Variant):
    """Base of the data sources' config classes."""

    __slots__ = ()

    seed: int

    @property
    def true_modulations(self) -> tuple[Modulation, ...]:
        """The curves that are known of each clip; none where there is no ground truth."""
        return ()

    @property
    def true_synth(self) -> SynthConfig | None:
        """The synth that makes the sounds, None where it is not one of ours."""
        return None

    @property
    def true_wavetable(self) -> str | None:
        """Name or path of the wavetable that makes the sounds, None where there is none."""
        return None

    @property
    def expected_clips(self) -> tuple[int, int, int]:
        """Train, validation and test clips, or a guess."""
        return UNKNOWN_CLIPS


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDataConfig(DataVariant):
    """Random modulation curves played by a white-box Mod. Synth: exact truth, made on the fly."""

    kind: Literal["synthetic"] = "synthetic"
    seed: Annotated[int, Ge(0), Doc("draws clips, splits and test phases, whatever the trial's seed")] = 0
    n_train: Annotated[int, Ge(1), Doc("training clips")] = 384
    n_validation: Annotated[int, Ge(1), Doc("validation clips")] = 32
    n_test: Annotated[int, Ge(1), Doc("test clips")] = 64
    min_f0_hz: Annotated[float, Gt(0), Unit("Hz"), Doc("lowest note; notes are log-uniform")] = 110.0
    max_f0_hz: Annotated[float, Gt(0), Unit("Hz"), Doc("highest note")] = 440.0
    max_segments: Annotated[int, Ge(1), Doc("a curve has 1 to this many segments")] = 8
    wavetable: Annotated[
        str,
        ContentPath("wavetable", "wavetable_sha256"),
        Doc("a built-in table, a wavetable .wav, or a folder of single cycles"),
    ] = "sine_to_saw"
    wavetable_sha256: Annotated[str | None, Doc("content of the table; filled in when the config is resolved")] = None
    filter: RbjFilterConfig = field(default_factory=RbjFilterConfig)

    @property
    def true_synth(self) -> ModSynthConfig:
        oscillator = FrozenWavetableConfig(wavetable=self.wavetable, wavetable_sha256=self.wavetable_sha256)
        return ModSynthConfig(oscillator=oscillator, filter=self.filter)

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
        highest = audio.sample_rate / 4
        if not self.min_f0_hz < self.max_f0_hz <= highest:
            raise ConfigError(
                f"notes need data.min_f0_hz < data.max_f0_hz <= {highest:g} Hz (a quarter of the sample rate); "
                f"got {self.min_f0_hz:g} and {self.max_f0_hz:g}"
            )
        self.true_synth.check(audio)


class FolderVariant(DataVariant):
    """Base of the config classes of data that lie in a folder of files, split by group."""

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
    """A folder of one-note recordings (wav, flac, ogg, aiff); no truth is known."""

    kind: Literal["audio_folder"] = "audio_folder"
    folder: Annotated[
        str, ContentPath("data folder", "manifest_sha256"), Doc("the folder, searched with its subfolders")
    ] = ""
    seed: Annotated[int, Ge(0), Doc("draws splits and test phases, whatever the trial's seed")] = 0
    unpitched: Annotated[Literal["skip", "assume"], Doc("what to do with a file of unknown pitch")] = "skip"
    assumed_f0_hz: Annotated[float, Gt(0), Unit("Hz"), Doc("pitch given to unpitched files when assuming")] = 110.0
    validation_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the files for validation")] = 0.2
    test_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the files for test")] = 0.2
    min_files: Annotated[int, Ge(3), Doc("refuse to run with fewer usable files")] = 10
    manifest_sha256: Annotated[
        str | None, Doc("hash of the usable files and their pitches; filled in when the config is resolved")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RendersConfig(FolderVariant):
    """A folder made by `modstudy render`: sounds of a real synth with the curves that shaped them."""

    modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "wave frame"),
        Modulation("sub", "filter cutoff"),
        Modulation("env", "oscillator level", is_amplitude=True),
    )

    kind: Literal["renders"] = "renders"
    folder: Annotated[
        str, ContentPath("data folder", "manifest_sha256"), Doc("the folder, with its manifest.parquet")
    ] = ""
    seed: Annotated[int, Ge(0), Doc("draws splits and test phases, whatever the trial's seed")] = 0
    validation_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the patches for validation")] = 0.2
    test_share: Annotated[float, Interval(gt=0, lt=1), Doc("share of the patches for test")] = 0.2
    min_files: Annotated[int, Ge(3), Doc("refuse to run with fewer usable files")] = 10
    manifest_sha256: Annotated[
        str | None, Doc("hash of the manifest and its sounds; filled in when the config is resolved")
    ] = None

    @property
    def true_modulations(self) -> tuple[Modulation, ...]:
        return self.modulations


DataConfig = SyntheticDataConfig | AudioFolderConfig | RendersConfig
