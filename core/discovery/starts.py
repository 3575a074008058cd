"""Starts of a fit from what can be measured in a sound: a cycle of the wavetable, the level, and how timbre moves."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from core.parameterizations.base import Parameterization
from core.parameterizations.lfo import Lfo

_LOUD_QUANTILE = 0.9
"""Amplitudes of the cycle are this quantile over time: those of the open filter, which then only takes away."""
_FLOOR = 1e-3
"""Share of the largest amplitude below which timbre is not compared."""
_INVERSION_STEPS, _INVERSION_LR = 200, 0.1
_INSIDE = 1e-3
"""Distance from 0 and 1 that a curve keeps where its logit is taken."""


def cycle_of(levels: Float[Tensor, "frame harmonic"], length: int) -> Float[Tensor, " {length}"]:
    """A cycle with the amplitudes that harmonics have when they are loud.

    Its phases are those of Schroeder (1970), -pi k (k - 1) / K, which keep the peak low; no distance of magnitudes
    depends on them.
    """
    n = levels.shape[1]
    amplitudes = torch.quantile(levels, _LOUD_QUANTILE, dim=0)
    k = torch.arange(1, n + 1, dtype=levels.dtype)
    spectrum = torch.zeros(length // 2 + 1, dtype=torch.complex64)
    spectrum[1 : n + 1] = torch.polar(amplitudes * (length / 2), -math.pi * k * (k - 1) / n)
    cycle: Tensor = torch.fft.irfft(spectrum, n=length)
    return cycle


def level_curve(levels: Float[Tensor, "frame harmonic"]) -> Float[Tensor, " frame"]:
    """The level of a sound over time, with 1 near its largest."""
    level = levels.square().sum(1).sqrt()
    return (level / torch.quantile(level, 0.95).clamp_min(1e-9)).clamp(0.0, 1.0)


def timbre_curve(
    target: Float[Tensor, "frame harmonic"], estimate: Float[Tensor, "frame harmonic"]
) -> Float[Tensor, " frame"]:
    """How the timbre of a sound moves where an estimate does not follow, in 0.1..0.9.

    The first principal component over time of the log ratios of harmonics, weighted by their mean level. Its sign is
    arbitrary.
    """
    floor = _FLOOR * torch.maximum(target.max(), estimate.max()).clamp_min(1e-9)
    ratios = ((target + floor) / (estimate + floor)).log() * target.mean(0).sqrt()
    component: Tensor = torch.linalg.svd(ratios - ratios.mean(0), full_matrices=False)[0][:, 0]
    low, high = torch.quantile(component, 0.02), torch.quantile(component, 0.98)
    share: Tensor = ((component - low) / (high - low).clamp_min(1e-9)).clamp(0.0, 1.0)
    return 0.1 + 0.8 * share


def logits_of(
    parameterization: Parameterization, curves: Float[Tensor, "window modulation frame"]
) -> Float[Tensor, "window modulation token output"]:
    """Logits whose curves are near to given ones, by Adam on the squared error.

    Curves that are LFOs read their rate and phase from frame-wise logits, which start from the curve itself: the error
    has a minimum at each wrong rate.

    Args:
        parameterization: The map from logits to curves.
        curves: The curves in 0..1.
    """
    logits = torch.zeros(*curves.shape[:2], parameterization.n_tokens, parameterization.n_outputs)
    if isinstance(parameterization, Lfo):
        logits[..., 0] = torch.logit(curves, eps=_INSIDE)
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=_INVERSION_LR)
    for step in range(_INVERSION_STEPS):
        optimizer.param_groups[0]["lr"] = _INVERSION_LR * (1 - step / _INVERSION_STEPS)
        optimizer.zero_grad()
        (parameterization(logits) - curves).square().sum().backward()
        optimizer.step()
    return logits.detach()
