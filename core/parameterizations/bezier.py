"""Piecewise Bezier curves with shared end points: evaluation at a parameter, and as a function of time.

A curve of S segments of degree d has K + 1 = S d + 1 control points; segment s owns points s d to (s + 1) d. In segment
coordinates v in [0, 1] the curve is B(v) = sum_i C(d, i) v^i (1 - v)^(d - i) P_i. The literal curve over time is
y(t) = By(Bx^-1(t)); Bx is monotone where the x of the control points are.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_TOLERANCE = 1e-13
_MAX_ITERATIONS = 80


def evaluate(
    points: Float[Tensor, "*shape point"], degree: int, parameter: Float[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape frame"]:
    """The curve at a global parameter in 0..1 that passes every segment in an equal share."""
    n_segments = _n_segments(points, degree)
    position = parameter * n_segments
    segment = position.detach().floor().long().clamp(0, n_segments - 1)
    return _de_casteljau(_of_segment(points, degree, segment), position - segment)


def evaluate_over_time(
    x: Float[Tensor, "*shape point"],
    y: Float[Tensor, "*shape point"],
    degree: int,
    time: Float[Tensor, " frame"],
) -> Float[Tensor, "*shape frame"]:
    """The literal curve y(t) = By(Bx^-1(t)), differentiable in x and y.

    Bx is inverted per frame by bracketed Newton iteration in float64. The gradient is the implicit function theorem's,
    dv/dx = -(dBx/dx) / Bx'(v): one Newton step taken at the solution leaves its value and has this derivative.

    Args:
        x: Strictly increasing control points from 0 to 1.
        y: Their values.
        degree: Degree of every segment.
        time: Frame times in 0..1.
    """
    n_segments = _n_segments(x, degree)
    x64 = x.double()
    t = time.double().expand(*x.shape[:-1], -1).contiguous()
    inner = x64.detach()[..., degree:-1:degree].contiguous()
    segment = torch.searchsorted(inner, t, right=True).clamp(0, n_segments - 1)
    x_points = _of_segment(x64, degree, segment)
    with torch.no_grad():
        solution = _invert(x_points, t)
        slope = _slope(x_points, solution)
    local = solution - (_de_casteljau(x_points, solution) - t) / slope
    return _de_casteljau(_of_segment(y, degree, segment), local.to(y.dtype))


def knots(spacing: Float[Tensor, "*shape interval"]) -> Float[Tensor, "*shape point"]:
    """Control points from their spacings, which sum to one: the first exactly 0, the last exactly 1."""
    ends = torch.zeros_like(spacing[..., :1])
    return torch.cat([ends, spacing.cumsum(-1)[..., :-1], ends + 1], dim=-1)


def _n_segments(points: Tensor, degree: int) -> int:
    n_segments, rest = divmod(points.shape[-1] - 1, degree)
    if rest or n_segments < 1:
        raise ValueError(
            f"segments of degree {degree} need a multiple of {degree} control points plus one; got {points.shape[-1]}"
        )
    return n_segments


def _of_segment(
    points: Float[Tensor, "*shape point"], degree: int, segment: Int[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape frame control"]:
    """The degree + 1 control points of each frame's segment."""
    index = segment[..., None] * degree + torch.arange(degree + 1, device=points.device)
    return points.gather(-1, index.flatten(-2)).view(index.shape)


def _de_casteljau(points: Float[Tensor, "*shape control"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """A segment's value: convex combinations only, so it stays between the smallest and the largest control point."""
    while points.shape[-1] > 1:
        points = torch.lerp(points[..., :-1], points[..., 1:], v[..., None])
    return points[..., 0]


def _slope(points: Float[Tensor, "*shape control"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    degree = points.shape[-1] - 1
    return degree * _de_casteljau(points.diff(dim=-1), v)


def _invert(x_points: Float[Tensor, "*shape control"], t: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Solve Bx(v) = t for v in 0..1: Newton's step where it stays inside the bracket, else its middle."""
    start, end = x_points[..., 0], x_points[..., -1]
    low, high = torch.zeros_like(t), torch.ones_like(t)
    v = ((t - start) / (end - start)).clamp(0, 1)
    for _ in range(_MAX_ITERATIONS):
        residual = _de_casteljau(x_points, v) - t
        if float(residual.abs().max()) < _TOLERANCE:
            break
        low, high = torch.where(residual < 0, v, low), torch.where(residual > 0, v, high)
        newton = v - residual / _slope(x_points, v)
        v = torch.where((newton > low) & (newton < high), newton, (low + high) / 2)
    return v
