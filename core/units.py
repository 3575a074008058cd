"""Maps between the unit range 0..1 of a modulation and physical units."""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LogRange:
    """Equal steps of the unit range are equal ratios of the quantity, as ears hear frequency and Q."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"a logarithmic range needs 0 < low < high; got low={self.low:g}, high={self.high:g}")

    def from_unit(self, unit: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return self.low * (unit * math.log(self.high / self.low)).exp()

    def to_unit(self, value: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return (value / self.low).log() / math.log(self.high / self.low)
