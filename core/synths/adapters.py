"""Adapters: one modulation curve to the D controls of a learned module.

One small network per control, fed the curve's value and the time in 0..1: linear, PReLU, linear, PReLU, linear, hidden
size (2 + D) // 2. All D networks run as one batched product. Reference: Mitcheltree, Tan, Reiss (2025), arXiv
2510.06204.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Adapter(nn.Module):
    """D independent networks over (curve value, time)."""

    def __init__(self, n_controls: int) -> None:
        super().__init__()
        hidden = (2 + n_controls) // 2
        self.layers = nn.ModuleList(
            ParallelLinear(n_controls, n_in, n_out) for n_in, n_out in ((2, hidden), (hidden, hidden), (hidden, 1))
        )
        self.slopes = nn.ModuleList(nn.PReLU() for _ in range(2))

    def forward(self, curve: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame control"]:
        batch, n_frames = curve.shape
        time = torch.linspace(0, 1, n_frames, dtype=curve.dtype, device=curve.device).expand(batch, -1)
        x = torch.stack([curve, time], -1).view(1, batch * n_frames, 2)
        for layer, slope in zip(self.layers, [*self.slopes, nn.Identity()], strict=True):
            x = slope(layer(x))
        return x[..., 0].t().view(batch, n_frames, -1)


class ParallelLinear(nn.Module):
    """One linear layer per control, initialised like torch's own."""

    def __init__(self, n_parallel: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_parallel, n_in, n_out))
        self.bias = nn.Parameter(torch.empty(n_parallel, 1, n_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1 / math.sqrt(self.weight.shape[1])
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Float[Tensor, "_ row n_in"]) -> Float[Tensor, "control row n_out"]:
        return torch.matmul(x, self.weight) + self.bias
