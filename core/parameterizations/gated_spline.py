"""Splines that learn how many segments they need: every segment has a gate, and a closed one leaves no trace.

    width_i = g_i (floor / K + (1 - floor) softmax(width logits)_i), then divided by their sum
    y_i = y_{i-1} + g_i (v_i - y_{i-1}),  inner points y_{i-1} + g_i (u_ij - y_{i-1}),  u, v in 0..1 by tanh

Steps in value and in time both shrink with the gate g_i, so the slope stays finite while a gate closes; a closed
segment has neither width nor height. All points are convex combinations of values in 0..1. The first segment is always
open. The gates are hard-concrete ones (`core.ops.hard_concrete`): Louizos, Welling, Kingma (2018), arXiv 1712.01312.
The training loss gets a weight times the expected number of open segments.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.bezier import evaluate, knots
from core.ops.control_points import unit_values
from core.ops.hard_concrete import gates, open_probability
from core.ops.spacings import position_between_knots, spacings
from core.parameterizations.base import Parameterization

INITIAL_LOGIT = 2.0
"""Added to the logits of the gates, so that most are open at the start of training."""


class GatedSpline(Parameterization):
    """Piecewise Bezier curves of at most `n_segments` segments, of which the penalty closes those that help little."""

    time: Tensor
    """Frame times in 0..1."""

    def __init__(
        self,
        n_frames: int,
        n_segments: int,
        degree: int,
        *,
        gate_penalty: float,
        temperature: float = 1.0,
        min_spacing: float = 0.2,
    ) -> None:
        super().__init__()
        self.n_tokens = n_segments + 1
        self.n_outputs = degree + 2
        # Width and values of every segment and the first value, without one width, since they sum to 1.
        self.n_numbers = float(n_segments * (degree + 1))
        self.degree = degree
        self.gate_penalty = gate_penalty
        self.temperature = temperature
        self.min_spacing = min_spacing
        self.register_buffer("time", torch.linspace(0, 1, n_frames, dtype=torch.float64), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token output"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1.

        Args:
            logits: Logits of gate, width and `degree` values of each segment; before them a token of which only the
                last logit is used, that of the first value.
            curriculum: Share of equal widths, from 1 to 0.
            generator: Source of the gates' noise in training; None for gates without noise.
        """
        gate = self.gates(logits, generator)
        free = spacings(logits[..., 1:, 1].double(), self.temperature, self.min_spacing, curriculum)
        widths = gate.double() * free
        position = position_between_knots(knots(widths / widths.sum(-1, keepdim=True)), self.time)
        return evaluate(self.points(logits, gate), self.degree, position.to(logits.dtype))

    def gates(
        self, logits: Float[Tensor, "batch modulation token output"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "batch modulation segment"]:
        """Gates of the segments; the first is 1."""
        later = gates(logits[..., 2:, 0] + INITIAL_LOGIT, generator)
        return torch.cat([torch.ones_like(logits[..., :1, 0]), later], -1)

    def points(
        self, logits: Float[Tensor, "batch modulation token output"], gate: Float[Tensor, "batch modulation segment"]
    ) -> Float[Tensor, "batch modulation point"]:
        """Values of the control points."""
        values = unit_values(logits[..., 2:])
        points = [values[..., 0, -1:]]
        for segment in range(self.n_tokens - 1):
            # Inner points and end of the segment, as far from its start as the gate is open.
            points.append(torch.lerp(points[-1][..., -1:], values[..., segment + 1, :], gate[..., segment, None]))
        return torch.cat(points, -1)

    def penalty(
        self, logits: Float[Tensor, "batch modulation token output"], curriculum: float = 0.0
    ) -> Float[Tensor, ""]:
        """The weight times the mean expected number of open segments, faded in as the curriculum fades out."""
        n_open = 1 + open_probability(logits[..., 2:, 0] + INITIAL_LOGIT).sum(-1)
        return (1 - curriculum) * self.gate_penalty * n_open.mean()

    def numbers(self, logits: Float[Tensor, "batch modulation token output"]) -> Float[Tensor, "batch modulation"]:
        """Width and values of each open segment."""
        return (self.gates(logits) > 0).sum(-1).to(logits.dtype) * (self.degree + 1)
