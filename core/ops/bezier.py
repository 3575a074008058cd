"""Piecewise Bezier curves with shared end points: evaluation at a parameter, and as a function of time.

A curve of S segments of degree d has S d + 1 control points; segment s has points s d to (s + 1) d. At position v in
[0, 1] of a segment, B(v) = sum_i b_i(v) P_i with the Bernstein basis b_i(v) = C(d, i) v^i (1 - v)^(d - i).
The curve over time is y(t) = By(Bx^-1(t)); Bx is monotone where the x of the control points are. Its gradient is that
of the implicit function: dy/dY_i = b_i(v), dy/dX_i = -b_i(v) By'(v) / Bx'(v).
The kernels compute in float64, all frames of a curve in one loop per step; runs of frames share their segment.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from core.ops.compiling import as_numpy, at_hand, double_backward, kernel, use_kernel

_TOLERANCE = 1e-13
"""Largest residual of the inverse, as a share of the clip."""
_MAX_ITERATIONS = 80
_REFERENCE_ITERATIONS = 20
"""Iterations of the reference at most, all of which a GPU takes; knots 1e-6 of the equal spacing apart need 19."""


def evaluate(
    points: Float[Tensor, "*shape point"], degree: int, parameter: Float[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape frame"]:
    """The curve at a parameter in 0..1, of which each segment has an equal share; differentiable in both tensors."""
    _n_segments(points, degree)
    if not use_kernel(points, parameter):
        return evaluate_reference(points, degree, parameter)
    curve: Tensor = _Evaluate.apply(points, degree, parameter)
    return curve


def evaluate_reference(
    points: Float[Tensor, "*shape point"], degree: int, parameter: Float[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape frame"]:
    """`evaluate` in torch operations."""
    n_segments = _n_segments(points, degree)
    position = parameter * n_segments
    segment = position.detach().floor().long().clamp(0, n_segments - 1)
    return _de_casteljau(_points_of_segment(points, degree, segment), position - segment)


def evaluate_over_time(
    x: Float[Tensor, "*shape point"], y: Float[Tensor, "*shape point"], degree: int, time: Float[Tensor, " frame"]
) -> Float[Tensor, "*shape frame"]:
    """The curve y(t) = By(Bx^-1(t)), differentiable in x and y.

    Bx is inverted per frame by Newton's method with bisection as fallback, in float64.

    Args:
        x: Times of the control points, strictly increasing from 0 to 1.
        y: Values of the control points.
        degree: Degree of every segment.
        time: Frame times in 0..1, in increasing order.
    """
    _n_segments(x, degree)
    if not use_kernel(x, y):
        return evaluate_over_time_reference(x, y, degree, time)
    curve: Tensor = _EvaluateOverTime.apply(x, y, degree, time)
    return curve


def evaluate_over_time_reference(
    x: Float[Tensor, "*shape point"], y: Float[Tensor, "*shape point"], degree: int, time: Float[Tensor, " frame"]
) -> Float[Tensor, "*shape frame"]:
    """`evaluate_over_time` in torch operations.

    A Newton step at the solution leaves its value and gives it its first derivative, a second step its second.
    """
    n_segments = _n_segments(x, degree)
    x64 = x.double()
    t = time.double().expand(*x.shape[:-1], -1).contiguous()
    inner = x64.detach()[..., degree:-1:degree].contiguous()
    segment = torch.searchsorted(inner, t, right=True).clamp(0, n_segments - 1)
    x_points = _points_of_segment(x64, degree, segment)
    with torch.no_grad():
        local = _invert(x_points, t)
    for _ in range(2):
        local = local - (_de_casteljau(x_points, local) - t) / _derivative(x_points, local)
    return _de_casteljau(_points_of_segment(y, degree, segment), local.to(y.dtype))


def knots(spacing: Float[Tensor, "*shape interval"]) -> Float[Tensor, "*shape point"]:
    """Control points from their spacings, which sum to 1; the first is exactly 0, the last exactly 1."""
    ends = torch.zeros_like(spacing[..., :1])
    return torch.cat([ends, spacing.cumsum(-1)[..., :-1], ends + 1], dim=-1)


def _n_segments(points: Tensor, degree: int) -> int:
    """The number of segments; ValueError where the control points do not divide into segments of this degree."""
    n_segments, remainder = divmod(points.shape[-1] - 1, degree)
    if remainder or n_segments < 1:
        raise ValueError(
            f"segments of degree {degree} need a multiple of {degree} control points plus one; got {points.shape[-1]}"
        )
    return n_segments


def _points_of_segment(
    points: Float[Tensor, "*shape point"], degree: int, segment: Int[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape frame control"]:
    """The degree + 1 control points of each frame's segment."""
    index = segment[..., None] * degree + torch.arange(degree + 1, device=points.device)
    return points.gather(-1, index.flatten(-2)).view(index.shape)


