"""Settings of the samplers, one class per kind.

To add a sampler, add its config class to `SamplerConfig`, its module to `search_spaces/samplers` and its case to
`search_spaces/samplers/build.py`.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Interval, MaxLen
from typing_extensions import Doc

from core.settings.annotations import SeedRange
from search_spaces.limits import MAX_ENTRIES, MAX_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSamplerConfig:
    """Independent uniform draws from each dimension."""

    kind: Literal["random"] = "random"
    seed: Annotated[int, SeedRange, Doc("seed of the points")] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuasiRandomSamplerConfig:
    """A scrambled sequence that fills the space evenly."""

    kind: Literal["quasi_random"] = "quasi_random"
    seed: Annotated[int, SeedRange, Doc("scrambles the sequence")] = 0
    sequence: Annotated[Literal["sobol", "halton"], Doc("which sequence")] = "sobol"


@dataclass(frozen=True, slots=True, kw_only=True)
class TpeSamplerConfig:
    """Multivariate tree-structured Parzen estimator."""

    kind: Literal["tpe"] = "tpe"
    seed: Annotated[int, SeedRange, Doc("seed of the points")] = 0
    n_startup: Annotated[
        int, Interval(ge=1, le=100_000), Doc("results before the first modelled point; until then quasi-random")
    ] = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Nsga2SamplerConfig:
    """Genetic algorithm NSGA-II, a generation per round."""

    kind: Literal["nsga2"] = "nsga2"
    seed: Annotated[int, SeedRange, Doc("seed of the points")] = 0
    population_size: Annotated[int, Interval(ge=2, le=10_000), Doc("points of a generation")] = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianProcessSamplerConfig:
    """Gaussian processes with expected hypervolume improvement."""

    kind: Literal["gp"] = "gp"
    seed: Annotated[int, SeedRange, Doc("seed of the points")] = 0
    n_startup: Annotated[
        int, Interval(ge=1, le=100_000), Doc("results before the first modelled point; until then quasi-random")
    ] = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomSamplerConfig:
    """A sampler of your own, called as `Class(seed=..., **options)`."""

    kind: Literal["custom"] = "custom"
    path: Annotated[str, MaxLen(MAX_TEXT), Doc('its class, a subclass of `Sampler`, as "package.module:Class"')]
    seed: Annotated[int, SeedRange, Doc("seed of the points")] = 0
    options: Annotated[dict[str, Any], MaxLen(MAX_ENTRIES), Doc("further arguments of the class")] = field(
        default_factory=dict
    )


SamplerConfig = (
    RandomSamplerConfig
    | QuasiRandomSamplerConfig
    | TpeSamplerConfig
    | Nsga2SamplerConfig
    | GaussianProcessSamplerConfig
    | CustomSamplerConfig
)
