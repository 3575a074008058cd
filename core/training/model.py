"""Model of a trial: an encoder or baseline that provides the modulation curves, and the synth they control."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

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

Phase = Literal["training", "selection", "results"]
"""What curves are for: a training step, the validation loss that selects the checkpoint, or the results of a trial."""


@dataclass(frozen=True, slots=True)
class EstimatedCurves:
    """Modulation curves of a batch of clips."""

    modulation: Float[Tensor, "batch modulation frame"]
    """The curves in 0..1."""
    numbers: Float[Tensor, "batch modulation"]
    """Numbers that a person would have to edit to draw each curve; NaN if nothing describes it."""
    penalty: Float[Tensor, ""]
    """What the parameterization adds to the training loss."""
    controls: Float[Tensor, "batch control frame"] | None = None
    """Free controls of a granular synth; None for others."""

    @property
    def inputs(self) -> Float[Tensor, "batch channel frame"]:
        """The inputs of the synth: the curves, followed by the free controls."""
        return self.modulation if self.controls is None else torch.cat([self.modulation, self.controls], 1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Sound and modulation curves that a model estimates for a batch of clips."""

    audio: Float[Tensor, "batch sample"]
    curves: EstimatedCurves

    @property
    def results(self) -> tuple[Tensor, Tensor, Tensor]:
        """What depends on the clips: sounds, curves, and the numbers that describe each curve."""
        return self.audio, self.curves.modulation, self.curves.numbers


def joined(estimates: Sequence[Estimate]) -> Estimate:
    """The estimates of all clips of some batches, with the mean of their penalties."""
    curves = [estimate.curves for estimate in estimates]
    controls = [each.controls for each in curves if each.controls is not None]
    return Estimate(
        audio=torch.cat([estimate.audio for estimate in estimates]),
        curves=EstimatedCurves(
            modulation=torch.cat([each.modulation for each in curves]),
            numbers=torch.cat([each.numbers for each in curves]),
            penalty=torch.stack([each.penalty for each in curves]).mean(),
            controls=torch.cat(controls) if controls else None,
        ),
    )


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
        draws: Draws | None = None,
        phase: Phase = "results",
        true_curves: Float[Tensor, "batch modulation frame"] | None = None,  # noqa: ARG002  (for the oracle)
    ) -> EstimatedCurves:
        """The curves; only in training they have noise, where the parameterization has any."""
        noise = draws if phase == "training" and isinstance(draws, torch.Generator) else None
        return self.curves(*self.logits(audio), curriculum, noise)

    def logits(
        self, audio: Float[Tensor, "batch sample"]
    ) -> tuple[Float[Tensor, "batch modulation token output"], Float[Tensor, "batch control frame"] | None]:
        """The encoder's logits of the curves, and the free controls of a granular synth; None for others."""
        return self.encoder.with_controls(audio) if self.is_granular else (self.encoder(audio), None)

    def curves(
        self,
        logits: Float[Tensor, "batch modulation token output"],
        controls: Float[Tensor, "batch control frame"] | None,
        curriculum: float = 0.0,
        noise: torch.Generator | None = None,
    ) -> EstimatedCurves:
        """The curves of logits."""
        return EstimatedCurves(
            modulation=self.parameterization(logits, curriculum, noise),
            numbers=self.parameterization.numbers(logits),
            penalty=self.parameterization.penalty(logits, curriculum),
            controls=controls,
        )


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
        phase: Phase = "results",  # noqa: ARG002  (the curves are the same in all)
        true_curves: Float[Tensor, "batch modulation frame"] | None = None,
    ) -> EstimatedCurves:
        """The curves; of the audio only batch size, device and dtype are used."""
        if draws is None:
            raise ValueError("curves of a baseline are drawn from a generator; give forward one")
        batch = audio.shape[0]
        if isinstance(draws, torch.Generator):
            curves: Tensor = self.baseline(batch, self.n_modulations, draws, true_curves)
        else:
            truths = [None] * batch if true_curves is None else [truth[None] for truth in true_curves]
            pairs = zip(draws, truths, strict=True)
            curves = torch.cat([self.baseline(1, self.n_modulations, draw, truth) for draw, truth in pairs])
        return EstimatedCurves(
            modulation=curves.to(audio, non_blocking=True),
            numbers=audio.new_full((batch, self.n_modulations), self.baseline.n_numbers),
            penalty=audio.new_zeros(()),
        )


class SubstitutedCurves(EncodedCurves):
    """Curves of an encoder with which a synth is trained, replaced by those of a baseline in the results.

    The baseline then tells what the trained synth makes of curves that do not depend on the sound. Reference: the
    random-spline baseline of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
    """

    def __init__(self, encoder: LfoNet, parameterization: Parameterization, baseline: BaselineCurves) -> None:
        super().__init__(encoder, parameterization)
        self.substitute = baseline

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        curriculum: float = 0.0,
        draws: Draws | None = None,
        phase: Phase = "results",
        true_curves: Float[Tensor, "batch modulation frame"] | None = None,
    ) -> EstimatedCurves:
        """The baseline's curves in the results, else the encoder's."""
        if phase != "results":
            return super().forward(audio, curriculum, draws, phase, true_curves)
        curves: EstimatedCurves = self.substitute(audio, curriculum, draws, phase, true_curves)
        return curves


class DiscoveryModel(nn.Module):
    """Model from sound to modulation curves, by an encoder or a baseline, and from these to sound, by a synth."""

    def __init__(self, curves: EncodedCurves | BaselineCurves, synth: Synth[Any]) -> None:
        super().__init__()
        self.curves = curves
        self.synth = synth

    def forward(
        self,
        audio: Float[Tensor, "batch sample"],
        note: Note,
        curriculum: float = 0.0,
        draws: Draws | None = None,
        phase: Phase = "results",
        true_curves: Float[Tensor, "batch modulation frame"] | None = None,
    ) -> Estimate:
        """The estimated sound and the recovered curves.

        Args:
            audio: The target.
            note: Pitch, resonance, phase and noise for the synth.
            curriculum: Strength of the training curriculum, from 1 to 0; it is 0 in evaluation.
            draws: Source of the curves of random baselines and, if it is one generator, of noise in training.
            phase: What the estimate is for.
            true_curves: The true curves of the synth's modulations, for an oracle.
        """
        curves: EstimatedCurves = self.curves(audio, curriculum, draws, phase, true_curves)
        generator = draws if isinstance(draws, torch.Generator) else None
        return Estimate(self.synth(curves.inputs, note, curriculum, generator), curves)


def build_model(config: TrialConfig) -> DiscoveryModel:
    """The model of a resolved config; modules that two configs share get the same initial weights for the same seed."""
    config = with_wavetable_of_seed(config)
    model = DiscoveryModel(_build_curves(config), build_synth(config.synth, config.audio))
    initialise(model, config.seed)
    return model


def _build_curves(config: TrialConfig) -> EncodedCurves | BaselineCurves:
    n_modulations = len(config.synth.modulations)
    built = build_parameterization(config.parameterization, config.audio)
    baseline = BaselineCurves(built, n_modulations) if isinstance(built, Baseline) else None
    if config.encoded is None:
        assert baseline is not None
        return baseline
    parameterization = build_parameterization(config.encoded, config.audio)
    assert isinstance(parameterization, Parameterization)
    free_controls = config.synth.free_controls
    encoder = build_encoder(config.encoder, config.audio, parameterization, n_modulations, free_controls)
    if baseline is None:
        return EncodedCurves(encoder, parameterization, is_granular=bool(free_controls))
    return SubstitutedCurves(encoder, parameterization, baseline)
