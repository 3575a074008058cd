"""Distances between recovered and true curves, raw or after a linear least-squares fit (LLS).

LLS 1 explains a true curve by the recovered curve of the same signal, x ~ w y + b; LLS 3 by all recovered curves,
x ~ w1 add + w2 sub + w3 env + b, fitted per clip. Unrelated random splines already reach a Pearson correlation of about
0.30 under LLS 3: read it against that, not against 0. Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.

Values that are undefined (Pearson correlation of a flat curve) are NaN here; whoever averages counts them.
"""

import torch
from jaxtyping import Float
from torch import Tensor

FLAT_STD = 1e-4
"""A curve with a smaller standard deviation is flat: its correlation with anything is undefined."""


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
    """Pearson correlation over frames; NaN where either curve is flat."""
    x, y = target - target.mean(-1, keepdim=True), estimate - estimate.mean(-1, keepdim=True)
    x_std, y_std = x.square().mean(-1).sqrt(), y.square().mean(-1).sqrt()
    correlation = (x * y).mean(-1) / (x_std * y_std).clamp_min(1e-12)
    return torch.where((x_std < FLAT_STD) | (y_std < FLAT_STD), torch.nan, correlation.clamp(-1, 1))


def fit_same(
    target: Float[Tensor, "clip modulation frame"], estimate: Float[Tensor, "clip modulation frame"]
) -> Float[Tensor, "clip modulation frame"]:
    """LLS 1: each true curve as a weighted recovered curve of the same signal plus a bias."""
    return _fit(target[..., None], estimate[..., None])[..., 0]


def fit_all(
    target: Float[Tensor, "clip modulation frame"], estimate: Float[Tensor, "clip modulation frame"]
) -> Float[Tensor, "clip modulation frame"]:
    """LLS 3: each true curve as a weighted sum of all recovered curves plus a bias."""
    return _fit(target.transpose(1, 2), estimate.transpose(1, 2)).transpose(1, 2)


def _fit(
    target: Float[Tensor, "*shape frame curve"], regressors: Float[Tensor, "*shape frame regressor"]
) -> Float[Tensor, "*shape frame curve"]:
    design = torch.cat([regressors, torch.ones_like(regressors[..., :1])], -1).double()
    # gelsd solves by singular values, so flat or equal regressors give the smallest weights instead of an error.
    weights: Tensor = torch.linalg.lstsq(design, target.double(), driver="gelsd").solution
    return (design @ weights).to(target.dtype)
