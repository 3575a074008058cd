"""Settings of the synths and of the oscillators and filters they are built from, one class per kind.

To add a synth, add its config class with its modulations to `SynthConfig`, its module to `core/synths` and its case to
`core/synths/build.py`.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal, TypeVar

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError
from core.modulations import Modulation
from core.ops.sizes import check_noise_filter_size
from core.settings.annotations import ContentPath, HashLength, PathLength
from core.settings.audio import AudioConfig
from core.settings.memory import DOUBLE, FLOAT, Stage, adapter_stage, adapter_weights
from core.settings.variants import Variant

AnySynth = TypeVar("AnySynth", bound="SynthVariant")
"""Any config class of a synth."""
MAX_CUTOFF_SHARE = 0.45
"""Highest cutoff of the low-pass as a share of the sample rate; at 0.5 its poles reach the unit circle."""
DATA_WAVETABLE = "data"
"""Placeholder for the wavetable of the synthetic data, replaced when the config is resolved."""
LARGEST_TABLE = (256, 2048)
"""Cycles, and samples per cycle, that are assumed of a wavetable in a file, as synths write them."""
BUILTIN_TABLE = (64, 1024)
"""Cycles, and samples per cycle, of the built-in wavetables."""
N_COEFFICIENTS = 5
"""Coefficients of a biquad."""


class OscillatorVariant(Variant):
    """Base class of the configs of all oscillators."""

    __slots__ = ()

    is_learned: ClassVar[bool] = False
    """Whether the wavetable is trained."""

    def table_size(self) -> tuple[int, int]:
        """Cycles of the wavetable and samples per cycle; an assumption if they are only known when it is read."""
        return BUILTIN_TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenWavetableConfig(OscillatorVariant):
    """A given wavetable that is not trained."""

    kind: Literal["frozen"] = "frozen"
    wavetable: Annotated[
        str,
        PathLength,
        ContentPath("wavetable", "wavetable_sha256"),
        Doc("built-in table, wavetable .wav file, folder of single-cycle files, or 'data': the table of the data"),
    ] = DATA_WAVETABLE
    wavetable_sha256: Annotated[
        str | None, HashLength, Doc("hash of the table, filled in when the config is resolved")
    ] = None

    def table_size(self) -> tuple[int, int]:
        is_file = "/" in self.wavetable or "." in self.wavetable
        return LARGEST_TABLE if is_file else BUILTIN_TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnableWavetableConfig(OscillatorVariant):
    """A wavetable trained jointly with the encoder."""

    is_learned: ClassVar[bool] = True

    kind: Literal["learnable"] = "learnable"
    n_positions: Annotated[int, Interval(ge=2, le=4096), Doc("cycles in the table")] = 16
    table_length: Annotated[int, Interval(ge=8, le=65_536), Unit("samples"), Doc("samples per cycle")] = 1024
    position_noise: Annotated[
        float,
        Interval(ge=0, le=1000),
        Doc("initial standard deviation of the noise on the position logits, faded out during training"),
    ] = 0.33

    def table_size(self) -> tuple[int, int]:
        return self.n_positions, self.table_length


OscillatorConfig = FrozenWavetableConfig | LearnableWavetableConfig
"""Config of an oscillator."""


class FilterVariant(Variant):
    """Base class of the configs of all filters."""

    __slots__ = ()

    def memory_stages(self, samples: float, rows: float) -> Iterator[Stage]:
        """Memory of the parts of the filter, in the order in which they run: a biquad with given coefficients.

        Args:
            samples: Bytes of the sound of a batch.
            rows: Number of modulation frames of the batch.
        """
        yield Stage(kept=2 * samples + 20 * rows * FLOAT, forward=samples, backward=3 * samples)

    def n_weights(self) -> float:
        """Number of weights that are trained."""
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RbjFilterConfig(FilterVariant):
    """White-box resonant low-pass (RBJ cookbook): the curve controls the cutoff, Q is constant within a clip."""

    kind: Literal["rbj"] = "rbj"
    min_cutoff_hz: Annotated[float, Interval(ge=1, le=96_000), Unit("Hz"), Doc("cutoff at curve value 0")] = 100.0
    max_cutoff_hz: Annotated[
        float, Interval(ge=1, le=96_000), Unit("Hz"), Doc("cutoff at curve value 1, limited to 0.45 of the sample rate")
    ] = 8000.0
    min_q: Annotated[float, Interval(ge=0.01, le=1000), Doc("Q at resonance 0")] = 0.7071
    max_q: Annotated[float, Interval(ge=0.01, le=1000), Doc("Q at resonance 1")] = 4.0
    coefficient_shrink: Annotated[
        float,
        Interval(ge=0, lt=1),
        Doc("pole coefficients are multiplied by 1 - coefficient_shrink; the reference has 0.001"),
    ] = 0.0

    def check(self, audio: AudioConfig) -> None:
        highest = min(self.max_cutoff_hz, MAX_CUTOFF_SHARE * audio.sample_rate)
        if not self.min_cutoff_hz < highest:
            raise ConfigError(
                f"filter.min_cutoff_hz must lie below the highest cutoff, {highest:g} Hz (never above "
                f"{MAX_CUTOFF_SHARE} of the sample rate); got {self.min_cutoff_hz:g}; lower it"
            )
        if not self.min_q < self.max_q:
            raise ConfigError(
                f"filter.min_q must be below filter.max_q; got {self.min_q:g} and {self.max_q:g}; lower min_q"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFilterConfig(FilterVariant):
    """A biquad whose five coefficients are learned functions of the curve, inside the stability triangle."""

    kind: Literal["learned"] = "learned"
    epsilon: Annotated[float, Interval(gt=0, lt=1), Doc("margin to the edge of the stability triangle")] = 1e-3
    interpolate: Annotated[Literal["coefficients", "logits"], Doc("quantity interpolated from frames to samples")] = (
        "coefficients"
    )

    def kernels(self) -> Hashable:
        return self.kind, self.interpolate

    def memory_stages(self, samples: float, rows: float) -> Iterator[Stage]:
        yield adapter_stage(N_COEFFICIENTS, rows)
        if self.interpolate == "coefficients":
            yield from FilterVariant.memory_stages(self, samples, rows)
        else:
            yield Stage(kept=40 * samples, forward=20 * samples, backward=20 * samples)

    def n_weights(self) -> float:
        return adapter_weights(N_COEFFICIENTS)


FilterConfig = RbjFilterConfig | LearnedFilterConfig
"""Config of a filter."""


class SynthVariant(Variant):
    """Base class of the configs of all synths."""

    __slots__ = ()

    modulations: ClassVar[tuple[Modulation, ...]]
    """The curves that control the synth, in the order of its input."""
    n_noises: ClassVar[int] = 0
    """Number of signals of noise as long as a clip that it plays."""

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        """Memory of the parts of the synth for a batch of clips, in the order in which they run.

        By default a few signals per modulation; a synth whose tensors are larger states them.
        """
        samples = float(batch) * audio.n_samples * FLOAT
        n_signals = 4 * len(self.modulations)
        yield Stage(kept=n_signals * samples, forward=n_signals * samples, backward=n_signals * samples, result=samples)

    def n_weights(self) -> float:
        """Number of weights that are trained."""
        return 0.0

    def constant_bytes(self) -> float:
        """Bytes of constant tensors, and of what making them needs."""
        return 0.0

    def with_wavetable_of(self: AnySynth, data_wavetable: str | None) -> AnySynth:
        """The config with the placeholder 'data' replaced by the wavetable of the data.

        Args:
            data_wavetable: Name or path of the wavetable of the data; None if they have none.

        Raises:
            ConfigError: the config contains the placeholder, and the data have no wavetable.
        """
        del data_wavetable
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ModSynthConfig(SynthVariant):
    """Wavetable oscillator, time-varying low-pass and amplitude envelope in series."""

    modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "position in the wavetable"),
        Modulation("sub", "cutoff of the low-pass"),
        Modulation("env", "amplitude", is_amplitude=True),
    )

    kind: Literal["mod_synth"] = "mod_synth"
    oscillator: OscillatorConfig = field(default_factory=FrozenWavetableConfig)
    filter: FilterConfig = field(default_factory=RbjFilterConfig)

    def check(self, audio: AudioConfig) -> None:
        self.filter.check(audio)

    def kernels(self) -> Hashable:
        return self.kind, self.oscillator.kernels(), self.filter.kernels()

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        n_cycles, length = self.oscillator.table_size()
        samples, tables = float(batch) * audio.n_samples * FLOAT, float(batch) * n_cycles * length * FLOAT
        yield Stage(
            kept=tables + samples,
            forward=1.5 * tables,
            backward=3 * tables if self.oscillator.is_learned else 0.0,
            result=samples,
        )
        yield from self.filter.memory_stages(samples, float(batch) * audio.n_frames)

    def n_weights(self) -> float:
        n_cycles, length = self.oscillator.table_size()
        oscillator = float(n_cycles) * length + adapter_weights(1) if self.oscillator.is_learned else 0.0
        return oscillator + self.filter.n_weights()

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

    modulations: ClassVar[tuple[Modulation, ...]] = (
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

    def check(self, audio: AudioConfig) -> None:  # noqa: ARG002
        check_noise_filter_size(self.noise_taps, self.n_noise_bands)

    def memory_stages(self, audio: AudioConfig, batch: int) -> Iterator[Stage]:
        samples, rows = float(batch) * audio.n_samples * FLOAT, float(batch) * audio.n_frames
        # Logits, sigmoids, powers and amplitudes; for harmonics also their shares and the products.
        for n_controls, n_kept in ((1 + self.n_harmonics, 7), (self.n_noise_bands, 5)):
            yield adapter_stage(n_controls, rows)
            controls = rows * n_controls * FLOAT
            yield Stage(kept=n_kept * controls, forward=2 * controls, backward=4 * controls, result=controls)
        filters = rows * self.noise_taps * FLOAT
        yield Stage(kept=filters + 6 * samples, forward=2 * samples, backward=filters + 4 * samples)

    def n_weights(self) -> float:
        return adapter_weights(1 + self.n_harmonics) + adapter_weights(self.n_noise_bands)

    def constant_bytes(self) -> float:
        # The impulse responses of the bands, while they are computed.
        n_bands = float(self.n_noise_bands)
        return n_bands * n_bands * (DOUBLE + 4 * DOUBLE) + 3 * n_bands * self.noise_taps * DOUBLE


SynthConfig = ModSynthConfig | EngelConfig
