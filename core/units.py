"""Maps from the unit range 0..1 of a modulation to physical units."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LogRange:
    """Logarithmic range of a quantity: equal steps in 0..1 are equal ratios, as suits frequency and Q."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"a logarithmic range needs 0 < low < high; got low={self.low:g}, high={self.high:g}")

    def from_unit(self, unit: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The quantity at a value in 0..1, low (high / low)^unit."""
        return self.low * (unit * math.log(self.high / self.low)).exp()


def cents(deviation: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The ratio of frequencies of an interval in cents, hundredths of a semitone."""
    return torch.exp2(deviation / 1200)
