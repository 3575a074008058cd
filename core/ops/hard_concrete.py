"""Hard-concrete gates: values in 0..1 that are exactly 0 or 1 with a probability, yet can be trained.

    s = sigmoid((logit + ln u - ln(1 - u)) / beta),  u uniform in 0..1
    gate = min(1, max(0, s (zeta - gamma) + gamma)),  beta = 2/3, gamma = -0.1, zeta = 1.1

In evaluation s = sigmoid(logit). A gate is open, so not 0, with probability sigmoid(logit - beta ln(-gamma / zeta)).
Reference: Louizos, Welling, Kingma (2018), arXiv 1712.01312.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

_BETA, _GAMMA, _ZETA = 2 / 3, -0.1, 1.1
_EPSILON = 1e-6
"""Distance of the noise from 0 and 1, whose logarithms are infinite."""


def gates(logits: Float[Tensor, "*shape"], generator: torch.Generator | None = None) -> Float[Tensor, "*shape"]:
    """Gates in 0..1.

    Args:
        logits: A logit per gate; larger ones open it.
        generator: Source of the noise, on the CPU; None for the gates of evaluation, without noise.
    """
    if generator is None:
        concrete = torch.sigmoid(logits)
    else:
        uniform = torch.rand(logits.shape, generator=generator).clamp(_EPSILON, 1 - _EPSILON)
        noise = torch.logit(uniform).to(logits, non_blocking=True)
        concrete = torch.sigmoid((logits + noise) / _BETA)
    return (concrete * (_ZETA - _GAMMA) + _GAMMA).clamp(0, 1)


def open_probability(logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Probability that a gate with noise is not 0."""
    return torch.sigmoid(logits - _BETA * math.log(-_GAMMA / _ZETA))
