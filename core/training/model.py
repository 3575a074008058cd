"""Model of a trial: an encoder or baseline that provides the modulation curves, and the synth they control."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.encoder.build import build_encoder
from core.encoder.lfo_net import LfoNet
from core.parameterizations.base import Baseline, Parameterization
from core.parameterizations.build import build_parameterization
from core.seeding import initialise
from core.settings.trial import TrialConfig
from core.synths.base import Synth
from core.synths.build import build_synth
from core.synths.note import Note
from core.wavetables.turns import with_wavetable_of_seed

Draws = torch.Generator | Sequence[torch.Generator]
"""Source of random curves on the CPU: one per batch, or one per clip, whose curves then do not depend on the others."""


class EncodedCurves(nn.Module):
    """Modulation curves predicted from the sound by an encoder and a parameterization.

    For a granular synth they are followed by its free controls, which the encoder predicts frame by frame.
    """

    def __init__(self, encoder: LfoNet, parameterization: Parameterization, *, is_granular: bool = False) -> None:
        super().__init__()
        self.is_granular = is_granular
        self.encoder = encoder
        self.parameterization = parameterization

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        curriculum: float = 0.0,
        draws: Draws | None = None,  # noqa: ARG002  (for baselines)
    ) -> Float[Tensor, "batch channel frame"]:
        """Curves in 0..1, and the free controls of a granular synth."""
        curves: Tensor
        if not self.is_granular:
            curves = self.parameterization(self.encoder(audio), curriculum)
            return curves
        logits, controls = self.encoder.with_controls(audio)
        curves = self.parameterization(logits, curriculum)
        return torch.cat([curves, controls], 1)


class BaselineCurves(nn.Module):
    """Modulation curves of a baseline, which do not depend on the sound."""

    def __init__(self, baseline: Baseline, n_modulations: int) -> None:
        super().__init__()
        self.baseline = baseline
        self.n_modulations = n_modulations

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        curriculum: float = 0.0,  # noqa: ARG002  (for encoders)
        draws: Draws | None = None,
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1; of the audio only batch size, device and dtype are used."""
        if draws is None:
            raise ValueError("curves of a baseline are drawn from a generator; give forward one")
        if isinstance(draws, torch.Generator):
            curves: Tensor = self.baseline(audio.shape[0], self.n_modulations, draws)
        else:
            curves = torch.cat([self.baseline(1, self.n_modulations, draw) for draw in draws])
        return curves.to(audio, non_blocking=True)


class DiscoveryModel(nn.Module):
    """Model from sound to modulation curves, by an encoder or a baseline, and from these to sound, by a synth."""

    def __init__(self, curves: EncodedCurves | BaselineCurves, synth: Synth[Any], n_modulations: int) -> None:
        super().__init__()
        self.n_modulations = n_modulations
        self.curves = curves
        self.synth = synth

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        note: Note,
        curriculum: float = 0.0,
        draws: Draws | None = None,
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch modulation frame"]]:
        """The estimated sound and the recovered curves in 0..1.

        Args:
            audio: The target.
            note: Pitch, resonance, phase and noise for the synth.
            curriculum: Strength of the training curriculum, from 1 to 0; it is 0 in evaluation.
            draws: Source of the curves of random baselines and, if it is one generator, of the curriculum's noise.
        """
        modulation = self.curves(audio, curriculum, draws)
        generator = draws if isinstance(draws, torch.Generator) else None
        return self.synth(modulation, note, curriculum, generator), modulation[:, : self.n_modulations]


def build_model(config: TrialConfig) -> DiscoveryModel:
    """The model of a resolved config; modules that two configs share get the same initial weights for the same seed."""
    config = with_wavetable_of_seed(config)
    synth = build_synth(config.synth, config.audio)
    model = DiscoveryModel(_build_curves(config), synth, len(config.synth.modulations))
    initialise(model, config.seed)
    return model


def _build_curves(config: TrialConfig) -> EncodedCurves | BaselineCurves:
    n_modulations = len(config.synth.modulations)
    parameterization = build_parameterization(config.parameterization, config.audio)
    if isinstance(parameterization, Baseline):
        return BaselineCurves(parameterization, n_modulations)
    free_controls = config.synth.free_controls
    encoder = build_encoder(config.encoder, config.audio, parameterization, n_modulations, free_controls)
    return EncodedCurves(encoder, parameterization, is_granular=bool(free_controls))
