"""Distances between recovered and true curves, raw or after a linear least-squares projection (LLS).

L1 and Pearson correlation compare frame by frame. The Frechet distance and dynamic time warping let time be stretched,
so that a shape that comes too late costs less than one that never comes: the first is the largest remaining distance
between points (time, value), with the clip as one unit of time, the second the mean remaining error of the value.

LLS 1 fits each true curve by the recovered curve of the same modulation, x ~ w y + b; LLS 3 by all recovered curves
(three in the reference), x ~ w1 y1 + w2 y2 + ... + b, per clip. Unrelated random splines reach a Pearson correlation of
about 0.30 under LLS 3 with three curves, so this value, not 0, means that nothing was recovered. Reference:
Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.

Undefined values (Pearson correlation of a flat curve, error-to-signal ratio of a true curve that is 0) are NaN.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.metrics.base import CurveDistance, Metric, ReferencePoint
from core.ops.curve_alignment import frechet_distances, warped_distances
from core.statistics.support import CORRELATION, NON_NEGATIVE, UNIT

FLAT_STD = 1e-4
"""A curve with a smaller standard deviation is flat: its correlation is undefined."""
WARPING_WINDOW = 0.1
"""Largest shift of a frame by dynamic time warping as a share of the clip, the usual Sakoe-Chiba band."""


def l1(target: Float[Tensor, "*shape frame"], estimate: Float[Tensor, "*shape frame"]) -> Float[Tensor, "*shape"]:
    """Mean absolute error over frames."""
    return (estimate - target).abs().mean(-1)


def l1_difference(
    target: Float[Tensor, "*shape frame"], estimate: Float[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape"]:
    """Mean absolute error of the central differences, (s[k+1] - s[k-1]) / 2."""
    error = estimate - target
    return ((error[..., 2:] - error[..., :-2]) / 2).abs().mean(-1)


def pearson(target: Float[Tensor, "*shape frame"], estimate: Float[Tensor, "*shape frame"]) -> Float[Tensor, "*shape"]:
    """Pearson correlation over frames; NaN if either curve is flat."""
    x, y = target - target.mean(-1, keepdim=True), estimate - estimate.mean(-1, keepdim=True)
    x_std, y_std = x.square().mean(-1).sqrt(), y.square().mean(-1).sqrt()
    correlation = (x * y).mean(-1) / (x_std * y_std).clamp_min(1e-12)
    return torch.where((x_std < FLAT_STD) | (y_std < FLAT_STD), torch.nan, correlation.clamp(-1, 1))


def error_to_signal(
    target: Float[Tensor, "*shape frame"], estimate: Float[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape"]:
    """Energy of the error over that of the true curve; NaN if the true curve is 0 (root mean square below 1e-4).

    As auraloss defines it for sounds, after Wright and Valimaki (2019), arXiv 1911.08922.
    """
    energy = target.square().mean(-1)
    ratio = (estimate - target).square().mean(-1) / energy.clamp_min(1e-12)
    return torch.where(energy < FLAT_STD**2, torch.nan, ratio)


def time_warped_l1(
    target: Float[Tensor, "*shape frame"], estimate: Float[Tensor, "*shape frame"]
) -> Float[Tensor, "*shape"]:
    """Mean absolute error after dynamic time warping that shifts no frame by more than a tenth of the clip."""
    return warped_distances(target, estimate, max(1, round(WARPING_WINDOW * target.shape[-1])))


def project_on_same(
    target: Float[Tensor, "clip modulation frame"], estimate: Float[Tensor, "clip modulation frame"]
) -> Float[Tensor, "clip modulation frame"]:
    """LLS 1: least-squares fit of each true curve by the recovered curve of the same modulation and a bias."""
    return _project(target[..., None], estimate[..., None])[..., 0]


def project_on_all(
    target: Float[Tensor, "clip target frame"], estimate: Float[Tensor, "clip estimate frame"]
) -> Float[Tensor, "clip target frame"]:
    """LLS 3: least-squares fit of each true curve by a weighted sum of all recovered curves and a bias."""
    return _project(target.transpose(1, 2), estimate.transpose(1, 2)).transpose(1, 2)


def _project(
    target: Float[Tensor, "*shape frame curve"], regressors: Float[Tensor, "*shape frame regressor"]
) -> Float[Tensor, "*shape frame curve"]:
    """Least-squares fit of each target curve by all regressors and a bias; NaN where one of them is not finite."""
    is_finite = target.isfinite().all(-2, keepdim=True) & regressors.isfinite().all(-1).all(-1)[..., None, None]
    design = torch.cat([regressors, torch.ones_like(regressors[..., :1])], -1).double().nan_to_num(0.0, 0.0, 0.0)
    # gelsd uses singular values: flat or equal regressors give minimum-norm weights instead of an error.
    weights: Tensor = torch.linalg.lstsq(design, target.double().nan_to_num(0.0, 0.0, 0.0), driver="gelsd").solution
    return torch.where(is_finite, (design @ weights).to(target.dtype), torch.nan)


L1 = Metric(
    name="curves.l1",
    direction="minimize",
    unit="",
    description="mean absolute error of the recovered curve",
    support=UNIT,
    reference_point=ReferencePoint(0.5, "the largest error of a constant 0.5"),
    compute=CurveDistance(l1),
)
L1_DIFFERENCE = Metric(
    name="curves.l1_diff",
    direction="minimize",
    unit="per frame",
    description="mean absolute error of the curve's central differences",
    support=UNIT,
    reference_point=ReferencePoint(1 / 6, "white noise against a smooth curve"),
    compute=CurveDistance(l1_difference),
)
PEARSON = Metric(
    name="curves.pcc",
    direction="maximize",
    unit="",
    description="Pearson correlation of recovered and true curve",
    support=CORRELATION,
    best=1.0,
    reference_point=ReferencePoint(0.0, "an uncorrelated curve"),
    compute=CurveDistance(pearson),
)
FRECHET = Metric(
    name="curves.frechet",
    direction="minimize",
    unit="",
    description="discrete Frechet distance of the curves, drawn over a time of 0 to 1",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(0.5, "the largest distance of a constant 0.5"),
    compute=CurveDistance(frechet_distances),
)
DTW = Metric(
    name="curves.dtw",
    direction="minimize",
    unit="",
    description="mean absolute error after dynamic time warping within a tenth of the clip",
    support=UNIT,
    reference_point=ReferencePoint(0.5, "the largest error of a constant 0.5"),
    compute=CurveDistance(time_warped_l1),
)
ESR = Metric(
    name="curves.esr",
    direction="minimize",
    unit="",
    description="energy of the error over that of the true curve",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(1.0, "a curve that stays at 0"),
    compute=CurveDistance(error_to_signal),
)
