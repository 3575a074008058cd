"""Settings of the synths, one class per kind.

To add a synth, add its config class with its modulations to `SynthConfig`, its module to `core/synths` and its case to
`core/synths/build.py`.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError
from core.modulations import Modulation
from core.ops.sizes import check_noise_filter_size, size_at_rate, table_read_length
from core.settings.audio import AudioConfig
from core.settings.filters import N_COEFFICIENTS, FilterConfig, LearnedFilterConfig, RbjFilterConfig
from core.settings.memory import DOUBLE, FLOAT, Stage, adapter_stage
from core.settings.oscillators import (
    DATA_WAVETABLE,
    FrozenWavetableConfig,
    LearnableWavetableConfig,
    OscillatorConfig,
)
from core.settings.synth_base import Control, SynthVariant, VibratoDepth, oscillator_stage

# The synth imports torch, which settings need not wait for; a test compares this value with its own.
SAW_AND_SQUARE = (2, 4096)
"""Tables of the subtractive synth, and samples per cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModSynthConfig(SynthVariant):
    """Wavetable oscillator, time-varying filter and amplitude envelope in series."""

    module_modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "position in the wavetable"),
        Modulation("sub", "cutoff of the filter"),
        Modulation("env", "amplitude", is_amplitude=True),
    )

    kind: Literal["mod_synth"] = "mod_synth"
    oscillator: OscillatorConfig = field(default_factory=FrozenWavetableConfig)
    filter: FilterConfig = field(default_factory=RbjFilterConfig)
    vibrato_semitones: VibratoDepth = 0.0
    control: Control = "curves"

    @property
    def resonant_filter(self) -> RbjFilterConfig | None:
        return self.filter if isinstance(self.filter, RbjFilterConfig) else None

    @property
    def adapted_controls(self) -> Mapping[str, int]:
        return {"sub": N_COEFFICIENTS} if isinstance(self.filter, LearnedFilterConfig) else {}

    def check(self, audio: AudioConfig) -> None:
        SynthVariant.check(self, audio)
        self.filter.check(audio)

    def at_rate(self, sample_rate: int, from_rate: int) -> "ModSynthConfig":
        return replace(self, oscillator=self.oscillator.at_rate(sample_rate, from_rate))

    def kernels(self) -> Hashable:
        return self.kind, self.oscillator.kernels(), self.filter.kernels()

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        n_cycles, _ = self.oscillator.table_size()
        samples = float(batch) * audio.n_samples * FLOAT
        tables = float(batch) * n_cycles * self.oscillator.read_length(audio) * FLOAT
        yield Stage(
            kept=tables + samples,
            forward=1.5 * tables,
            backward=3 * tables if self.oscillator.is_learned else 0.0,
            result=samples,
        )
        yield from self.filter.memory_stages(samples, float(batch) * audio.n_frames)

    def n_weights(self) -> float:
        n_cycles, length = self.oscillator.table_size()
        oscillator = float(n_cycles) * length if self.oscillator.is_learned else 0.0
        return oscillator + SynthVariant.n_weights(self)

    @classmethod
    def warm_ups(cls) -> tuple["ModSynthConfig", ...]:
        white_box = cls(oscillator=FrozenWavetableConfig(wavetable="sine_to_saw"))
        return white_box, cls(oscillator=LearnableWavetableConfig(), filter=LearnedFilterConfig())

    def with_wavetable_of(self, data_wavetable: str | None) -> "ModSynthConfig":
        oscillator = self.oscillator
        if not isinstance(oscillator, FrozenWavetableConfig) or oscillator.wavetable != DATA_WAVETABLE:
            return self
        if data_wavetable is None:
            raise ConfigError(
                "synth.oscillator.wavetable='data' means the table that made synthetic data, and these data have none: "
                "name a table, or set synth.oscillator.kind=learnable"
            )
        return replace(self, oscillator=replace(oscillator, wavetable=data_wavetable))


