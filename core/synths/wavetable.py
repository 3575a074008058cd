"""Wavetable oscillators, frozen and learnable."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.sizes import table_read_length
from core.ops.table_read import band_limit, quiet_read_length, read_table, read_table_at


class WavetableOscillator(nn.Module):
    """Reads a frozen or learnable wavetable at a position and pitch."""

    table: Tensor
    """The wavetable, one cycle per position."""
    read_length: int
    """Samples per cycle at which it is read: more than it has where a linear read of these would alias."""

    def __init__(
        self, table: Float[Tensor, "position sample"], sample_rate: int, hop_length: int, *, learnable: bool = False
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        if learnable:
            self.table = nn.Parameter(table)
            self.read_length = table_read_length(table.shape[1], sample_rate)
        else:
            self.register_buffer("table", table, persistent=False)
            self.read_length = quiet_read_length(table, sample_rate)

    def forward(
        self,
        position: Float[Tensor, "batch frame"],
        f0_hz: Float[Tensor, " batch"],
        phase: Float[Tensor, " batch"],
        n_samples: int,
    ) -> Float[Tensor, "batch {n_samples}"]:
        """Audio at a constant pitch while the position moves through the band-limited table.

        Args:
            position: In 0..1.
            f0_hz: Pitch of each clip.
            phase: Start phase in cycles, 0..1.
            n_samples: Samples in a clip.
        """
        tables = band_limit(self.table, f0_hz, self.sample_rate, self.read_length)
        return read_table(tables, position, f0_hz, phase, n_samples, self.sample_rate, self.hop_length)

    def at_phase(
        self,
        position: Float[Tensor, "batch frame"],
        phase: Float[Tensor, "batch sample"],
        highest_hz: Float[Tensor, " batch"],
    ) -> Float[Tensor, "batch sample"]:
        """Audio at a given phase of each sample, for a pitch that moves.

        Args:
            position: In 0..1.
            phase: In cycles, as float64.
            highest_hz: Highest pitch of each clip, for which its table is band-limited.
        """
        tables = band_limit(self.table, highest_hz, self.sample_rate, self.read_length)
        return read_table_at(tables, position, phase, self.hop_length)


class LearnableWavetable(WavetableOscillator):
    """Oscillator whose wavetable is trained, starting from faint noise, N(0, 0.01^2)."""

    def __init__(self, n_positions: int, table_length: int, sample_rate: int, hop_length: int) -> None:
        super().__init__(torch.empty(n_positions, table_length), sample_rate, hop_length, learnable=True)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table from N(0, 0.01^2)."""
        nn.init.normal_(self.table, std=0.01)
