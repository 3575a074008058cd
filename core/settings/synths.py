"""Settings of the synths, one class per kind.

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
from core.settings.audio import AudioConfig
from core.settings.filters import FilterConfig, LearnedFilterConfig, RbjFilterConfig
from core.settings.memory import DOUBLE, FLOAT, Stage, adapter_stage, adapter_weights
from core.settings.oscillators import (
    DATA_WAVETABLE,
    FrozenWavetableConfig,
    LearnableWavetableConfig,
    OscillatorConfig,
)
from core.settings.variants import Variant

AnySynth = TypeVar("AnySynth", bound="SynthVariant")
"""Any config class of a synth."""


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
    """Wavetable oscillator, time-varying filter and amplitude envelope in series."""

    modulations: ClassVar[tuple[Modulation, ...]] = (
        Modulation("add", "position in the wavetable"),
        Modulation("sub", "cutoff of the filter"),
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
