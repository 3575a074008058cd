"""Differentiable wavetable synth: a weighted sum of learned tables (add), a learned filter (sub) and an envelope (env).

    audio = env * filter(sum_k softmax(logits)_k table_k[phase])

All tables are read at the same phase; an adapter maps the curve `add` to one logit per table, another one maps `sub` to
the coefficients of the filter. In a granular synth these logits are inputs instead. Reference: Shan et al. (2022),
"Differentiable Wavetable Synthesis", arXiv 2111.10003, with the adapters of Mitcheltree, Tan, Reiss (2025), arXiv
2510.06204.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.sizes import table_read_length
from core.ops.table_mix import mix_tables
from core.ops.table_read import band_limit
from core.synths.adapters import Adapter, split_controls
from core.synths.base import Synth
from core.synths.filters import LearnedFilter
from core.synths.note import Note


@dataclass(frozen=True, slots=True)
class ShanControls:
    """Controls of the mix, the filter and the envelope at frame rate."""

    weights: Float[Tensor, "batch frame table"]
    """Weight of each table; they sum to 1."""
    filter: Float[Tensor, "batch frame 5"]
    """Logits of the learned filter."""
    amplitude: Float[Tensor, "batch frame"]


class Shan(Synth[ShanControls]):
    """Learned tables mixed by a curve, a learned filter and an envelope."""

    def __init__(
        self,
        n_tables: int,
        table_length: int,
        filter_: LearnedFilter,
        sample_rate: int,
        n_samples: int,
        hop_length: int,
        *,
        is_granular: bool = False,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.n_samples = n_samples
        self.hop_length = hop_length
        self.read_length = table_read_length(table_length, sample_rate)
        self.tables = LearnedTables(n_tables, table_length)
        self.filter = filter_
        self.add_adapter = None if is_granular else Adapter(n_tables)
        self.sub_adapter = None if is_granular else Adapter(LearnedFilter.n_controls)

    @property
    def control_ranges(self) -> Mapping[str, tuple[float, float]]:
        return {"weights": (0.0, 1.0), "filter": (-math.inf, math.inf), "amplitude": (0.0, 1.0)}

    def controls(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        curriculum: float = 0.0,  # noqa: ARG002  (no curriculum here)
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> ShanControls:
        if self.add_adapter is None or self.sub_adapter is None:
            env, n_tables = modulation[:, 0], len(self.tables.table)
            logits, filter_controls = split_controls(modulation[:, 1:], n_tables, LearnedFilter.n_controls)
        else:
            add, sub, env = modulation.unbind(1)
            logits, filter_controls = self.add_adapter(add), self.sub_adapter(sub)
        return ShanControls(torch.softmax(logits, -1), filter_controls, env)

    def render(self, controls: ShanControls, note: Note) -> Float[Tensor, "batch sample"]:
        tables = band_limit(self.tables.table, note.highest_hz, self.sample_rate, self.read_length)
        phase = note.phase_of_samples(self.n_samples, self.sample_rate, self.hop_length)
        audio = mix_tables(tables, controls.weights, phase, self.hop_length)
        filtered: Tensor = self.filter(audio, controls.filter, controls.amplitude)
        return filtered

    def sound_parameters(self) -> list[nn.Parameter]:
        return [self.tables.table]


class LearnedTables(nn.Module):
    """Single-cycle waveforms that are trained, starting from faint noise, N(0, 0.01^2)."""

    def __init__(self, n_tables: int, length: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(n_tables, length))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the tables from N(0, 0.01^2)."""
        nn.init.normal_(self.table, std=0.01)
