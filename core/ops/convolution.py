"""Convolution over mel bands and dilated time with "same" padding, as `torch.nn.functional.conv2d` defines it.

Memory is channels last, where torch's dilated gradients are about twice as fast as with channels first. Large inputs
are convolved phase by phase without dilation ("Dilated convolution" in README.md).
"""

from functools import cache
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Precision = Literal["fp32", "bf16"]


MIN_PHASE_FRAMES = 12
"""Frames per phase from which convolving by phases is faster: padding is then a small part of each."""


def same_conv2d(
    x: Float[Tensor, "batch channel mel frame"],
    weight: Float[Tensor, "out channel kernel_mel kernel_frame"],
    bias: Float[Tensor, " out"],
    dilation: int,
    precision: Precision = "fp32",
) -> Float[Tensor, "batch out mel frame"]:
    """`torch.nn.functional.conv2d(x, weight, bias, padding="same", dilation=(1, dilation))` for odd kernel sizes.

    Args:
        dilation: Over frames.
        precision: With "bf16", operands, results and their gradients are rounded to bfloat16, and sums are float32.
            Devices without bfloat16 units compute the same rounding in float32, which is no faster.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    weight = weight.contiguous(memory_format=torch.channels_last)
    if precision == "fp32":
        return _dilated(x, weight, bias, dilation)
    x, weight = x.bfloat16(), weight.bfloat16()
    if has_bf16_units(x.device.type):
        return _dilated(x, weight, bias.bfloat16(), dilation).float()
    return _dilated(x.float(), weight.float(), bias, dilation).bfloat16().float()


@cache
def has_bf16_units(device_type: str) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    if device_type != "cpu":
        return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _dilated(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """The convolution in the precision of its inputs."""
    batch, channels, n_mels, n_frames = x.shape
    padding_mel, padding_frame = weight.shape[2] // 2, weight.shape[3] // 2
    phase_frames = -(-n_frames // dilation)
    if dilation == 1 or phase_frames < MIN_PHASE_FRAMES:
        return F.conv2d(x, weight, bias, padding=(padding_mel, padding_frame * dilation), dilation=(1, dilation))
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, phase_frames * dilation - n_frames))
    phases = padded.view(batch, n_mels, phase_frames, dilation, channels).permute(3, 0, 1, 2, 4)
    y = F.conv2d(
        phases.reshape(dilation * batch, n_mels, phase_frames, channels).permute(0, 3, 1, 2),
        weight,
        bias,
        padding=(padding_mel, padding_frame),
    )
    y = y.permute(0, 2, 3, 1).reshape(dilation, batch, n_mels, phase_frames, -1).permute(1, 2, 3, 0, 4)
    return y.reshape(batch, n_mels, phase_frames * dilation, -1)[:, :, :n_frames].permute(0, 3, 1, 2)
