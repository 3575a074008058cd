"""Mod. Synth: wavetable oscillator (add) -> time-varying filter (sub) -> amplitude envelope (env).

White box: a frozen table and an RBJ filter. Grey box: a learnable table and a learned filter. In both the curve
itself is the position in the table, and only the learned filter has an adapter: an adapter for one control would have a
single hidden unit, which easily ends up constant and cuts the curve off from the sound. Reference: Mitcheltree, Tan,
Reiss (2025), arXiv 2510.06204.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.synths.adapters import Adapter, split_controls
from core.synths.base import Synth
from core.synths.filters import LearnedFilter, RbjFilter
from core.synths.note import Note
from core.synths.wavetable import WavetableOscillator


@dataclass(frozen=True, slots=True)
class ModSynthControls:
    """Controls of oscillator, filter and envelope at frame rate."""

    position: Float[Tensor, "batch frame"]
    """Position in the wavetable, 0..1."""
    filter: Float[Tensor, "batch frame"] | Float[Tensor, "batch frame 5"]
    """Cutoff in Hz (white box), or logits of the learned filter (grey box)."""
    amplitude: Float[Tensor, "batch frame"]


class ModSynth(Synth[ModSynthControls]):
    """Oscillator, filter and envelope in series; the learned filter is controlled through an adapter."""

    def __init__(
        self,
        oscillator: WavetableOscillator,
        filter_: RbjFilter | LearnedFilter,
        n_samples: int,
        hop_length: int,
        position_noise: float = 0.0,
        *,
        is_granular: bool = False,
    ) -> None:
        super().__init__()
        self.oscillator = oscillator
        self.filter = filter_
        self.n_samples = n_samples
        self.hop_length = hop_length
        self.position_noise = position_noise
        self.is_granular = is_granular
        has_adapter = isinstance(filter_, LearnedFilter) and not is_granular
        self.sub_adapter = Adapter(LearnedFilter.n_controls) if has_adapter else None

    @property
    def control_ranges(self) -> Mapping[str, tuple[float, float]]:
        filter_range = (-math.inf, math.inf)
        if isinstance(self.filter, RbjFilter):
            filter_range = self.filter.cutoff.low, self.filter.cutoff.high
        return {"position": (0.0, 1.0), "filter": filter_range, "amplitude": (0.0, 1.0)}

    def controls(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> ModSynthControls:
        filter_controls: Tensor
        if self.is_granular:
            add, env = modulation[:, :2].unbind(1)
            (filter_controls,) = split_controls(modulation[:, 2:], LearnedFilter.n_controls)
        else:
            add, sub, env = modulation.unbind(1)
            filter_controls = self._filter_controls(sub)
        position = add
        if curriculum > 0 and self.position_noise > 0:
            noise = torch.randn(add.shape, generator=generator).to(add, non_blocking=True)
            position = shift_logit(add, self.position_noise * curriculum * noise)
        return ModSynthControls(position, filter_controls, env)

    def _filter_controls(self, sub: Float[Tensor, "batch frame"]) -> Tensor:
        if self.sub_adapter is not None:
            logits: Tensor = self.sub_adapter(sub)
            return logits
        assert isinstance(self.filter, RbjFilter)
        return self.filter.cutoff.from_unit(sub)

    def render(self, controls: ModSynthControls, note: Note) -> Float[Tensor, "batch sample"]:
        audio: Tensor
        if note.bend is None:
            audio = self.oscillator(controls.position, note.f0_hz, note.phase, self.n_samples)
        else:
            phase = note.phase_of_samples(self.n_samples, self.oscillator.sample_rate, self.hop_length)
            audio = self.oscillator.at_phase(controls.position, phase, note.highest_hz)
        if isinstance(self.filter, RbjFilter):
            audio = self.filter(audio, controls.filter, self.filter.q.from_unit(note.q), controls.amplitude)
        else:
            audio = self.filter(audio, controls.filter, controls.amplitude)
        return audio

    def sound_parameters(self) -> list[nn.Parameter]:
        return list(self.oscillator.parameters())


def shift_logit(
    value: Float[Tensor, "batch frame"], shift: Float[Tensor, "batch frame"]
) -> Float[Tensor, "batch frame"]:
    """sigmoid(logit(value) + shift), written so that 0 and 1 stay as they are and have finite gradients."""
    return value / (value + (1 - value) * torch.exp(-shift))
