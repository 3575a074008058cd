"""Modulation frames and audio samples: interpolation and frame times."""

import torch
from jaxtyping import Float
from torch import Tensor


def to_samples(
    frames: Float[Tensor, "*shape frame"], hop_length: int, n_samples: int
) -> Float[Tensor, "*shape {n_samples}"]:
    """Values at audio rate, interpolated linearly between frames; frame k lies at sample k * hop_length.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(frames.shape[-1], hop_length, n_samples)
    start, end = frames[..., :-1, None], frames[..., 1:, None]
    fraction = torch.arange(hop_length, dtype=frames.dtype, device=frames.device) / hop_length
    return torch.lerp(start, end, fraction).flatten(-2)[..., :n_samples]


def check_cover(n_frames: int, hop_length: int, n_samples: int) -> None:
    """
    Raises:
        ValueError: the frames end before the last sample.
    """
    if (n_frames - 1) * hop_length < n_samples:
        raise ValueError(
            f"{n_frames} frames at hop_length={hop_length} cover {(n_frames - 1) * hop_length} samples, "
            f"fewer than n_samples={n_samples}; give {-(-n_samples // hop_length) + 1} frames"
        )
