"""The sums that a spectral distance is made of, per clip and STFT, in few passes over the spectra.

    magnitude = sqrt(max(re^2 + im^2, eps)),  E of the estimate, T of the target
    difference = sum (T - E)^2,  power = sum T^2,  log_distance = sum |ln E - ln T|

Windowed frames are cut straight from the sound (reflected at its ends) into one buffer, only as wide as the window:
where in the FFT's zeros it lies changes phases, not magnitudes. The logarithms are taken of products of ratios, one for
several bins. The gradient of all sums runs back in two passes and one inverse FFT. STFTs as torch's and auraloss's
(Steinmetz and Reiss 2020): centred, periodic Hann window.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.config import Resolution
from core.kernels import array, gradients_by_reference, has_kernel, kernel

EPS = 1e-8
"""Smallest squared magnitude, auraloss's."""
_BINS_PER_LOGARITHM = 8
"""Products of so many ratios stay in float64's range even where each is float32's largest magnitude over the least."""

Sums = Float[Tensor, "3 batch"]
"""difference, power, log_distance of each clip."""


def stft_sums(
    estimate: Float[Tensor, "batch sample"], target: Float[Tensor, "batch sample"], resolution: Resolution
) -> Sums:
    """Differentiable in the estimate only.

    Raises:
        ValueError: as `check_resolution`.
    """
    check_resolution(resolution, target.shape[1])
    if not has_kernel(estimate, target) or target.requires_grad:
        return stft_sums_reference(estimate, target, resolution)
    sums: Tensor = _StftSums.apply(estimate, target, resolution)
    return sums