def _de_casteljau(points: Float[Tensor, "*shape control"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """B(v) by convex combinations only, so that it lies between the smallest and the largest control point."""
    while points.shape[-1] > 1:
        points = torch.lerp(points[..., :-1], points[..., 1:], v[..., None])
    return points[..., 0]


def _derivative(points: Float[Tensor, "*shape control"], v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """B'(v)."""
    degree = points.shape[-1] - 1
    return degree * _de_casteljau(points.diff(dim=-1), v)


def _invert(x_points: Float[Tensor, "*shape control"], t: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The v in 0..1 where Bx(v) = t: Newton's step where it stays inside the bracket, else the bracket's middle."""
    start, end = x_points[..., 0], x_points[..., -1]
    low, high = torch.zeros_like(t), torch.ones_like(t)
    v = ((t - start) / (end - start)).clamp(0, 1)
    for _ in range(_REFERENCE_ITERATIONS):
        residual = _de_casteljau(x_points, v) - t
        is_found = residual.abs() < _TOLERANCE
        # Reading this on the host would wait for a GPU; there, frames that are found only keep their v.
        if at_hand(t) and bool(is_found.all()):
            break
        low, high = torch.where(residual < 0, v, low), torch.where(residual > 0, v, high)
        newton = v - residual / _derivative(x_points, v)
        v = torch.where(is_found, v, torch.where((newton > low) & (newton < high), newton, (low + high) / 2))
    return v


class _Evaluate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, degree: int, parameter: Tensor) -> Tensor:
        ctx.save_for_backward(points, parameter)
        ctx.degree = degree
        parameter_rows = _rows(parameter)
        curve = np.empty_like(parameter_rows)
        _evaluate(_rows(points), degree, parameter_rows, curve)
        return torch.from_numpy(curve).view(parameter.shape)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        points, parameter = ctx.saved_tensors
        needs_points, _, needs_parameter = ctx.needs_input_grad
        if torch.is_grad_enabled():
            grad_points, grad_parameter = double_backward(
                lambda points, parameter: evaluate_reference(points, ctx.degree, parameter),
                (points, parameter),
                (needs_points, needs_parameter),
                grad_output,
            )
            return grad_points, None, grad_parameter
        point_rows, parameter_rows = _rows(points), _rows(parameter)
        point_grads, parameter_grads = np.zeros_like(point_rows), np.empty_like(parameter_rows)
        _evaluate_backward(_rows(grad_output), point_rows, ctx.degree, parameter_rows, point_grads, parameter_grads)
        grad_parameter = torch.from_numpy(parameter_grads).view(parameter.shape) if needs_parameter else None
        return torch.from_numpy(point_grads).view(points.shape), None, grad_parameter


class _EvaluateOverTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, degree: int, time: Tensor) -> Tensor:
        times, y_rows = as_numpy(time.double()), _rows(y)
        curve = np.empty((len(y_rows), len(times)), y_rows.dtype)
        segment, local = np.empty(curve.shape, np.int64), np.empty(curve.shape, np.float64)
        _evaluate_over_time(_rows(x), y_rows, degree, times, _TOLERANCE, _MAX_ITERATIONS, segment, local, curve)
        ctx.save_for_backward(x, y, time, torch.from_numpy(segment), torch.from_numpy(local))
        ctx.degree = degree
        return torch.from_numpy(curve).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        x, y, time, segment, local = ctx.saved_tensors
        if torch.is_grad_enabled():
            grads = double_backward(
                lambda x, y: evaluate_over_time_reference(x, y, ctx.degree, time),
                (x, y),
                ctx.needs_input_grad[:2],
                grad_output,
            )
            return *grads, None, None
        x_rows, y_rows = _rows(x), _rows(y)
        grad_x, grad_y = np.zeros_like(x_rows), np.zeros_like(y_rows)
        _evaluate_over_time_backward(
            _rows(grad_output), x_rows, y_rows, ctx.degree, segment.numpy(), local.numpy(), grad_x, grad_y
        )
        return torch.from_numpy(grad_x).view(x.shape), torch.from_numpy(grad_y).view(y.shape), None, None


def _rows(tensor: Tensor) -> Any:
    """The tensor as an array of shape (curve, point or frame)."""
    return as_numpy(tensor.reshape(-1, tensor.shape[-1]))


@kernel
@no_type_check
def _evaluate(points, degree, parameter, curve):
    """Fill the curve with its values at the parameter."""
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
def _evaluate_backward(grad_curve, points, degree, parameter, grad_points, grad_parameter):
    """Add to grad_points and fill grad_parameter."""
    n_rows, n_frames = parameter.shape
    n_segments = (points.shape[1] - 1) // degree
    segment, local, slope = np.empty(n_frames, np.int64), np.empty(n_frames), np.empty(n_frames)
    basis, derivatives = np.empty((degree + 1, n_frames)), np.empty((degree + 1, n_frames))
    for row in range(n_rows):
        _locate(parameter[row], n_segments, segment, local)
        _bernstein_and_derivatives(degree, local, basis, derivatives)
        _combine(derivatives, points[row], segment, slope)
        _combine_backward(grad_curve[row], basis, segment, grad_points[row])
        for frame in range(n_frames):
            grad_parameter[row, frame] = grad_curve[row, frame] * (n_segments * slope[frame])


@kernel
@no_type_check
def _evaluate_over_time(x, y, degree, time, tolerance, max_iterations, segment, local, curve):
    """Fill the segment, the position within it and the value of each frame; time must not decrease."""
    n_frames = time.shape[0]
    basis, values = np.empty((degree + 1, n_frames)), np.empty(n_frames)
    for row in range(x.shape[0]):
        _locate_in_time(x[row], degree, time, tolerance, max_iterations, segment[row], local[row])
        _bernstein(degree, local[row], basis)
        _combine(basis, y[row], segment[row], values)
        curve[row] = values


@kernel
@no_type_check
def _evaluate_over_time_backward(grad_curve, x, y, degree, segment, local, grad_x, grad_y):
    """Add to grad_x and grad_y."""
    n_rows, n_frames = grad_curve.shape
    basis, derivatives = np.empty((degree + 1, n_frames)), np.empty((degree + 1, n_frames))
    x_slope, y_slope = np.empty(n_frames), np.empty(n_frames)
    for row in range(n_rows):
        _bernstein_and_derivatives(degree, local[row], basis, derivatives)
        _combine(derivatives, x[row], segment[row], x_slope)
        _combine(derivatives, y[row], segment[row], y_slope)
        _combine_backward(grad_curve[row], basis, segment[row], grad_y[row])
        for frame in range(n_frames):
            y_slope[frame] *= -grad_curve[row, frame] / x_slope[frame]
        _combine_backward(y_slope, basis, segment[row], grad_x[row])


@kernel
@no_type_check
def _locate(parameter, n_segments, segment, local):
    """Fill each frame's segment and its position within it; NaN stays NaN."""
    for frame in range(parameter.shape[0]):
        position = parameter[frame] * parameter.dtype.type(n_segments)
        s = np.int64(position) if 0 < position < n_segments else (n_segments - 1 if position > 0 else 0)
        segment[frame], local[frame] = s, position - s


@kernel
@no_type_check
def _locate_in_time(x, degree, time, tolerance, max_iterations, segment, local):
    """Fill each frame's segment and its position within it by Newton's method, with bisection as fallback.

    The segment's x is evaluated as the polynomial sum_j power_j v^j.
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
    """Fill the Bernstein basis (control, frame) at v."""
    basis[0] = 1
    for d in range(1, degree + 1):
        _raise_degree(d, v, basis)


@kernel
@no_type_check
def _bernstein_and_derivatives(degree, v, basis, derivatives):
    """Fill the Bernstein basis at v and its derivatives, each (control, frame)."""
    _bernstein(degree - 1, v, basis)
    derivatives[0] = 0
    for i in range(degree):
        derivative, next_derivative, lower_basis = derivatives[i], derivatives[i + 1], basis[i]
        for frame in range(v.shape[0]):
            next_derivative[frame] = degree * lower_basis[frame]
            derivative[frame] -= next_derivative[frame]
    _raise_degree(degree, v, basis)


@kernel
@no_type_check
def _raise_degree(degree, v, basis):
    """Turn the Bernstein basis of degree - 1 into that of degree, in place."""
    last, lower = basis[degree], basis[degree - 1]
    for frame in range(v.shape[0]):
        last[frame] = v[frame] * lower[frame]
    for i in range(degree - 1, 0, -1):
        current, lower = basis[i], basis[i - 1]
        for frame in range(v.shape[0]):
            current[frame] = v[frame] * lower[frame] + (1 - v[frame]) * current[frame]
    first = basis[0]
    for frame in range(v.shape[0]):
        first[frame] *= 1 - v[frame]


@kernel
@no_type_check
def _combine(weights, points, segment, values):
    """Fill each frame's sum of its segment's degree + 1 control points with the weights (control, frame)."""
    degree, last = weights.shape[0] - 1, 0
    while last < segment.shape[0]:
        first, last = last, _run_end(segment, last)
        run_values = values[first:last]
        run_values[:] = 0
        for i in range(degree + 1):
            weight, point = weights[i, first:last], points[segment[first] * degree + i]
            for frame in range(last - first):
                run_values[frame] += weight[frame] * point


@kernel
@no_type_check
def _combine_backward(grad_values, weights, segment, grad_points):
    """The transpose of `_combine`: add to grad_points."""
    degree, last = weights.shape[0] - 1, 0
    while last < segment.shape[0]:
        first, last = last, _run_end(segment, last)
        run_grads = grad_values[first:last]
        for i in range(degree + 1):
            weight, total = weights[i, first:last], 0.0
            for frame in range(last - first):
                total += weight[frame] * run_grads[frame]
            grad_points[segment[first] * degree + i] += total


@kernel
@no_type_check
def _run_end(segment, first):
    """Index after the run of frames which starts at first and lies in one segment."""
    last = first + 1
    while last < segment.shape[0] and segment[last] == segment[first]:
        last += 1
    return last
