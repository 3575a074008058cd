"""Sums from which spectral distances are computed, per clip and STFT, in few passes over the spectra.

    magnitude = sqrt(max(re^2 + im^2, eps)),  E of the estimate, T of the target
    difference = sum (T - E)^2,  power = sum T^2,  log_distance = sum |ln E - ln T|

Frames are only as wide as the window: where the window lies within the FFT's zero padding changes phases, not
magnitudes. One pass over the spectra computes all sums and saves two factors per bin for the gradient, which is

    ((1 - T / E) grad_difference + sign(E - T) / E^2 grad_log_distance / 2) times the estimate's bin

and one inverse FFT. The logarithm is taken of products of ratios ("Logarithms of products" in README.md). STFTs are
those of torch and auraloss (Steinmetz and Reiss 2020): centred, reflected at the ends, periodic Hann window.
"""

from functools import cache
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel
from core.ops.sizes import StftSize, check_stft_size

EPS = 1e-8
"""Smallest squared magnitude, as in auraloss."""


_CHUNK_SAMPLES = 2**19
"""Samples of windowed frames per chunk of clips: 2 to 8 times as many are slower at 48 kHz, half as many at 16 kHz."""


_RATIOS_PER_PRODUCT = 7
"""Ratios per product before exponents are removed: the 7th power of float32's maximum is finite in float64."""


Sums = Float[Tensor, "3 batch"]
"""Difference, power and log distance of each clip."""


def stft_sums(
    estimate: Float[Tensor, "batch sample"], target: Float[Tensor, "batch sample"], resolution: StftSize
) -> Sums:
    """The sums of each clip; the kernel is differentiable in the estimate, the reference also in the target.

    Raises:
        ValueError: the clips are too short for the reflection at their ends, or the window is longer than the FFT.
    """
    check_stft_size(resolution.n_fft, resolution.win_length, target.shape[1])
    if not use_kernel(estimate, target) or target.requires_grad:
        return stft_sums_reference(estimate, target, resolution)
    sums: Tensor = _StftSums.apply(estimate, target, resolution)
    return sums


def stft_sums_reference(
    estimate: Float[Tensor, "batch sample"], target: Float[Tensor, "batch sample"], resolution: StftSize
) -> Sums:
    """`stft_sums` in torch operations."""
    window = torch.hann_window(resolution.win_length, dtype=estimate.dtype, device=estimate.device)

    def magnitude(audio: Tensor) -> Tensor:
        spectrum = torch.stft(
            audio, resolution.n_fft, resolution.hop_length, resolution.win_length, window, return_complex=True
        )
        return (spectrum.real.square() + spectrum.imag.square()).clamp_min(EPS).sqrt()

    e, t = magnitude(estimate), magnitude(target)
    return torch.stack([(t - e).square().sum((1, 2)), t.square().sum((1, 2)), (e.log() - t.log()).abs().sum((1, 2))])


