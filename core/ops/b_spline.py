"""B-splines with clamped ends: y(t) = sum_i N_i(t) c_i, of degree p, p - 1 times continuously differentiable.

The basis functions N_i of Cox and de Boor are non-negative and sum to 1 whatever the knots, so a curve lies between its
smallest and its largest coefficient. K intervals between knots u_0 = 0 < u_1 < ... < u_K = 1, of which the ends count
p + 1 times, have K + p coefficients; the first and the last are the values at the ends. De Boor's algorithm evaluates a
curve by convex combinations only: of the p + 1 coefficients that count in the frame's interval, neighbours are blended
p times. Reference: de Boor (1978), A Practical Guide to Splines.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def clamped_knots(spacing: Float[Tensor, "*shape interval"], degree: int) -> Float[Tensor, "*shape knot"]:
    """Knots from their spacings, which sum to 1; both ends, exactly 0 and 1, occur degree + 1 times."""
    ends = torch.zeros_like(spacing[..., :1]).expand(*spacing.shape[:-1], degree + 1)
    return torch.cat([ends, spacing.cumsum(-1)[..., :-1], ends + 1], dim=-1)


def evaluate(
    knots: Float[Tensor, "*shape knot"],
    coefficients: Float[Tensor, "*shape coefficient"],
    degree: int,
    time: Float[Tensor, " frame"],
) -> Float[Tensor, "*shape frame"]:
    """The spline at the frame times, differentiable in knots and coefficients.

    Args:
        knots: Knots as from `clamped_knots`, strictly increasing between the ends.
        coefficients: degree + 1 fewer than there are knots.
        degree: Degree of the polynomials, at least 1.
        time: Frame times in 0..1.

    Raises:
        ValueError: numbers of knots and coefficients do not belong together.
    """
    n_coefficients = coefficients.shape[-1]
    if knots.shape[-1] != n_coefficients + degree + 1:
        raise ValueError(
            f"a B-spline of degree {degree} and {n_coefficients} coefficients needs {n_coefficients + degree + 1} "
            f"knots; got {knots.shape[-1]}"
        )
    t = time.to(knots.dtype).expand(*knots.shape[:-1], -1).contiguous()
    inner = knots.detach()[..., degree + 1 : -degree - 1].contiguous()
    interval = torch.searchsorted(inner, t, right=True)
    # The interval starts at knot interval + degree; 2 degree knots around it decide the shares.
    around = [knots.gather(-1, interval + offset) for offset in range(1, 2 * degree + 1)]
    points = [coefficients.gather(-1, interval + offset) for offset in range(degree + 1)]
    for level in range(1, degree + 1):
        for place in range(degree, level - 1, -1):
            start, end = around[place - 1], around[place + degree - level]
            share = ((t - start) / (end - start)).to(coefficients.dtype)
            points[place] = torch.lerp(points[place - 1], points[place], share)
    return points[degree]


def uniform_basis(n_intervals: int, degree: int, n_frames: int) -> Float[Tensor, "{n_frames} coefficient"]:
    """The basis functions of equally spaced knots at equally spaced frames from 0 to 1, in float64."""
    spacing = torch.full((n_intervals,), 1 / n_intervals, dtype=torch.float64)
    n_coefficients = n_intervals + degree
    knots = clamped_knots(spacing, degree).expand(n_coefficients, -1)
    time = torch.linspace(0, 1, n_frames, dtype=torch.float64)
    return evaluate(knots, torch.eye(n_coefficients, dtype=torch.float64), degree, time).T.contiguous()
