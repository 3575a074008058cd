"""The stock evaluation: clip after clip with numpy, scipy, librosa, torchaudio and auraloss."""

import warnings

import librosa
import numpy as np
import torch
from auraloss.freq import MelSTFTLoss
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import convolve1d
from torch import Tensor, nn
from torchaudio.transforms import MFCC, MelSpectrogram

from core.clips import Clips
from core.metrics.evaluation import Estimates
from core.settings.audio import AudioConfig
from core.settings.losses import standard_resolutions
from tests.benchmarks.stock import stock_loss
from tests.benchmarks.stock_curve_metrics import Curve, curve_distances, curve_properties, fitted

MODULATIONS = ("add", "sub", "env")


def stock_evaluation(estimates: Estimates) -> dict[str, float]:
    """Mean over clips of each metric, those of curves over all modulations together and by modulation."""
    clips, rate = estimates.clips, estimates.sample_rate
    sounds = _Sounds(rate)
    found: dict[str, list[float]] = {}
    for i in range(len(clips)):
        target, estimate = clips.audio[i], estimates.audio[i]
        curves = estimates.modulation[i].numpy()
        values = sounds.distances(target, estimate) | _proxies(target, estimate, curves, rate, estimates.frame_rate)
        truth = None if clips.modulation is None else clips.modulation[i].numpy()
        for k, modulation in enumerate(MODULATIONS):
            of_curve = curve_properties(curves[k], estimates.frame_rate)
            numbers = float(estimates.numbers[i, k])
            of_curve["interpretability.description_length"] = numbers * estimates.frame_rate / len(curves[k])
            if truth is not None:
                of_curve |= curve_distances(truth[k], curves[k], curves)
            values |= {f"{name}.{modulation}": value for name, value in of_curve.items()}
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        means = {name: float(np.nanmean(values)) for name, values in found.items()}
        groups = {name.rpartition(".")[0] for name in means if name.rpartition(".")[2] in MODULATIONS}
        return means | {
            group: float(np.nanmean([means[f"{group}.{modulation}"] for modulation in MODULATIONS])) for group in groups
        }


class _Sounds:
    """Distances of sounds of one sample rate."""

    def __init__(self, sample_rate: int) -> None:
        window = round(0.05 * sample_rate)
        sizes = {"n_fft": 1 << (window - 1).bit_length(), "win_length": window, "n_mels": 128}
        sizes["hop_length"] = round(0.0125 * sample_rate)
        self.mss = stock_loss(standard_resolutions(sample_rate))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="At least one mel filterbank")
            self.mel: nn.Module = MelSpectrogram(sample_rate, **sizes)
            self.mfcc: nn.Module = MFCC(sample_rate, 40, log_mels=True, melkwargs=sizes)
        self.mel_stft: nn.Module = MelSTFTLoss(
            sample_rate, sizes["n_fft"], sizes["hop_length"], sizes["win_length"], n_mels=128
        )

    def distances(self, target: Float[Tensor, " sample"], estimate: Float[Tensor, " sample"]) -> dict[str, float]:
        pair = estimate[None, None], target[None, None]
        logs = [self.mel(audio).clamp_min(1e-8).log() for audio in pair]
        cepstra = [self.mfcc(audio) for audio in pair]
        return {
            "audio.mss": float(self.mss(*pair)),
            "audio.mel_stft": float(self.mel_stft(*pair)),
            "audio.log_mel": float((logs[0] - logs[1]).abs().mean()),
            "audio.mfcc": float((cepstra[0] - cepstra[1]).abs().mean()),
        }


def _proxies(
    target: Float[Tensor, " sample"],
    estimate: Float[Tensor, " sample"],
    curves: Float[ndarray, "modulation frame"],
    sample_rate: int,
    frame_rate: float,
) -> dict[str, float]:
    """Distances of the features of both sounds, and of those of the target from their fit by the curves."""
    values = {}
    half = int(frame_rate / 16)
    taps = np.sinc(16 / frame_rate * np.arange(-half, half + 1)) * np.blackman(2 * half + 1)
    taps = np.maximum(taps, 0) / np.maximum(taps, 0).sum()
    pair = [
        _features(audio.double().numpy(), sample_rate, round(sample_rate / frame_rate)) for audio in (target, estimate)
    ]
    for name in pair[0]:
        x, y = pair[0][name], pair[1][name]
        for suffix, filtered in {
            "": (x, y),
            "_8hz": tuple(convolve1d(z, taps, mode="nearest") for z in (x, y)),
        }.items():
            low, high = filtered[0].min(), filtered[0].max()
            if high - low <= 0.01 * high:
                low = high = np.nan
            scaled = [(z - low) / (high - low) for z in filtered]
            for projection, other in {"": scaled[1], ".lls3": fitted(scaled[0], curves)}.items():
                values[f"proxies.{name}{suffix}_l1{projection}"] = float(np.abs(scaled[0] - other).mean())
                values[f"proxies.{name}{suffix}_pcc{projection}"] = float(np.corrcoef(scaled[0], other)[0, 1])
    return values


def _features(audio: Float[ndarray, " sample"], sample_rate: int, hop_length: int) -> dict[str, Curve]:
    """Level, centroid, bandwidth and flatness of each frame."""
    n_fft = 1 << (round(0.02 * sample_rate) - 1).bit_length()
    window = librosa.filters.get_window("hann", n_fft)
    frames = librosa.util.frame(np.pad(audio, n_fft // 2, mode="reflect"), frame_length=n_fft, hop_length=hop_length)
    magnitude = np.abs(np.fft.rfft(frames * window[:, None], axis=0))
    return {
        "rms": np.sqrt((np.square(frames * window[:, None]).sum(0)) / np.square(window).sum()),
        "centroid": librosa.feature.spectral_centroid(S=magnitude, sr=sample_rate)[0],
        "bandwidth": librosa.feature.spectral_bandwidth(S=magnitude, sr=sample_rate)[0],
        "flatness": librosa.feature.spectral_flatness(S=magnitude)[0],
    }


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