def n_bins(n_samples: int, resolution: StftSize) -> int:
    """Number of time-frequency bins of one clip."""
    return _n_frames(n_samples, resolution) * (resolution.n_fft // 2 + 1)


def _n_frames(n_samples: int, resolution: StftSize) -> int:
    """Number of frames of `torch.stft`, whose padding is one sample short of an odd n_fft."""
    return (n_samples - resolution.n_fft % 2) // resolution.hop_length + 1


class _StftSums(torch.autograd.Function):
    """A chunk of clips at a time, whose frames and spectra fit a core's cache."""

    @staticmethod
    def forward(ctx: Any, estimate: Tensor, target: Tensor, resolution: StftSize) -> Tensor:
        batch, n_samples = estimate.shape
        n_frames = _n_frames(n_samples, resolution)
        window = _window(resolution.win_length, estimate.dtype)
        size = max(1, _CHUNK_SAMPLES // (n_frames * resolution.n_fft))
        frames = torch.empty(min(size, batch), n_frames, resolution.n_fft, dtype=estimate.dtype)
        # Without a gradient, every chunk overwrites the factors of the one before.
        needs_grad = ctx.needs_input_grad[0]
        grad_factors = torch.empty(
            batch if needs_grad else len(frames), 2, n_frames, resolution.n_fft // 2 + 1, dtype=estimate.dtype
        )
        sums, spectra = torch.empty(batch, 3, dtype=torch.float64), []
        for chunk in (slice(start, start + size) for start in range(0, batch, size)):
            pair = []
            for audio in (estimate[chunk], target[chunk]):
                chunk_frames = frames[: len(audio)]
                _fill_frames(as_numpy(audio), window, resolution.hop_length, chunk_frames.numpy())
                pair.append(torch.fft.rfft(chunk_frames))
            chunk_factors = grad_factors[chunk] if needs_grad else grad_factors[: len(chunk_frames)]
            _sum_bins(*map(_interleaved, pair), EPS, chunk_factors.numpy(), sums[chunk].numpy())
            if needs_grad:
                spectra.append(pair[0])
        ctx.save_for_backward(estimate, target, grad_factors, *spectra)
        ctx.resolution = resolution
        return sums.t().to(estimate.dtype)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, None, None]:
        estimate, target, grad_factors, *spectra = ctx.saved_tensors
        resolution: StftSize = ctx.resolution
        if torch.is_grad_enabled():

            def reference(estimate: Tensor) -> Tensor:
                return stft_sums_reference(estimate, target, resolution)

            return double_backward(reference, (estimate,), (True,), grad_output)[0], None, None
        window, grad_sums = _window(resolution.win_length, estimate.dtype), as_numpy(grad_output.t().double())
        grad_estimate, start = torch.zeros(estimate.shape, dtype=estimate.dtype), 0
        for spectrum in spectra:
            chunk = slice(start, start + len(spectrum))
            grad_spectrum = torch.empty_like(spectrum)
            _sum_bins_backward(
                grad_factors[chunk].numpy(),
                _interleaved(spectrum),
                grad_sums[chunk],
                resolution.n_fft,
                _interleaved(grad_spectrum),
            )
            grad_frames = torch.fft.irfft(grad_spectrum, n=resolution.n_fft, norm="forward")
            _fill_frames_backward(grad_frames.numpy(), window, resolution.hop_length, grad_estimate[chunk].numpy())
            start = chunk.stop
        return grad_estimate, None, None


@cache
def _window(length: int, dtype: torch.dtype) -> Any:
    return torch.hann_window(length, dtype=dtype).numpy()


def _interleaved(spectrum: Tensor) -> Any:
    """The spectrum as an array (..., 2 * bin) of alternating real and imaginary parts; shares memory."""
    return torch.view_as_real(spectrum).flatten(-2).numpy()


@kernel
@no_type_check
def _fill_frames(audio, window, hop_length, frames):
    """Fill windowed frames (batch, frame, n_fft), zero after the window; the audio is reflected at its ends."""
    n_samples, n_window, n_fft = audio.shape[1], window.shape[0], frames.shape[2]
    offset = (n_fft - n_window) // 2 - n_fft // 2
    for clip in range(audio.shape[0]):
        for frame in range(frames.shape[1]):
            first = frame * hop_length + offset
            out = frames[clip, frame]
            if first >= 0 and first + n_window <= n_samples:
                samples = audio[clip, first : first + n_window]
                for i in range(n_window):
                    out[i] = samples[i] * window[i]
            else:
                for i in range(n_window):
                    index = abs(first + i)
                    if index >= n_samples:
                        index = 2 * (n_samples - 1) - index
                    out[i] = audio[clip, index] * window[i]
            out[n_window:] = 0


@kernel
@no_type_check
def _fill_frames_backward(grad_frames, window, hop_length, grad_audio):
    """The transpose of `_fill_frames`, overlap-add: add to grad_audio."""
    n_samples, n_window, n_fft = grad_audio.shape[1], window.shape[0], grad_frames.shape[2]
    offset = (n_fft - n_window) // 2 - n_fft // 2
    for clip in range(grad_audio.shape[0]):
        for frame in range(grad_frames.shape[1]):
            first = frame * hop_length + offset
            grad_frame = grad_frames[clip, frame]
            if first >= 0 and first + n_window <= n_samples:
                out = grad_audio[clip, first : first + n_window]
                for i in range(n_window):
                    out[i] += grad_frame[i] * window[i]
            else:
                for i in range(n_window):
                    index = abs(first + i)
                    if index >= n_samples:
                        index = 2 * (n_samples - 1) - index
                    grad_audio[clip, index] += grad_frame[i] * window[i]


@kernel
@no_type_check
def _sum_bins(estimate, target, eps, grad_factors, sums):
    """Fill grad_factors (batch, 2, frame, bin) and sums (batch, 3) from interleaved spectra."""
    batch, _, n_frames, n_bins = grad_factors.shape
    smallest, zero, one = grad_factors.dtype.type(eps), grad_factors.dtype.type(0), grad_factors.dtype.type(1)
    ratios = np.empty(n_bins, grad_factors.dtype)
    # Per bin, the products over frames of the squared ratios above 1 and of those below 1.
    product_above, product_below = np.empty(n_bins, np.float64), np.empty(n_bins, np.float64)
    for clip in range(batch):
        difference = power = log_distance = 0.0
        product_above[:] = 1
        product_below[:] = 1
        for frame in range(n_frames):
            e, t = estimate[clip, frame], target[clip, frame]
            difference_factor, log_factor = grad_factors[clip, 0, frame], grad_factors[clip, 1, frame]
            frame_difference = frame_power = zero
            for k in range(n_bins):
                e_power = max(e[2 * k] * e[2 * k] + e[2 * k + 1] * e[2 * k + 1], smallest)
                t_power = max(t[2 * k] * t[2 * k] + t[2 * k + 1] * t[2 * k + 1], smallest)
                inverse = one / e_power
                ratio = one if e_power == t_power else t_power * inverse
                factor = one - np.sqrt(ratio)
                frame_difference += e_power * factor * factor
                frame_power += t_power
                ratios[k] = ratio
                # A magnitude clamped to the smallest has no gradient.
                log_slope = inverse if e_power > smallest else zero
                difference_factor[k] = factor if e_power > smallest else zero
                log_factor[k] = log_slope if e_power > t_power else (-log_slope if e_power < t_power else zero)
            difference += frame_difference
            power += frame_power
            for k in range(n_bins):
                product_above[k] *= np.float64(max(ratios[k], one))
                product_below[k] *= np.float64(min(ratios[k], one))
            if frame % _RATIOS_PER_PRODUCT == _RATIOS_PER_PRODUCT - 1:
                log_distance += _remove_exponents(product_above) - _remove_exponents(product_below)
        for k in range(n_bins):
            log_distance += np.log(product_above[k]) - np.log(product_below[k])
        sums[clip, 0], sums[clip, 1], sums[clip, 2] = difference, power, 0.5 * log_distance


@kernel
@no_type_check
def _remove_exponents(products):
    """Divide positive products by powers of two so that they lie in 1..2; return the sum of the powers' logarithms."""
    bits = products.view(np.int64)
    exponents = np.int64(0)
    for k in range(bits.shape[0]):
        exponents += (bits[k] >> 52) - 1023
        bits[k] = (bits[k] & ((1 << 52) - 1)) | (1023 << 52)
    return exponents * np.log(2.0)


@kernel
@no_type_check
def _sum_bins_backward(grad_factors, spectrum, grad_sums, n_fft, grad_spectrum):
    """Fill the gradient of the estimate's spectrum; bins which irfft counts twice are halved."""
    batch, _, n_frames, n_bins = grad_factors.shape
    scale = np.empty(n_bins, grad_factors.dtype)
    for clip in range(batch):
        grad_difference = grad_factors.dtype.type(grad_sums[clip, 0])
        half_grad_log = grad_factors.dtype.type(0.5 * grad_sums[clip, 2])
        for frame in range(n_frames):
            difference_factor, log_factor = grad_factors[clip, 0, frame], grad_factors[clip, 1, frame]
            source, out = spectrum[clip, frame], grad_spectrum[clip, frame]
            for k in range(n_bins):
                scale[k] = grad_difference * difference_factor[k] + half_grad_log * log_factor[k]
            scale[0] *= 2
            if n_fft % 2 == 0:
                scale[n_bins - 1] *= 2
            for k in range(n_bins):
                out[2 * k] = scale[k] * source[2 * k]
                out[2 * k + 1] = scale[k] * source[2 * k + 1]
