"""Settings of the filters of the Mod. Synth, one class per kind."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.errors import ConfigError
from core.settings.audio import AudioConfig
from core.settings.memory import FLOAT, Stage, adapter_stage, adapter_weights
from core.settings.variants import Variant

MAX_CUTOFF_SHARE = 0.45
"""Highest cutoff of the white-box filter as a share of the sample rate; at 0.5 its poles reach the unit circle."""
N_COEFFICIENTS = 5
"""Coefficients of a biquad."""
FilterResponse = Literal["low_pass", "high_pass", "band_pass", "notch"]
"""Kinds of a white-box filter."""


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
    """White-box resonant filter (RBJ cookbook): the curve controls the cutoff, Q is constant within a clip."""

    kind: Literal["rbj"] = "rbj"
    response: Annotated[
        FilterResponse,
        Doc(
            "what it passes: frequencies below the cutoff, above it, around it (with a gain of 1 there), or all but "
            "those around it"
        ),
    ] = "low_pass"
    min_cutoff_hz: Annotated[float, Interval(ge=1, le=96_000), Unit("Hz"), Doc("cutoff or centre at curve value 0")] = (
        100.0
    )
    max_cutoff_hz: Annotated[
        float,
        Interval(ge=1, le=96_000),
        Unit("Hz"),
        Doc("cutoff or centre at curve value 1, limited to 0.45 of the sample rate"),
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
    """A filter of second order whose five coefficients are learned functions of the curve, with stable poles."""

    kind: Literal["learned"] = "learned"
    structure: Annotated[
        Literal["ladder", "direct"],
        Doc(
            "'ladder': a normalised ladder, bounded however fast its poles move; 'direct': the reference's biquad, "
            "which may grow without bound where they swap"
        ),
    ] = "ladder"
    epsilon: Annotated[float, Interval(gt=0, lt=1), Doc("margin to the edge of the stable region")] = 1e-3
    interpolate: Annotated[Literal["coefficients", "logits"], Doc("quantity interpolated from frames to samples")] = (
        "coefficients"
    )

    def kernels(self) -> Hashable:
        return self.kind, self.structure, self.interpolate

    def memory_stages(self, samples: float, rows: float) -> Iterator[Stage]:
        yield adapter_stage(N_COEFFICIENTS, rows)
        if self.interpolate == "logits":
            yield Stage(kept=40 * samples, forward=20 * samples, backward=20 * samples)
        elif self.structure == "ladder":
            yield Stage(kept=3 * samples + 20 * rows * FLOAT, forward=samples, backward=3 * samples)
        else:
            yield from FilterVariant.memory_stages(self, samples, rows)

    def n_weights(self) -> float:
        return adapter_weights(N_COEFFICIENTS)


FilterConfig = RbjFilterConfig | LearnedFilterConfig
"""Config of a filter."""
