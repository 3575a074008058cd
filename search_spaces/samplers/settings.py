"""Settings of the samplers, one class per kind.

To add a sampler, add its config class to `SamplerConfig`, its module to `search_spaces/samplers` and its case to
`search_spaces/samplers/build.py`.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge
from typing_extensions import Doc


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSamplerConfig:
    """Independent uniform draws from each dimension."""

    kind: Literal["random"] = "random"
    seed: Annotated[int, Ge(0), Doc("seed of the points")] = 0


SamplerConfig = RandomSamplerConfig
