"""Two-operator FM synth: modulation index (add), a learned filter (sub) and an amplitude envelope (env).

    audio = env * filter(sin(2 pi phase + index sin(2 pi ratio phase)))

The index is the curve `add` times the largest index of the note: that of the config, or less where a sideband at or
above Nyquist would exceed -60 dB (`core.ops.phase_modulation.largest_index`). It is scaled, not clipped, so that every
value of the curve makes a difference at every pitch. Reference: Chowning (1973), "The Synthesis of Complex Audio
Spectra by Means of Frequency Modulation"; in differentiable synthesis Caspe, McPherson, Sandler (2022), "DDX7:
Differentiable FM Synthesis of Musical Instrument Sounds", arXiv 2208.06169.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.phase_modulation import largest_index, modulate_phase
from core.synths.adapters import Adapter, split_controls
from core.synths.base import Synth
from core.synths.filters import LearnedFilter
from core.synths.note import Note


@dataclass(frozen=True, slots=True)
class FmControls:
    """Controls of the modulator, the filter and the envelope at frame rate."""

    index: Float[Tensor, "batch frame"]
    """Modulation index in radians of a note that allows the largest one; `render` lowers it for high notes."""
    filter: Float[Tensor, "batch frame 5"]
    """Logits of the learned filter."""
    amplitude: Float[Tensor, "batch frame"]


class Fm(Synth[FmControls]):
    """A sine whose phase another sine modulates, a learned filter and an envelope."""

    def __init__(
        self,
        ratio: float,
        max_index: float,
        filter_: LearnedFilter,
        sample_rate: int,
        n_samples: int,
        hop_length: int,
        *,
        is_granular: bool = False,
    ) -> None:
        super().__init__()
        self.ratio = ratio
        self.max_index = max_index
        self.sample_rate = sample_rate
        self.n_samples = n_samples
        self.hop_length = hop_length
        self.filter = filter_
        self.sub_adapter = None if is_granular else Adapter(LearnedFilter.n_controls)

    @property
    def control_ranges(self) -> Mapping[str, tuple[float, float]]:
        return {"index": (0.0, self.max_index), "filter": (-math.inf, math.inf), "amplitude": (0.0, 1.0)}

    def controls(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        curriculum: float = 0.0,  # noqa: ARG002  (no curriculum here)
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> FmControls:
        if self.sub_adapter is None:
            add, env = modulation[:, :2].unbind(1)
            (filter_controls,) = split_controls(modulation[:, 2:], LearnedFilter.n_controls)
        else:
            add, sub, env = modulation.unbind(1)
            filter_controls = self.sub_adapter(sub)
        return FmControls(self.max_index * add, filter_controls, env)

    def render(self, controls: FmControls, note: Note) -> Float[Tensor, "batch sample"]:
        allowed = largest_index(note.highest_hz, self.ratio, self.sample_rate).clamp_max(self.max_index)
        index = controls.index * (allowed / self.max_index)[:, None]
        phase = note.phase_of_samples(self.n_samples, self.sample_rate, self.hop_length)
        audio = modulate_phase(index, phase, self.ratio, self.hop_length)
        filtered: Tensor = self.filter(audio, controls.filter, controls.amplitude)
        return filtered
