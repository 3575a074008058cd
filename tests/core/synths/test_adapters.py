"""Adapters: parallel networks equal single ones."""

from typing import cast

import torch

from core.seeding import generator
from core.synths.adapters import Adapter, ParallelLinear


def test_adapter_equals_its_networks_one_by_one() -> None:
    adapter = Adapter(5)
    slopes = [cast("torch.nn.PReLU", slope).weight for slope in adapter.slopes]
    for slope in slopes:
        assert slope.tolist() == [0.25] * 5
        torch.nn.init.uniform_(slope, -0.5, 0.5, generator=generator(0, "slopes"))
    curve = torch.rand(2, 9, generator=generator(0, "curve"))
    together = adapter(curve)
    inputs = torch.stack([curve, torch.linspace(0, 1, 9).expand(2, -1)], -1)
    for control in range(5):
        x = inputs
        for i, layer in enumerate(cast("list[ParallelLinear]", adapter.layers)):
            x = x @ layer.weight[control] + layer.bias[control]
            if i < 2:
                x = torch.where(x > 0, x, slopes[i][control] * x)
        torch.testing.assert_close(together[..., control], x[..., 0])
