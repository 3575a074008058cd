"""The phase of an oscillator at each sample, for a constant pitch or one that moves from frame to frame.

    phase(n) = phase_0 + sum of f(m) / sample_rate over the samples m before n

In closed form and float64, since a float32 running sum drifts. Between two frames the pitch moves linearly, so that the
sum within a hop of H samples, from increment a per sample to increment b, is a m + (b - a) m (m - 1) / (2 H) after m
samples; only the sum over whole hops is a running one. Phases count cycles and are not wrapped.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.frames import check_cover


def constant_pitch_phase(
    f0_hz: Float[Tensor, " batch"], phase: Float[Tensor, " batch"], n_samples: int, sample_rate: int
) -> Float[Tensor, "batch {n_samples}"]:
    """Phase of each sample in cycles, as float64.

    Args:
        f0_hz: Pitch of each clip.
        phase: Phase at the first sample, in cycles.
    """
    n = torch.arange(n_samples, dtype=torch.float64, device=f0_hz.device)
    return phase.double()[:, None] + f0_hz.double()[:, None] * n / sample_rate


def moving_pitch_phase(
    pitch_hz: Float[Tensor, "batch frame"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """Phase of each sample in cycles, as float64; differentiable in the pitch.

    Args:
        pitch_hz: Pitch at each frame; frame k lies at sample k * hop_length.
        phase: Phase at the first sample, in cycles.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(pitch_hz.shape[1], hop_length, n_samples)
    increment = pitch_hz.double() / sample_rate
    start, rise = increment[:, :-1, None], increment.diff(dim=1)[..., None]
    m = torch.arange(hop_length, dtype=torch.float64, device=pitch_hz.device)
    within = start * m + rise * (m * (m - 1) / (2 * hop_length))
    hops = start * hop_length + rise * ((hop_length - 1) / 2)
    before = hops.cumsum(1) - hops
    return (phase.double()[:, None, None] + before + within).flatten(1)[:, :n_samples]


def moving_pitch_phase_reference(
    pitch_hz: Float[Tensor, "batch frame"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """`moving_pitch_phase` sample by sample."""
    increment = pitch_hz.double() / sample_rate
    phases, current = [], phase.double()
    for n in range(n_samples):
        phases.append(current)
        frame, m = divmod(n, hop_length)
        current = current + torch.lerp(increment[:, frame], increment[:, frame + 1], m / hop_length)
    return torch.stack(phases, 1)