@dataclass(frozen=True, slots=True, kw_only=True)
class EngelConfig(SynthVariant):
    """Harmonic oscillator plus filtered noise, followed by an amplitude envelope."""

    module_modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "amplitudes of the harmonics"),
        Modulation("sub", "bands of the filtered noise"),
        Modulation("env", "amplitude", is_amplitude=True),
    )

    n_noises: ClassVar[int] = 3

    kind: Literal["engel"] = "engel"
    n_harmonics: Annotated[
        int, Interval(ge=1, le=10_000), Doc("number of harmonics; those at or above Nyquist are silent")
    ] = 60
    n_noise_bands: Annotated[int, Interval(ge=2, le=32_769), Doc("frequency bands of the noise filter")] = 33
    noise_taps: Annotated[int, Interval(ge=4, le=65_536), Unit("samples"), Doc("length of the noise filter (even)")] = (
        64
    )
    vibrato_semitones: VibratoDepth = 0.0
    control: Control = "curves"

    @property
    def adapted_controls(self) -> Mapping[str, int]:
        return {"add": 1 + self.n_harmonics, "sub": self.n_noise_bands}

    def check(self, audio: AudioConfig) -> None:
        SynthVariant.check(self, audio)
        check_noise_filter_size(self.noise_taps, self.n_noise_bands)

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        samples, rows = float(batch) * audio.n_samples * FLOAT, float(batch) * audio.n_frames
        # Logits, sigmoids, powers and amplitudes; for harmonics also their shares and the products.
        for n_controls in self.adapters:
            yield adapter_stage(n_controls, rows)
        for n_controls, n_kept in ((1 + self.n_harmonics, 7), (self.n_noise_bands, 5)):
            controls = rows * n_controls * FLOAT
            yield Stage(kept=n_kept * controls, forward=2 * controls, backward=4 * controls, result=controls)
        filters = rows * self.noise_taps * FLOAT
        yield Stage(kept=filters + 6 * samples, forward=2 * samples, backward=filters + 4 * samples)

    def constant_bytes(self) -> float:
        # The impulse responses of the bands, while they are computed.
        n_bands = float(self.n_noise_bands)
        return n_bands * n_bands * (DOUBLE + 4 * DOUBLE) + 3 * n_bands * self.noise_taps * DOUBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ShanConfig(SynthVariant):
    """Weighted sum of learned wavetables at the same phase, learned filter and amplitude envelope in series."""

    module_modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "weights of the wavetables"),
        Modulation("sub", "learned filter"),
        Modulation("env", "amplitude", is_amplitude=True),
    )

    kind: Literal["shan"] = "shan"
    n_tables: Annotated[int, Interval(ge=2, le=4096), Doc("learned wavetables")] = 16
    table_length: Annotated[int, Interval(ge=8, le=65_536), Unit("samples"), Doc("samples per cycle")] = 1024
    filter: LearnedFilterConfig = field(default_factory=LearnedFilterConfig)
    vibrato_semitones: VibratoDepth = 0.0
    control: Control = "curves"

    @property
    def adapted_controls(self) -> Mapping[str, int]:
        return {"add": self.n_tables, "sub": N_COEFFICIENTS}

    def check(self, audio: AudioConfig) -> None:
        SynthVariant.check(self, audio)
        self.filter.check(audio)

    def at_rate(self, sample_rate: int, from_rate: int) -> "ShanConfig":
        return replace(self, table_length=size_at_rate(self.table_length, sample_rate, from_rate))

    def kernels(self) -> Hashable:
        return self.kind, self.filter.kernels()

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        samples, rows = float(batch) * audio.n_samples * FLOAT, float(batch) * audio.n_frames
        if self.control == "curves":
            yield adapter_stage(self.n_tables, rows)
        read_length = table_read_length(self.table_length, audio.sample_rate)
        tables, weights = float(batch) * self.n_tables * read_length * FLOAT, rows * self.n_tables * FLOAT
        yield oscillator_stage(audio, batch, tables=tables, weights=2 * weights)
        yield from self.filter.memory_stages(samples, rows)

    def n_weights(self) -> float:
        return float(self.n_tables) * self.table_length + SynthVariant.n_weights(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FmConfig(SynthVariant):
    """Two-operator FM oscillator, learned filter and amplitude envelope in series."""

    module_modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "modulation index"),
        Modulation("sub", "learned filter"),
        Modulation("env", "amplitude", is_amplitude=True),
    )

    kind: Literal["fm"] = "fm"
    ratio: Annotated[
        float,
        Interval(ge=0.0625, le=64),
        Doc("frequency of the modulator over that of the carrier, which is the pitch"),
    ] = 1.0
    # Up to about 2 the fundamental falls and the first sidebands rise with the index; beyond, they fall and rise again.
    # Trained on sounds of its own, 4 of 9 models with an index of up to 8 were stuck far from the true one, and none of
    # 9 with one of up to 2.
    max_index: Annotated[
        float,
        Interval(ge=0.01, le=100),
        Unit("rad"),
        Doc("modulation index at curve value 1; lower for notes whose sidebands would pass Nyquist"),
    ] = 2.0
    filter: LearnedFilterConfig = field(default_factory=LearnedFilterConfig)
    vibrato_semitones: VibratoDepth = 0.0
    control: Control = "curves"

    @property
    def adapted_controls(self) -> Mapping[str, int]:
        return {"sub": N_COEFFICIENTS}

    def check(self, audio: AudioConfig) -> None:
        SynthVariant.check(self, audio)
        self.filter.check(audio)

    def kernels(self) -> Hashable:
        return self.kind, self.filter.kernels()

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        samples, rows = float(batch) * audio.n_samples * FLOAT, float(batch) * audio.n_frames
        yield oscillator_stage(audio, batch)
        yield from self.filter.memory_stages(samples, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtractiveConfig(SynthVariant):
    """Mix of a band-limited saw and square, resonant low-pass and amplitude envelope in series; nothing is learned."""

    module_modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "mix from saw to square"),
        Modulation("sub", "cutoff of the low-pass"),
        Modulation("env", "amplitude", is_amplitude=True),
    )

    kind: Literal["subtractive"] = "subtractive"
    filter: RbjFilterConfig = field(default_factory=RbjFilterConfig)
    vibrato_semitones: VibratoDepth = 0.0

    @property
    def resonant_filter(self) -> RbjFilterConfig | None:
        return self.filter

    def check(self, audio: AudioConfig) -> None:
        self.filter.check(audio)

    def kernels(self) -> Hashable:
        return self.kind, self.filter.kernels()

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        samples, rows = float(batch) * audio.n_samples * FLOAT, float(batch) * audio.n_frames
        tables = float(batch) * SAW_AND_SQUARE[0] * SAW_AND_SQUARE[1] * FLOAT
        yield oscillator_stage(audio, batch, tables=tables, weights=4 * rows * FLOAT)
        yield from self.filter.memory_stages(samples, rows)


SynthConfig = ModSynthConfig | EngelConfig | ShanConfig | FmConfig | SubtractiveConfig
