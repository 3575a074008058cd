"""The adapters of the stock synths: one batched product per layer."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class StockAdapter(nn.Module):
    """A small network per control over (curve value, time), all of them in one batched product."""

    def __init__(self, n_controls: int) -> None:
        super().__init__()
        hidden = (2 + n_controls) // 2
        self.layers = nn.ModuleList(
            _ParallelLinear(n_controls, n_in, n_out) for n_in, n_out in ((2, hidden), (hidden, hidden), (hidden, 1))
        )
        self.slopes = nn.ModuleList([nn.PReLU(n_controls), nn.PReLU(n_controls)])

    def forward(self, curve: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame control"]:
        time = torch.linspace(0, 1, curve.shape[1], dtype=curve.dtype).expand_as(curve)
        x = torch.stack([curve, time], -1).flatten(0, 1)
        # PReLU has its channels, here the controls, in the second dimension.
        for layer, slope in zip(self.layers, self.slopes, strict=False):
            x = slope(layer(x).transpose(0, 1)).transpose(0, 1)
        controls: Tensor = self.layers[2](x)[..., 0]
        return torch.unflatten(controls.t(), 0, curve.shape)


class _ParallelLinear(nn.Module):
    def __init__(self, n_parallel: int, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(n_in)
        self.weight = nn.Parameter(torch.empty(n_parallel, n_in, n_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_parallel, 1, n_out).uniform_(-bound, bound))

    def forward(self, x: Float[Tensor, "*control row n_in"]) -> Float[Tensor, "control row n_out"]:
        return x @ self.weight + self.bias