def check_resolution(resolution: Resolution, n_samples: int) -> None:
    """
    Raises:
        ValueError: the clips are too short for the reflection at their ends, or the window is longer than the FFT.
    """
    if not (resolution.win_length <= resolution.n_fft and resolution.n_fft // 2 < n_samples):
        raise ValueError(
            "a spectral distance needs clips longer than half its n_fft, and a win_length of at most n_fft; "
            f"got {n_samples} samples and {resolution}; choose other loss.resolutions or longer clips"
        )


def stft_sums_reference(
    estimate: Float[Tensor, "batch sample"], target: Float[Tensor, "batch sample"], resolution: Resolution
) -> Sums:
    """The same by torch operations."""
    window = torch.hann_window(resolution.win_length, dtype=estimate.dtype, device=estimate.device)

    def magnitude(audio: Tensor) -> Tensor:
        spectrum = torch.stft(
            audio, resolution.n_fft, resolution.hop_length, resolution.win_length, window, return_complex=True
        )
        return (spectrum.real.square() + spectrum.imag.square()).clamp_min(EPS).sqrt()

    e, t = magnitude(estimate), magnitude(target)
    return torch.stack([(t - e).square().sum((1, 2)), t.square().sum((1, 2)), (e.log() - t.log()).abs().sum((1, 2))])


def n_bins(n_samples: int, resolution: Resolution) -> int:
    """Time-frequency bins of one clip."""
    return _n_frames(n_samples, resolution) * (resolution.n_fft // 2 + 1)


def _n_frames(n_samples: int, resolution: Resolution) -> int:
    """Those of torch, whose padding is a sample short of an odd FFT."""
    return (n_samples - resolution.n_fft % 2) // resolution.hop_length + 1


class _StftSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, estimate: Tensor, target: Tensor, resolution: Resolution) -> Tensor:
        batch, n_samples = estimate.shape
        n_frames = _n_frames(n_samples, resolution)
        window = _window(resolution, estimate.dtype)
        frames = torch.empty(2, batch, n_frames, resolution.n_fft, dtype=estimate.dtype)
        for part, audio in enumerate((estimate, target)):
            _cut(array(audio), window, resolution.hop_length, frames[part].numpy())
        spectra = torch.fft.rfft(frames)
        sums = torch.empty(3, batch, dtype=torch.float64)
        magnitudes = torch.empty(2, *spectra.shape[1:], dtype=estimate.dtype)
        _sum_up(_interleaved(spectra), EPS, magnitudes.numpy(), sums.numpy())
        ctx.save_for_backward(estimate, target, spectra[0], magnitudes)
        ctx.resolution = resolution
        return sums.to(estimate.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None]:
        estimate, target, spectrum, magnitudes = ctx.saved_tensors
        resolution: Resolution = ctx.resolution
        if torch.is_grad_enabled():

            def reference(estimate: Tensor) -> Tensor:
                return stft_sums_reference(estimate, target, resolution)

            return gradients_by_reference(reference, (estimate,), (True,), gradient)[0], None, None
        pulled = torch.empty_like(spectrum)
        _pull_spectrum(
            _interleaved(spectrum),
            magnitudes.numpy(),
            array(gradient.double()),
            EPS,
            resolution.n_fft,
            _interleaved(pulled),
        )
        frames = torch.fft.irfft(pulled, n=resolution.n_fft, norm="forward")
        d_estimate = np.zeros(tuple(estimate.shape), array(estimate).dtype)
        _paste(frames.numpy(), _window(resolution, estimate.dtype), resolution.hop_length, d_estimate)
        return torch.from_numpy(d_estimate), None, None


def _window(resolution: Resolution, dtype: torch.dtype) -> Any:
    return torch.hann_window(resolution.win_length, dtype=dtype).numpy()


def _interleaved(spectrum: Tensor) -> Any:
    """Real and imaginary parts in turn along the last axis."""
    return torch.view_as_real(spectrum).flatten(-2).numpy()


@kernel
@no_type_check
def _cut(audio, window, hop_length, frames):
    """Windowed frames, zero after the window; what torch's centring reflects is read where it is reflected from."""
    n_samples, n_window, n_fft = audio.shape[1], window.shape[0], frames.shape[2]
    offset = (n_fft - n_window) // 2 - n_fft // 2
    for clip in range(audio.shape[0]):
        for frame in range(frames.shape[1]):
            first = frame * hop_length + offset
            into = frames[clip, frame]
            if first >= 0 and first + n_window <= n_samples:
                part = audio[clip, first : first + n_window]
                for i in range(n_window):
                    into[i] = part[i] * window[i]
            else:
                for i in range(n_window):
                    at = abs(first + i)
                    if at >= n_samples:
                        at = 2 * (n_samples - 1) - at
                    into[i] = audio[clip, at] * window[i]
            into[n_window:] = 0


@kernel
@no_type_check
def _paste(frames, window, hop_length, d_audio):
    """The transpose of `_cut`: overlap-add."""
    n_samples, n_window, n_fft = d_audio.shape[1], window.shape[0], frames.shape[2]
    offset = (n_fft - n_window) // 2 - n_fft // 2
    for clip in range(d_audio.shape[0]):
        for frame in range(frames.shape[1]):
            first = frame * hop_length + offset
            part = frames[clip, frame]
            if first >= 0 and first + n_window <= n_samples:
                onto = d_audio[clip, first : first + n_window]
                for i in range(n_window):
                    onto[i] += part[i] * window[i]
            else:
                for i in range(n_window):
                    at = abs(first + i)
                    if at >= n_samples:
                        at = 2 * (n_samples - 1) - at
                    d_audio[clip, at] += part[i] * window[i]


@kernel
@no_type_check
def _sum_up(spectra, eps, magnitudes, sums):
    """Fill magnitudes (2, batch, frame, bin) and sums (3, batch) from interleaved spectra of estimate and target."""
    _, batch, n_frames, n_bins = magnitudes.shape
    smallest = spectra.dtype.type(eps)
    ratio = np.ones(n_bins + _BINS_PER_LOGARITHM, spectra.dtype)
    for clip in range(batch):
        difference = power = log_distance = 0.0
        for frame in range(n_frames):
            for part in range(2):
                both, out = spectra[part, clip, frame], magnitudes[part, clip, frame]
                for k in range(n_bins):
                    re, im = both[2 * k], both[2 * k + 1]
                    out[k] = np.sqrt(max(re * re + im * im, smallest))
            e, t = magnitudes[0, clip, frame], magnitudes[1, clip, frame]
            frame_difference = frame_power = spectra.dtype.type(0)
            for k in range(n_bins):
                frame_difference += (t[k] - e[k]) * (t[k] - e[k])
                frame_power += t[k] * t[k]
                ratio[k] = max(e[k], t[k]) / min(e[k], t[k])
            difference += frame_difference
            power += frame_power
            for k in range(0, n_bins, _BINS_PER_LOGARITHM):
                product = 1.0
                for j in range(k, k + _BINS_PER_LOGARITHM):
                    product *= np.float64(ratio[j])
                log_distance += np.log(product)
        sums[0, clip], sums[1, clip], sums[2, clip] = difference, power, log_distance


@kernel
@no_type_check
def _pull_spectrum(spectrum, magnitudes, pull, eps, n_fft, pulled):
    """Gradient of the pulled sums (3, batch) with respect to the estimate's spectrum, halved where irfft doubles it."""
    _, batch, n_frames, n_bins = magnitudes.shape
    zero = spectrum.dtype.type(0)
    one = spectrum.dtype.type(1)
    # A magnitude at the floor does not move; one just above it may round to it, which costs nothing.
    floor = np.sqrt(spectrum.dtype.type(eps))
    scale = np.empty(n_bins, spectrum.dtype)
    for clip in range(batch):
        by_difference, by_log = spectrum.dtype.type(pull[0, clip]), spectrum.dtype.type(0.5 * pull[2, clip])
        for frame in range(n_frames):
            e, t = magnitudes[0, clip, frame], magnitudes[1, clip, frame]
            for k in range(n_bins):
                inverse = one / e[k] if e[k] > floor else zero
                towards = by_log if e[k] > t[k] else (-by_log if e[k] < t[k] else zero)
                scale[k] = inverse * (by_difference * (e[k] - t[k]) + towards * inverse)
            scale[0] *= 2
            if n_fft % 2 == 0:
                scale[n_bins - 1] *= 2
            source, out = spectrum[clip, frame], pulled[clip, frame]
            for k in range(n_bins):
                out[2 * k] = scale[k] * source[2 * k]
                out[2 * k + 1] = scale[k] * source[2 * k + 1]
