"""The sums that a spectral distance is made of, per clip and STFT, in few passes over the spectra.

    magnitude = sqrt(max(re^2 + im^2, eps)),  E of the estimate, T of the target
    difference = sum (T - E)^2,  power = sum T^2,  log_distance = sum |ln E - ln T|

Windowed frames are cut straight from the sound (reflected at its ends) into one buffer, only as wide as the window:
where in the FFT's zeros it lies changes phases, not magnitudes. One pass over the spectra finds all sums, and keeps of
each bin what its gradient needs:

    pull = (1 - T / E) d difference + sign(E - T) / E^2 d log_distance / 2,  times the estimate's bin

The logarithms are taken of products of squared ratios, one per bin and clip, whose exponents are set aside in time. The
gradient runs back in one pass and one inverse FFT. STFTs as torch's and auraloss's (Steinmetz and Reiss 2020): centred,
periodic Hann window.
"""

from functools import cache
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.config import Resolution
from core.kernels import array, gradients_by_reference, has_kernel, kernel

EPS = 1e-8
"""Smallest squared magnitude, auraloss's."""
_SAMPLES_AT_A_TIME = 2**19
"""Of windowed frames: twice to eight times as many were slower at 48 kHz, half as many at 16 kHz."""
_RATIOS_PER_PRODUCT = 7
"""So many of float32's largest numbers stay in float64's range."""

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
    """A few clips at a time, so that their frames and spectra fit into a core's cache."""

    @staticmethod
    def forward(ctx: Any, estimate: Tensor, target: Tensor, resolution: Resolution) -> Tensor:
        batch, n_samples = estimate.shape
        n_frames = _n_frames(n_samples, resolution)
        window = _window(resolution.win_length, estimate.dtype)
        size = max(1, _SAMPLES_AT_A_TIME // (n_frames * resolution.n_fft))
        frames = torch.empty(min(size, batch), n_frames, resolution.n_fft, dtype=estimate.dtype)
        # Where no gradient is wanted, the next few clips write over what is kept for it.
        is_trained = ctx.needs_input_grad[0]
        pulls = torch.empty(
            batch if is_trained else len(frames), 2, n_frames, resolution.n_fft // 2 + 1, dtype=estimate.dtype
        )
        sums, spectra = torch.empty(batch, 3, dtype=torch.float64), []
        for few in (slice(start, start + size) for start in range(0, batch, size)):
            pair = []
            for audio in (estimate[few], target[few]):
                cut = frames[: len(audio)]
                _cut(array(audio), window, resolution.hop_length, cut.numpy())
                pair.append(torch.fft.rfft(cut))
            of_few = pulls[few] if is_trained else pulls[: len(cut)]
            _sum_up(*map(_interleaved, pair), EPS, of_few.numpy(), sums[few].numpy())
            if is_trained:
                spectra.append(pair[0])
        ctx.save_for_backward(estimate, target, pulls, *spectra)
        ctx.resolution = resolution
        return sums.t().to(estimate.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None]:
        estimate, target, pulls, *spectra = ctx.saved_tensors
        resolution: Resolution = ctx.resolution
        if torch.is_grad_enabled():

            def reference(estimate: Tensor) -> Tensor:
                return stft_sums_reference(estimate, target, resolution)

            return gradients_by_reference(reference, (estimate,), (True,), gradient)[0], None, None
        window, by_clip = _window(resolution.win_length, estimate.dtype), array(gradient.t().double())
        d_estimate, start = torch.zeros(estimate.shape, dtype=estimate.dtype), 0
        for spectrum in spectra:
            few = slice(start, start + len(spectrum))
            pulled = torch.empty_like(spectrum)
            _pull_spectrum(
                pulls[few].numpy(), _interleaved(spectrum), by_clip[few], resolution.n_fft, _interleaved(pulled)
            )
            frames = torch.fft.irfft(pulled, n=resolution.n_fft, norm="forward")
            _paste(frames.numpy(), window, resolution.hop_length, d_estimate[few].numpy())
            start = few.stop
        return d_estimate, None, None


@cache
def _window(length: int, dtype: torch.dtype) -> Any:
    return torch.hann_window(length, dtype=dtype).numpy()


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
def _sum_up(estimate, target, eps, pulls, sums):
    """Fill pulls (batch, 2, frame, bin) and sums (batch, 3) from interleaved spectra."""
    batch, _, n_frames, n_bins = pulls.shape
    smallest, zero, one = pulls.dtype.type(eps), pulls.dtype.type(0), pulls.dtype.type(1)
    ratios = np.empty(n_bins, pulls.dtype)
    up, down = np.empty(n_bins, np.float64), np.empty(n_bins, np.float64)
    for clip in range(batch):
        difference = power = log_distance = 0.0
        up[:] = 1
        down[:] = 1
        for frame in range(n_frames):
            e, t = estimate[clip, frame], target[clip, frame]
            by_difference, by_log = pulls[clip, 0, frame], pulls[clip, 1, frame]
            frame_difference = frame_power = zero
            for k in range(n_bins):
                e_power = max(e[2 * k] * e[2 * k] + e[2 * k + 1] * e[2 * k + 1], smallest)
                t_power = max(t[2 * k] * t[2 * k] + t[2 * k + 1] * t[2 * k + 1], smallest)
                inverse = one / e_power
                ratio = one if e_power == t_power else t_power * inverse
                pull = one - np.sqrt(ratio)
                frame_difference += e_power * pull * pull
                frame_power += t_power
                ratios[k] = ratio
                # A magnitude at the floor does not move.
                moving = inverse if e_power > smallest else zero
                by_difference[k] = pull if e_power > smallest else zero
                by_log[k] = moving if e_power > t_power else (-moving if e_power < t_power else zero)
            difference += frame_difference
            power += frame_power
            for k in range(n_bins):
                up[k] *= np.float64(max(ratios[k], one))
                down[k] *= np.float64(min(ratios[k], one))
            if frame % _RATIOS_PER_PRODUCT == _RATIOS_PER_PRODUCT - 1:
                log_distance += _set_exponents_aside(up) - _set_exponents_aside(down)
        for k in range(n_bins):
            log_distance += np.log(up[k]) - np.log(down[k])
        sums[clip, 0], sums[clip, 1], sums[clip, 2] = difference, power, 0.5 * log_distance


@kernel
@no_type_check
def _set_exponents_aside(products):
    """Leave positive products' mantissas in 1..2 and return the logarithm of what they lost."""
    bits = products.view(np.int64)
    exponents = np.int64(0)
    for k in range(bits.shape[0]):
        exponents += (bits[k] >> 52) - 1023
        bits[k] = (bits[k] & ((1 << 52) - 1)) | (1023 << 52)
    return exponents * np.log(2.0)


@kernel
@no_type_check
def _pull_spectrum(pulls, spectrum, gradient, n_fft, pulled):
    """Gradient of the pulled sums (batch, 3) with respect to the estimate's spectrum, halved where irfft doubles it."""
    batch, _, n_frames, n_bins = pulls.shape
    scale = np.empty(n_bins, pulls.dtype)
    for clip in range(batch):
        by_difference, by_log = pulls.dtype.type(gradient[clip, 0]), pulls.dtype.type(0.5 * gradient[clip, 2])
        for frame in range(n_frames):
            difference, log = pulls[clip, 0, frame], pulls[clip, 1, frame]
            source, out = spectrum[clip, frame], pulled[clip, frame]
            for k in range(n_bins):
                scale[k] = by_difference * difference[k] + by_log * log[k]
            scale[0] *= 2
            if n_fft % 2 == 0:
                scale[n_bins - 1] *= 2
            for k in range(n_bins):
                out[2 * k] = scale[k] * source[2 * k]
                out[2 * k + 1] = scale[k] * source[2 * k + 1]
