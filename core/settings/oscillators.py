"""Settings of the oscillators of the Mod. Synth, one class per kind."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.ops.sizes import size_at_rate, table_read_length
from core.settings.annotations import ContentPath, HashLength, PathLength
from core.settings.audio import AudioConfig
from core.settings.variants import Variant

DATA_WAVETABLE = "data"
"""Placeholder for the wavetable of the synthetic data, replaced when the config is resolved."""
IN_TURN = "in_turn"
"""Name of the built-in wavetables in turn: the trial with seed k has the one with number k, counted in circles."""
LARGEST_TABLE = (256, 2048)
"""Cycles, and samples per cycle, that are assumed of a wavetable in a file, as synths write them."""
BUILTIN_TABLE = (64, 1024)
"""Cycles, and samples per cycle, of the built-in wavetables."""


class OscillatorVariant(Variant):
    """Base class of the configs of all oscillators."""

    __slots__ = ()

    is_learned: ClassVar[bool] = False
    """Whether the wavetable is trained."""

    def table_size(self) -> tuple[int, int]:
        """Cycles of the wavetable and samples per cycle; an assumption if they are only known when it is read."""
        return BUILTIN_TABLE

    def read_length(self, audio: AudioConfig) -> int:  # noqa: ARG002
        """Samples per cycle at which the table is read; an assumption if they are only known when it is read."""
        return self.table_size()[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenWavetableConfig(OscillatorVariant):
    """A given wavetable that is not trained."""

    kind: Literal["frozen"] = "frozen"
    wavetable: Annotated[
        str,
        PathLength,
        ContentPath("wavetable", "wavetable_sha256"),
        Doc("built-in table, 'in_turn' (one by the seed), .wav file, folder of cycles, or 'data' (that of the data)"),
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
        Doc("initial standard deviation of the noise on the position's logit, faded out during training"),
    ] = 0.33

    def table_size(self) -> tuple[int, int]:
        return self.n_positions, self.table_length

    def at_rate(self, sample_rate: int, from_rate: int) -> "LearnableWavetableConfig":
        # So that its highest harmonic reaches as near to half of the sample rate.
        return replace(self, table_length=size_at_rate(self.table_length, sample_rate, from_rate))

    def read_length(self, audio: AudioConfig) -> int:
        return table_read_length(self.table_length, audio.sample_rate)


OscillatorConfig = FrozenWavetableConfig | LearnableWavetableConfig
"""Config of an oscillator."""
