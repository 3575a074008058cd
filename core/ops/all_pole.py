"""A time-varying all-pole filter of second order, by torchlpc on the CPU and in parallel over chunks elsewhere.

    v[n] = x[n] - a1[n] v[n-1] - a2[n] v[n-2],  from zero state

The gradient is the transposed recursion in reversed time: grad_x[n] = grad_v[n] - a1[n+1] grad_x[n+1]
- a2[n+2] grad_x[n+2] and grad_a_i[n] = -grad_x[n] v[n-i]. Reference: Yu and Fazekas (2024), arXiv 2404.07970.

torchlpc is compiled on installation, and has no CUDA kernel where CUDA's compiler is missing then. So elsewhere than on
the CPU, and in exported programs, the clip is filtered in chunks side by side, as in `core.ops.linear_recurrence`: 2
kernel launches per sample of a chunk, and a scan over the chunks.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import at_hand
from core.ops.linear_recurrence import CHUNK_SAMPLES, states_before


def all_pole(audio: Float[Tensor, "batch sample"], a: Float[Tensor, "batch sample 2"]) -> Float[Tensor, "batch sample"]:
    """The filtered audio, from zero state, with coefficients (a1, a2) per sample; twice differentiable in both."""
    if not at_hand(audio):
        return all_pole_in_chunks(audio, a)
    # Importing torchlpc compiles its loops, which processes that use only the biquad's kernel need not wait for.
    from torchlpc import sample_wise_lpc

    filtered: Tensor = sample_wise_lpc(audio, a.contiguous())
    return filtered


def all_pole_in_chunks(
    audio: Float[Tensor, "batch sample"], a: Float[Tensor, "batch sample 2"]
) -> Float[Tensor, "batch sample"]:
    """`all_pole` in torch operations, computed in float64."""
    filtered: Tensor = _AllPoleInChunks.apply(audio, a)
    return filtered


class _AllPoleInChunks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, audio: Tensor, a: Tensor) -> Tensor:
        v = _recur(audio.double(), a.double()).to(audio.dtype)
        ctx.save_for_backward(a, v)
        return v

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        # Differentiable operations only, so that a second derivative needs no code of its own.
        a, v = ctx.saved_tensors
        later = torch.stack([F.pad(a[..., i], (0, i + 1))[:, i + 1 :] for i in range(2)], -1)
        grad_audio = all_pole_in_chunks(grad_output.flip(1), later.flip(1)).flip(1)
        delayed = torch.stack([F.pad(v, (i + 1, 0))[:, : v.shape[1]] for i in range(2)], -1)
        return grad_audio, -grad_audio[..., None] * delayed


def _recur(x: Float[Tensor, "batch sample"], a: Float[Tensor, "batch sample 2"]) -> Float[Tensor, "batch sample"]:
    batch, n_samples = x.shape
    n_chunks = -(-n_samples // CHUNK_SAMPLES)
    padding = n_chunks * CHUNK_SAMPLES - n_samples
    # Samples of a chunk first, so that one step of the loop reads contiguous memory.
    a1, a2 = (
        F.pad(each, (0, padding)).view(batch, n_chunks, CHUNK_SAMPLES).permute(2, 0, 1).contiguous()
        for each in a.unbind(-1)
    )
    source = F.pad(x, (0, padding)).view(batch, n_chunks, CHUNK_SAMPLES).permute(2, 0, 1)
    silence = torch.zeros_like(source)
    # Three responses: to the audio from zero state, and to silence from v[-1] = 1 and from v[-2] = 1.
    sources = torch.stack([source, silence, silence], 1)
    v1, v2 = torch.zeros_like(sources[:2])
    v1[1].fill_(1)
    v2[2].fill_(1)
    responses = []
    for x0, a1_, a2_ in zip(sources.unbind(), a1.unbind(), a2.unbind(), strict=True):
        v0 = torch.addcmul(torch.addcmul(x0, a2_, v2, value=-1), a1_, v1, value=-1)
        responses.append(v0)
        v2, v1 = v1, v0
    forced, first, second = torch.stack(responses, -1).unbind()
    matrix = torch.stack([response[..., -2:].flip(-1) for response in (first, second)], -1)
    start = states_before(matrix, forced[..., -2:].flip(-1))
    return (forced + first * start[..., :1] + second * start[..., 1:]).flatten(1)[:, :n_samples]
