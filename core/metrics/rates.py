"""Dominant rate of a modulation curve: the frequency of its strongest periodic component.

The curve is freed of its linear trend, multiplied by a Hann window and zero-padded; the largest peak of the power
spectrum is refined by a parabola through the logarithms of its three bins (Smith, "Spectral Audio Signal Processing",
2011, "Quadratic Interpolation of Spectral Peaks"). The trend is fitted again together with a sine of the rate found,
because alone it takes a part of slow oscillations, which would shift their rate: at two cycles by up to 7 %.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from core.metrics.curves import FLAT_STD

MIN_CYCLES = 1.5
"""Fewest cycles in a clip: a slower oscillation cannot be told from a single bend of the curve."""
MIN_SHARE = 0.5
"""Smallest share of the power in the peak's main lobe; a sawtooth's fundamental has 0.61, a square's 0.81."""
MIN_OSCILLATION = 0.25
"""Smallest share of the curve's variance that is left without its trend: a ripple on a ramp is not its rate."""
_PADDING = 4
"""Length of the padded curve as a multiple of its own."""
_HALF_LOBE = 2.0
"""Half the width of the Hann window's main lobe, in bins of the unpadded curve."""


def dominant_rate_hz(curve: Float[Tensor, "*shape frame"], frame_rate: float) -> Float[Tensor, "*shape"]:
    """Dominant rate of each curve in Hz; NaN for a curve that is flat or aperiodic, or has undefined values.

    A curve is aperiodic if its trend has more than three quarters of its variance, if less than half of the remaining
    power lies in the main lobe of the largest peak, or if that peak has fewer than 1.5 cycles in the clip.

    Args:
        curve: The curves.
        frame_rate: Their frames per second.
    """
    n_frames = curve.shape[-1]
    if n_frames < 8:
        return torch.full(curve.shape[:-1], torch.nan, device=curve.device)
    is_defined = curve.isfinite().all(-1)
    values = curve.nan_to_num(0.0, 0.0, 0.0).double()
    window = torch.hann_window(n_frames, periodic=False, dtype=torch.float64, device=curve.device)
    n_fft = _PADDING * n_frames
    cycles = torch.arange(n_fft // 2 + 1, device=curve.device) / _PADDING

    def peak_of(residual: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Power spectrum, index of its largest bin, and the refined index."""
        power = torch.fft.rfft(residual * window, n=n_fft).abs().square()
        peak = power.masked_fill(cycles < 1.0, 0.0)[..., :-1].argmax(-1)
        return power, peak, peak + _offset(power, peak)

    *_, first = peak_of(_detrended(values))
    residual = _detrended(values, first / _PADDING)
    power, peak, refined = peak_of(residual)
    rate = refined * frame_rate / n_fft
    in_lobe = (cycles - peak[..., None] / _PADDING).abs() <= _HALF_LOBE
    share = (power * in_lobe).sum(-1) / power.sum(-1).clamp_min(1e-30)
    deviation = curve.double().std(-1, correction=0)
    is_oscillation = residual.square().mean(-1) >= MIN_OSCILLATION * deviation.square()
    is_clear = is_defined & (deviation >= FLAT_STD) & is_oscillation
    is_clear &= (share >= MIN_SHARE) & (rate * n_frames / frame_rate >= MIN_CYCLES)
    return torch.where(is_clear, rate, torch.nan).to(curve.dtype)


# ---------------------------------------------------------------------------------------------------------------------


def _detrended(
    curve: Float[Tensor, "*shape frame"], n_cycles: Float[Tensor, "*shape"] | None = None
) -> Float[Tensor, "*shape frame"]:
    """The curve without its line, by least squares alone or together with a sine of this number of cycles."""
    time = torch.arange(curve.shape[-1], dtype=curve.dtype, device=curve.device) / curve.shape[-1]
    line = torch.stack([torch.ones_like(time), time - 0.5], -1).expand(*curve.shape, 2)
    regressors = line
    if n_cycles is not None:
        phase = 2 * math.pi * n_cycles[..., None] * time
        regressors = torch.cat([line, torch.stack([phase.cos(), phase.sin()], -1)], -1)
    weights: Tensor = torch.linalg.lstsq(
        regressors, curve[..., None], driver="gelsd" if curve.is_cpu else None
    ).solution
    return curve - (line @ weights[..., :2, :])[..., 0]


def _offset(power: Float[Tensor, "*shape bin"], peak: Tensor) -> Float[Tensor, "*shape"]:
    """Distance in bins from the peak's bin to the top of the parabola through it and its neighbours."""
    indices = (peak[..., None] + torch.tensor([-1, 0, 1], device=power.device)).clamp(0, power.shape[-1] - 1)
    left, middle, right = power.clamp_min(1e-30).log().gather(-1, indices).unbind(-1)
    curvature = left - 2 * middle + right
    return torch.where(curvature < 0, 0.5 * (left - right) / curvature, 0.0).clamp(-0.5, 0.5)
