"""Piecewise Bezier curves with shared end points: evaluation at a parameter, and as a function of time.

A curve of S segments of degree d has K + 1 = S d + 1 control points; segment s owns points s d to (s + 1) d. In segment
coordinates v in [0, 1] the curve is B(v) = sum_i C(d, i) v^i (1 - v)^(d - i) P_i. The literal curve over time is
y(t) = By(Bx^-1(t)); Bx is monotone where the x of the control points are. Its gradient is that of the implicit
function, with b_i the basis polynomials: dy/dY_i = b_i(v), dy/dX_i = -b_i(v) By'(v) / Bx'(v).

The kernels compute in float64. Where all frames of a curve take the same steps they are taken side by side; what they
differ in is their segment.
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
    """The curve at a global parameter in 0..1 that passes every segment in an equal share; differentiable in both."""
    _n_segments(points, degree)
    if not has_kernel(points, parameter):
        return evaluate_reference(points, degree, parameter)
    curve: Tensor = _Evaluate.apply(points, degree, parameter)
    return curve


def evaluate_reference(
    points: Float[Tensor, "*shape point"], degree: int, parameter: Float[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape frame"]:
    """The same by torch operations."""
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


class _Evaluate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, degree: int, parameter: Tensor) -> Tensor:
        ctx.save_for_backward(points, parameter)
        ctx.degree = degree
        at = _rows(parameter)
        curve = np.empty_like(at)
        _evaluate(_rows(points), degree, at, curve)
        return torch.from_numpy(curve).view(parameter.shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        points, parameter = ctx.saved_tensors
        needs_points, _, needs_parameter = ctx.needs_input_grad
        if torch.is_grad_enabled():
            d_points, d_parameter = gradients_by_reference(
                lambda points, parameter: evaluate_reference(points, ctx.degree, parameter),
                (points, parameter),
                (needs_points, needs_parameter),
                gradient,
            )
            return d_points, None, d_parameter
        values, at = _rows(points), _rows(parameter)
        d_values, d_at = np.zeros_like(values), np.empty_like(at)
        _evaluate_backwards(_rows(gradient), values, ctx.degree, at, d_values, d_at)
        d_parameter = torch.from_numpy(d_at).view(parameter.shape) if needs_parameter else None
        return torch.from_numpy(d_values).view(points.shape), None, d_parameter


class _EvaluateOverTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, degree: int, time: Tensor) -> Tensor:
        times, values = array(time.double()), _rows(y)
        curve = np.empty((len(values), len(times)), values.dtype)
        segment, local = np.empty(curve.shape, np.int64), np.empty(curve.shape, np.float64)
        _evaluate_over_time(_rows(x), values, degree, times, _TOLERANCE, _MAX_ITERATIONS, segment, local, curve)
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
        knots_, values = _rows(x), _rows(y)
        d_x, d_y = np.zeros_like(knots_), np.zeros_like(values)
        _evaluate_over_time_backwards(
            _rows(gradient), knots_, values, ctx.degree, segment.numpy(), local.numpy(), d_x, d_y
        )
        return torch.from_numpy(d_x).view(x.shape), torch.from_numpy(d_y).view(y.shape), None, None


def _rows(tensor: Tensor) -> Any:
    """All curves in one axis."""
    return array(tensor.reshape(-1, tensor.shape[-1]))


@kernel
@no_type_check
def _evaluate(points, degree, parameter, curve):
    n_rows, n_frames = parameter.shape
    segment, local, values = np.empty(n_frames, np.int64), np.empty(n_frames), np.empty(n_frames)
    basis = np.empty((degree + 1, n_frames))
    for row in range(n_rows):
        _locate(parameter[row], (points.shape[1] - 1) // degree, segment, local)
        _bernstein(degree, local, basis)
        _combine(basis, points[row], segment, values)
        curve[row] = values


@kernel
@no_type_check
def _evaluate_backwards(pull, points, degree, parameter, d_points, d_parameter):
    """Add to d_points and fill d_parameter."""
    n_rows, n_frames = parameter.shape
    n_segments = (points.shape[1] - 1) // degree
    segment, local, slope = np.empty(n_frames, np.int64), np.empty(n_frames), np.empty(n_frames)
    basis, slopes = np.empty((degree + 1, n_frames)), np.empty((degree + 1, n_frames))
    for row in range(n_rows):
        _locate(parameter[row], n_segments, segment, local)
        _bernstein_and_slopes(degree, local, basis, slopes)
        _combine(slopes, points[row], segment, slope)
        _add_to_points(pull[row], basis, segment, d_points[row])
        for frame in range(n_frames):
            d_parameter[row, frame] = pull[row, frame] * (n_segments * slope[frame])


@kernel
@no_type_check
def _evaluate_over_time(x, y, degree, time, tolerance, max_iterations, segment, local, curve):
    """Fill each frame's segment, its place in it, and the curve there; time must not fall."""
    n_frames = time.shape[0]
    basis, values = np.empty((degree + 1, n_frames)), np.empty(n_frames)
    for row in range(x.shape[0]):
        _locate_in_time(x[row], degree, time, tolerance, max_iterations, segment[row], local[row])
        _bernstein(degree, local[row], basis)
        _combine(basis, y[row], segment[row], values)
        curve[row] = values


