"""Adapters: small networks from one modulation curve to the controls of a learned module."""

import math
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.adapters import adapt


class Adapter(nn.Module):
    """One small MLP per control, with PReLU slopes of its own, from curve value and time to the control."""

    def __init__(self, n_controls: int) -> None:
        super().__init__()
        hidden = (2 + n_controls) // 2
        self.layers = nn.ModuleList(
            ParallelLinear(n_controls, n_in, n_out) for n_in, n_out in ((2, hidden), (hidden, hidden), (hidden, 1))
        )
        self.slopes = nn.ModuleList(nn.PReLU(n_controls) for _ in range(2))

    def forward(self, curve: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame control"]:
        """The controls at each frame, unbounded."""
        first, middle, last = cast("list[ParallelLinear]", self.layers)
        slope1, slope2 = cast("list[nn.PReLU]", self.slopes)
        return adapt(
            curve,
            first.weight,
            first.bias,
            slope1.weight,
            middle.weight,
            middle.bias,
            slope2.weight,
            last.weight,
            last.bias,
        )


def split_controls(channels: Float[Tensor, "batch channel frame"], *sizes: int) -> tuple[Tensor, ...]:
    """The inputs of a granular synth behind its curves, as `(batch, frame, size)` for each module in its order."""
    return torch.split(channels.transpose(1, 2), list(sizes), -1)


class ParallelLinear(nn.Module):
    """Weights of one linear layer per control, initialised as in `torch.nn.Linear`."""

    def __init__(self, n_parallel: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_parallel, n_in, n_out))
        self.bias = nn.Parameter(torch.empty(n_parallel, 1, n_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and biases uniformly within +-1 / sqrt(n_in)."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)
