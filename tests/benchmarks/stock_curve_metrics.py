"""The metrics of one curve or one pair of curves with numpy, scipy and librosa."""

import librosa
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import detrend
from scipy.stats import entropy

Curve = Float[ndarray, " frame"]


def curve_distances(target: Curve, same: Curve, every: Float[ndarray, "modulation frame"]) -> dict[str, float]:
    """Distances of a recovered curve from the true one, and of the fits of the true one by it and by all."""
    values = {}
    for projection, estimate in {"": same, ".lls1": fitted(target, same[None]), ".lls3": fitted(target, every)}.items():
        error = estimate - target
        flat = min(target.std(), estimate.std()) < 1e-4
        values[f"curves.l1{projection}"] = float(np.abs(error).mean())
        values[f"curves.l1_diff{projection}"] = float(np.abs((error[2:] - error[:-2]) / 2).mean())
        values[f"curves.pcc{projection}"] = float("nan") if flat else float(np.corrcoef(target, estimate)[0, 1])
        values[f"curves.frechet{projection}"] = frechet(target, estimate)
        values[f"curves.dtw{projection}"] = warped_l1(target, estimate, round(0.1 * len(target)))
        values[f"curves.esr{projection}"] = float(np.square(error).sum() / np.square(target).sum())
    return values


def frechet(target: Curve, estimate: Curve) -> float:
    """Discrete Frechet distance: the recursion over anti-diagonals of the matrix of distances."""
    n = len(target)
    time = np.linspace(0, 1, n)
    distance = np.hypot(time[:, None] - time, target.astype(np.float64)[:, None] - estimate)
    # One diagonal holds cells (i, d - i) at the place i + 1.
    before, last = np.full(n + 1, np.inf), np.full(n + 1, np.inf)
    for d in range(2 * n - 1):
        i = np.arange(max(0, d - n + 1), min(d, n - 1) + 1)
        reached = np.minimum(np.minimum(last[i], last[i + 1]), before[i]) if d else np.zeros(1)
        diagonal = np.full(n + 1, np.inf)
        diagonal[i + 1] = np.maximum(reached, distance[i, d - i])
        before, last = last, diagonal
    return float(last[n])


def warped_l1(target: Curve, estimate: Curve, radius: int) -> float:
    """Dynamic time warping with librosa, which counts the first pair once and leaves out its band's last diagonals."""
    n = len(target)
    costs, _ = librosa.sequence.dtw(
        target[None].astype(np.float64),
        estimate[None].astype(np.float64),
        weights_mul=np.array([2.0, 1.0, 1.0]),
        global_constraints=True,
        band_rad=(radius + 1) / n,
    )
    return float((costs[-1, -1] + abs(float(target[0]) - float(estimate[0]))) / (2 * n))


def fitted(target: Curve, regressors: Float[ndarray, "regressor frame"]) -> Curve:
    """Least-squares fit of the target by the regressors and a bias; NaN if the target has such values."""
    if np.isnan(target).any():
        return np.full_like(target, np.nan)
    design = np.vstack([regressors, np.ones_like(target)]).T.astype(np.float64)
    return design @ np.linalg.lstsq(design, target.astype(np.float64), rcond=None)[0]


def curve_properties(curve: Curve, frame_rate: float) -> dict[str, float]:
    """What a curve is like by itself."""
    value_range = float(np.ptp(curve))
    is_saturated = np.minimum(curve, 1 - curve) < 0.01
    values = {
        "interpretability.range": value_range,
        "interpretability.saturation": float(is_saturated.mean()),
        "interpretability.dominant_rate": _dominant_rate(curve, frame_rate),
    }
    if value_range < 0.05:
        nothing = ("tv", "turning_points", "spectral_entropy")
        return values | {f"interpretability.{name}": float("nan") for name in nothing}
    scaled = (curve - curve.min()) / value_range
    step = np.diff(curve)
    magnitude = np.abs(np.fft.rfft(scaled))
    values["interpretability.tv"] = float(np.abs(np.diff(scaled)).mean() * frame_rate)
    values["interpretability.turning_points"] = float((step[1:] * step[:-1] < 0).mean())
    values["interpretability.spectral_entropy"] = float(entropy(magnitude) / np.log(len(magnitude)))
    return values


def _dominant_rate(curve: Curve, frame_rate: float) -> float:
    """Rate of the largest peak of the padded spectrum, if it is clear and of one and a half cycles or more."""
    n, time = len(curve), np.arange(len(curve)) / len(curve)

    def peak_of(residual: Curve) -> tuple[Float[ndarray, " bin"], int, float]:
        power = np.abs(np.fft.rfft(residual * np.hanning(n), 4 * n)) ** 2
        peak = 4 + int(power[4:-1].argmax())
        left, middle, right = np.log(np.maximum(power[peak - 1 : peak + 2], 1e-30))
        curvature = left - 2 * middle + right
        offset = np.clip(0.5 * (left - right) / curvature, -0.5, 0.5) if curvature < 0 else 0.0
        return power, peak, (peak + float(offset)) / 4

    values = curve.astype(np.float64)
    phase = 2 * np.pi * peak_of(detrend(values))[2] * time
    line = np.stack([np.ones(n), time - 0.5], 1)
    design = np.column_stack([line, np.cos(phase), np.sin(phase)])
    residual = values - line @ np.linalg.lstsq(design, values, rcond=None)[0][:2]
    power, peak, cycles = peak_of(residual)
    lobe = power[np.abs(np.arange(len(power)) - peak) <= 8].sum()
    is_clear = values.std() >= 1e-4 and np.square(residual).mean() >= 0.25 * values.var() and lobe >= 0.5 * power.sum()
    return cycles * frame_rate / n if is_clear and cycles >= 1.5 else float("nan")