@kernel
@no_type_check
def _evaluate_over_time_backwards(pull, x, y, degree, segment, local, d_x, d_y):
    """Add to d_x and d_y."""
    n_rows, n_frames = pull.shape
    basis, slopes = np.empty((degree + 1, n_frames)), np.empty((degree + 1, n_frames))
    x_slope, y_slope = np.empty(n_frames), np.empty(n_frames)
    for row in range(n_rows):
        _bernstein_and_slopes(degree, local[row], basis, slopes)
        _combine(slopes, x[row], segment[row], x_slope)
        _combine(slopes, y[row], segment[row], y_slope)
        _add_to_points(pull[row], basis, segment[row], d_y[row])
        for frame in range(n_frames):
            y_slope[frame] *= -pull[row, frame] / x_slope[frame]
        _add_to_points(y_slope, basis, segment[row], d_x[row])


@kernel
@no_type_check
def _locate(parameter, n_segments, segment, local):
    """Fill each frame's segment and its place in it, by a global parameter; what is not a number stays none."""
    for frame in range(parameter.shape[0]):
        position = parameter[frame] * parameter.dtype.type(n_segments)
        s = np.int64(position) if 0 < position < n_segments else (n_segments - 1 if position > 0 else 0)
        segment[frame], local[frame] = s, position - s


@kernel
@no_type_check
def _locate_in_time(x, degree, time, tolerance, max_iterations, segment, local):
    """Fill each frame's segment and its place in it: Newton's step where it stays in the bracket, else its middle.

    A segment is a polynomial sum_j power_j v^j for this.
    """
    last = (x.shape[0] - 1) // degree - 1
    power, differences = np.zeros(degree + 1), np.empty(degree + 1)
    s = -1
    for frame in range(time.shape[0]):
        t = time[frame]
        is_new = s < 0
        s = max(s, 0)
        while s < last and x[(s + 1) * degree] <= t:
            s += 1
            is_new = True
        if is_new:
            for i in range(degree + 1):
                differences[i] = x[s * degree + i]
            binomial = 1.0
            for j in range(degree + 1):
                power[j] = binomial * differences[0]
                binomial *= (degree - j) / (j + 1)
                for i in range(degree - j):
                    differences[i] = differences[i + 1] - differences[i]
        start, end = np.float64(x[s * degree]), np.float64(x[(s + 1) * degree])
        low, high = 0.0, 1.0
        v = min(max((t - start) / (end - start), 0.0), 1.0)
        for _ in range(max_iterations):
            value, slope = power[degree], 0.0
            for j in range(degree - 1, -1, -1):
                slope = slope * v + value
                value = value * v + power[j]
            residual = value - t
            if abs(residual) < tolerance:
                break
            if residual < 0:
                low = v
            else:
                high = v
            newton = v - residual / slope
            v = newton if low < newton < high else 0.5 * (low + high)
        segment[frame], local[frame] = s, v


@kernel
@no_type_check
def _bernstein(degree, v, basis):
    """Fill the basis polynomials (control, frame) at v."""
    basis[0] = 1
    for d in range(1, degree + 1):
        _raise_degree(d, v, basis)


@kernel
@no_type_check
def _bernstein_and_slopes(degree, v, basis, slopes):
    """Fill the basis polynomials at v, and their derivatives."""
    _bernstein(degree - 1, v, basis)
    slopes[0] = 0
    for i in range(degree):
        slope, next_slope, of_basis = slopes[i], slopes[i + 1], basis[i]
        for frame in range(v.shape[0]):
            next_slope[frame] = degree * of_basis[frame]
            slope[frame] -= next_slope[frame]
    _raise_degree(degree, v, basis)


@kernel
@no_type_check
def _raise_degree(degree, v, basis):
    top, below = basis[degree], basis[degree - 1]
    for frame in range(v.shape[0]):
        top[frame] = v[frame] * below[frame]
    for i in range(degree - 1, 0, -1):
        of_basis, below = basis[i], basis[i - 1]
        for frame in range(v.shape[0]):
            of_basis[frame] = v[frame] * below[frame] + (1 - v[frame]) * of_basis[frame]
    lowest = basis[0]
    for frame in range(v.shape[0]):
        lowest[frame] *= 1 - v[frame]


@kernel
@no_type_check
def _combine(weights, points, segment, values):
    """Fill the sum of each frame's degree + 1 control points with these weights (control, frame)."""
    degree, last = weights.shape[0] - 1, 0
    while last < segment.shape[0]:
        first, last = last, _run_end(segment, last)
        out = values[first:last]
        out[:] = 0
        for i in range(degree + 1):
            weight, point = weights[i, first:last], points[segment[first] * degree + i]
            for frame in range(last - first):
                out[frame] += weight[frame] * point


@kernel
@no_type_check
def _add_to_points(pull, weights, segment, d_points):
    """The transpose of `_combine`."""
    degree, last = weights.shape[0] - 1, 0
    while last < segment.shape[0]:
        first, last = last, _run_end(segment, last)
        pulls = pull[first:last]
        for i in range(degree + 1):
            weight, total = weights[i, first:last], 0.0
            for frame in range(last - first):
                total += weight[frame] * pulls[frame]
            d_points[segment[first] * degree + i] += total


@kernel
@no_type_check
def _run_end(segment, first):
    """Where the frames end that follow in the same segment as the first."""
    last = first + 1
    while last < segment.shape[0] and segment[last] == segment[first]:
        last += 1
    return last
