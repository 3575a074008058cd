"""Piecewise Bezier curves with shared end points: evaluation at a parameter, and as a function of time.

A curve of S segments of degree d has K + 1 = S d + 1 control points; segment s owns points s d to (s + 1) d. In segment
coordinates v in [0, 1] the curve is B(v) = sum_i C(d, i) v^i (1 - v)^(d - i) P_i. The literal curve over time is
y(t) = By(Bx^-1(t)); Bx is monotone where the x of the control points are. Its gradient is that of the implicit
function, with b_i the basis polynomials: dy/dY_i = b_i(v), dy/dX_i = -b_i(v) By'(v) / Bx'(v).
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from core.kernels import array, gradients_by_reference, has_kernel, kernel

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

    Bx is inverted per frame by bracketed Newton iteration in float64.

    Args:
        x: Strictly increasing control points from 0 to 1.
        y: Their values.
        degree: Degree of every segment.
        time: Frame times in 0..1, rising.
    """
    _n_segments(x, degree)
    if not has_kernel(x, y):
        return evaluate_over_time_reference(x, y, degree, time)
    curve: Tensor = _EvaluateOverTime.apply(x, y, degree, time)
    return curve


def evaluate_over_time_reference(
    x: Float[Tensor, "*shape point"],
    y: Float[Tensor, "*shape point"],
    degree: int,
    time: Float[Tensor, " frame"],
) -> Float[Tensor, "*shape frame"]:
    """The same by torch operations.

    Newton steps taken at the solution leave its value and have its derivatives: one step the first, two the second too.
    """
    n_segments = _n_segments(x, degree)
    x64 = x.double()
    t = time.double().expand(*x.shape[:-1], -1).contiguous()
    inner = x64.detach()[..., degree:-1:degree].contiguous()
    segment = torch.searchsorted(inner, t, right=True).clamp(0, n_segments - 1)
    x_points = _of_segment(x64, degree, segment)
    with torch.no_grad():
        local = _invert(x_points, t)
    for _ in range(2):
        local = local - (_de_casteljau(x_points, local) - t) / _slope(x_points, local)
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


class _EvaluateOverTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, degree: int, time: Tensor) -> Tensor:
        rows = (-1, x.shape[-1])
        knots_, values = array(x.reshape(rows)), array(y.reshape(rows))
        times = array(time.double())
        curve = np.empty((len(knots_), len(times)), values.dtype)
        segment, local = np.empty(curve.shape, np.int64), np.empty(curve.shape, np.float64)
        _evaluate(knots_, values, degree, times, _TOLERANCE, _MAX_ITERATIONS, segment, local, curve)
        ctx.save_for_backward(x, y, time, torch.from_numpy(segment), torch.from_numpy(local))
        ctx.degree = degree
        return torch.from_numpy(curve).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, y, time, segment, local = ctx.saved_tensors
        if torch.is_grad_enabled():
            found = gradients_by_reference(
                lambda x, y: evaluate_over_time_reference(x, y, ctx.degree, time),
                (x, y),
                ctx.needs_input_grad[:2],
                gradient,
            )
            return *found, None, None
        rows = (-1, x.shape[-1])
        knots_, values = array(x.reshape(rows)), array(y.reshape(rows))
        pull = array(gradient.reshape(len(knots_), -1))
        d_x, d_y = np.zeros_like(knots_), np.zeros_like(values)
        _evaluate_backwards(pull, knots_, values, ctx.degree, array(segment), array(local), d_x, d_y)
        return torch.from_numpy(d_x).view_as(x), torch.from_numpy(d_y).view_as(y), None, None


@kernel
@no_type_check
def _bernstein(degree, v, basis, slopes):
    """Fill the basis polynomials at v, and their derivatives."""
    slopes[0] = 0.0
    basis[0] = 1.0
    for d in range(1, degree + 1):
        if d == degree:
            for i in range(degree + 1):
                below = basis[i - 1] if i > 0 else 0.0
                slopes[i] = degree * (below - (basis[i] if i < degree else 0.0))
        basis[d] = v * basis[d - 1]
        for i in range(d - 1, 0, -1):
            basis[i] = v * basis[i - 1] + (1 - v) * basis[i]
        basis[0] *= 1 - v


@kernel
@no_type_check
def _evaluate(x, y, degree, time, tolerance, max_iterations, segment, local, curve):
    """Fill each frame's segment, its place in it, and the curve there; time must not fall."""
    last = (x.shape[1] - 1) // degree - 1
    basis, slopes = np.empty(degree + 1), np.empty(degree + 1)
    for row in range(x.shape[0]):
        s = 0
        for frame in range(time.shape[0]):
            t = time[frame]
            while s < last and x[row, (s + 1) * degree] <= t:
                s += 1
            first = s * degree
            start, end = np.float64(x[row, first]), np.float64(x[row, first + degree])
            low, high = 0.0, 1.0
            v = min(max((t - start) / (end - start), 0.0), 1.0)
            for _ in range(max_iterations):
                _bernstein(degree, v, basis, slopes)
                residual, slope = -t, 0.0
                for i in range(degree + 1):
                    residual += basis[i] * x[row, first + i]
                    slope += slopes[i] * x[row, first + i]
                if abs(residual) < tolerance:
                    break
                if residual < 0:
                    low = v
                else:
                    high = v
                newton = v - residual / slope
                v = newton if low < newton < high else 0.5 * (low + high)
            _bernstein(degree, v, basis, slopes)
            value = 0.0
            for i in range(degree + 1):
                value += basis[i] * y[row, first + i]
            segment[row, frame], local[row, frame], curve[row, frame] = s, v, value


@kernel
@no_type_check
def _evaluate_backwards(pull, x, y, degree, segment, local, d_x, d_y):
    basis, slopes = np.empty(degree + 1), np.empty(degree + 1)
    for row in range(x.shape[0]):
        for frame in range(pull.shape[1]):
            first = segment[row, frame] * degree
            _bernstein(degree, local[row, frame], basis, slopes)
            x_slope = y_slope = 0.0
            for i in range(degree + 1):
                x_slope += slopes[i] * x[row, first + i]
                y_slope += slopes[i] * y[row, first + i]
            for i in range(degree + 1):
                d_y[row, first + i] += pull[row, frame] * basis[i]
                d_x[row, first + i] -= pull[row, frame] * basis[i] * y_slope / x_slope
