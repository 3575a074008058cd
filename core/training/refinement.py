"""Refinement of the encoder's curves for each clip: steps of Adam on the encoder's logits, down the loss of that clip.

An encoder predicts the curves of all clips with the same weights, which leaves a gap to what the sound of a single clip
tells. Gradient steps from the prediction close much of it, without labels and without a change of weights: the
semi-amortized inference of Kim et al. (2018), arXiv 1802.02550. Adam: Kingma and Ba (2015), arXiv 1412.6980, here with
a step size that falls linearly to 0.
"""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from core.losses.build import build_loss
from core.settings.trial import TrialConfig
from core.synths.note import Note
from core.training.model import DiscoveryModel, EncodedCurves, EstimatedCurves

_BETA1, _BETA2 = 0.9, 0.999
"""Decay of the moving averages of gradients and squared gradients, as in Adam."""
_EPS = 1e-10
"""Smallest divisor of a step; gradients of a clip's loss with respect to single frames are of the order of 1e-3."""


def refined_curves(
    model: DiscoveryModel,
    target: Float[Tensor, "batch sample"],
    note: Note,
    phases: Float[Tensor, "batch step_and_one"],
    config: TrialConfig,
) -> EstimatedCurves:
    """The curves after `trainer.refine_steps` steps; those of the encoder for clips whose loss did not fall.

    Free controls of a granular synth stay as the encoder predicts them.

    Args:
        model: A model with an encoder; its weights are not changed.
        target: The sounds of the clips.
        note: Pitch, resonance and noise of the clips.
        phases: Start phases in cycles of each step, and of the comparison of first and last curves.
        config: Loss, number of steps and their size.
    """
    encoded = model.curves
    assert isinstance(encoded, EncodedCurves)
    loss, n_steps = build_loss(config.loss).to(target.device), config.trainer.refine_steps
    with torch.no_grad():
        first_logits, controls = encoded.logits(target)
    relative = torch.tensor(encoded.parameterization.refinement_steps).to(first_logits, non_blocking=True)
    sizes = config.trainer.refine_lr * relative

    def distances(logits: Tensor, step: int) -> Float[Tensor, " batch"]:
        estimate = model.synth(encoded.curves(logits, controls).inputs, _note_of_step(note, phases, step))
        return loss.per_clip(estimate, target)

    logits, mean, square = first_logits, torch.zeros_like(first_logits), torch.zeros_like(first_logits)
    for step in range(n_steps):
        with torch.enable_grad():
            variable = logits.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(distances(variable, step).sum(), variable)
        mean.lerp_(gradient, 1 - _BETA1)
        square.lerp_(gradient.square(), 1 - _BETA2)
        unbiased = math.sqrt(1 - _BETA2 ** (step + 1)) / (1 - _BETA1 ** (step + 1))
        logits = logits - sizes * (1 - step / n_steps) * unbiased * mean / (square.sqrt() + _EPS)
    with torch.no_grad():
        # False for NaN as well.
        is_better = distances(logits, n_steps) < distances(first_logits, n_steps)
        return encoded.curves(torch.where(is_better[:, None, None, None], logits, first_logits), controls)


def _note_of_step(note: Note, phases: Float[Tensor, "batch step_and_one"], step: int) -> Note:
    """The note at another phase and with its noise shifted, since curves must not depend on either."""
    noise = note.noise
    if noise is not None:
        noise = noise.roll((step + 1) * noise.shape[1] // (phases.shape[1] + 1), 1)
    return replace(note, phase=phases[:, step], noise=noise)
