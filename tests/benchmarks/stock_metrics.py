"""The stock evaluation: clip after clip with numpy, scipy, torchaudio and auraloss."""

import warnings

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import entropy
from torchaudio.transforms import MelSpectrogram

from core.clips import Clips
from core.metrics.evaluation import Estimates
from core.settings.audio import AudioConfig
from core.settings.losses import standard_resolutions
from tests.benchmarks.stock import stock_loss

MODULATIONS = ("add", "sub", "env")
Curve = Float[ndarray, " frame"]


def stock_evaluation(estimates: Estimates) -> dict[str, float]:
    """Mean over clips of each metric, those of curves over all modulations together and by modulation."""
    clips, sample_rate = estimates.clips, estimates.sample_rate
    distance = stock_loss(standard_resolutions(sample_rate))
    window = round(0.05 * sample_rate)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="At least one mel filterbank")
        mel = MelSpectrogram(
            sample_rate,
            n_fft=1 << (window - 1).bit_length(),
            win_length=window,
            hop_length=round(0.0125 * sample_rate),
            n_mels=128,
        )
    found: dict[str, list[float]] = {}
    for i in range(len(clips)):
        target, estimate = clips.audio[i : i + 1], estimates.audio[i : i + 1]
        difference = mel(estimate).clamp_min(1e-8).log() - mel(target).clamp_min(1e-8).log()
        found.setdefault("audio.mss", []).append(float(distance(estimate[:, None], target[:, None])))
        found.setdefault("audio.mel", []).append(float(difference.abs().mean()))
        curves = estimates.modulation[i].numpy()
        truth = None if clips.modulation is None else clips.modulation[i].numpy()
        for k, modulation in enumerate(MODULATIONS):
            values = _shape_metrics(curves[k], estimates.frame_rate)
            numbers = float(estimates.numbers[i, k])
            values["interpretability.description_length"] = numbers * estimates.frame_rate / len(curves[k])
            if truth is not None:
                values |= _curve_metrics(truth[k], curves[k], curves)
            for name, value in values.items():
                found.setdefault(f"{name}.{modulation}", []).append(value)
    means = {name: float(np.nanmean(values)) for name, values in found.items()}
    groups = {name.rpartition(".")[0] for name in means if name.rpartition(".")[2] in MODULATIONS}
    return means | {
        group: float(np.mean([means[f"{group}.{modulation}"] for modulation in MODULATIONS])) for group in groups
    }


def _curve_metrics(target: Curve, same: Curve, every: Float[ndarray, "modulation frame"]) -> dict[str, float]:
    values = {}
    for fit, estimate in {"": same, ".lls1": _fit(target, same[None]), ".lls3": _fit(target, every)}.items():
        error = estimate - target
        flat = min(target.std(), estimate.std()) < 1e-4
        values[f"curves.l1{fit}"] = float(np.abs(error).mean())
        values[f"curves.l1_diff{fit}"] = float(np.abs((error[2:] - error[:-2]) / 2).mean())
        values[f"curves.pcc{fit}"] = float("nan") if flat else float(np.corrcoef(target, estimate)[0, 1])
    return values


def _fit(target: Curve, regressors: Float[ndarray, "regressor frame"]) -> Curve:
    design = np.vstack([regressors, np.ones_like(target)]).T.astype(np.float64)
    return design @ np.linalg.lstsq(design, target.astype(np.float64), rcond=None)[0]


def _shape_metrics(curve: Curve, frame_rate: float) -> dict[str, float]:
    value_range = float(np.ptp(curve))
    is_saturated = np.minimum(curve, 1 - curve) < 0.01
    values = {"interpretability.range": value_range, "interpretability.saturation": float(is_saturated.mean())}
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


def rough_estimates(n_clips: int, audio: AudioConfig) -> Estimates:
    """Clips with estimates that are wrong but not absurd."""
    draw = torch.Generator().manual_seed(0)
    target = torch.rand(n_clips, audio.n_samples, generator=draw) - 0.5
    curves = torch.rand(n_clips, len(MODULATIONS), audio.n_frames, generator=draw).cumsum(-1).sin() / 2 + 0.5
    clips = Clips(
        ids=tuple(map(str, range(n_clips))),
        audio=target,
        f0_hz=torch.full((n_clips,), 220.0),
        q=torch.zeros(n_clips),
        modulation=curves,
        modulation_names=MODULATIONS,
    )
    return Estimates(
        clips=clips,
        audio=0.7 * target + 0.1 * torch.rand(target.shape, generator=draw),
        modulation=0.6 * curves + 0.4 * torch.rand(curves.shape, generator=draw),
        numbers=torch.randint(1, audio.n_frames, curves.shape[:2], generator=draw).float(),
        modulation_names=MODULATIONS,
        sample_rate=audio.sample_rate,
        frame_rate=audio.frame_rate,
    )
