"""Wavetable oscillators, frozen and learnable."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.table_read import band_limit, read_table


class WavetableOscillator(nn.Module):
    """Plays a frozen or learnable table."""

    table: Tensor

    def __init__(
        self, table: Float[Tensor, "position sample"], sample_rate: int, hop_length: int, *, learnable: bool = False
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        if learnable:
            self.table = nn.Parameter(table)
        else:
            self.register_buffer("table", table, persistent=False)

    def forward(
        self,
        position: Float[Tensor, "batch frame"],
        f0_hz: Float[Tensor, " batch"],
        phase: Float[Tensor, " batch"],
        n_samples: int,
    ) -> Float[Tensor, "batch {n_samples}"]:
        tables = band_limit(self.table, f0_hz, self.sample_rate)
        return read_table(tables, position, f0_hz, phase, n_samples, self.sample_rate, self.hop_length)


class LearnableWavetable(WavetableOscillator):
    """A table that starts as faint noise, N(0, 0.01^2), and is trained."""

    def __init__(self, n_positions: int, table_length: int, sample_rate: int, hop_length: int) -> None:
        super().__init__(torch.empty(n_positions, table_length), sample_rate, hop_length, learnable=True)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.table, std=0.01)
