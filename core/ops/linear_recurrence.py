"""A time-varying linear recurrence of two states, in parallel over chunks of samples.

    s[n] = M[n] s[n-1] + u[n],  from zero state

The gradient is the transposed recurrence in reversed time: grad_u[n] = grad_s[n] + M[n+1]^T grad_u[n+1] and
grad_M[n] = grad_u[n] s[n-1]^T. A recurrence over samples in torch operations would launch a CUDA kernel per sample. So
the clip is cut into chunks, and all chunks are computed at once, sample by sample: from zero state, and without input
from each of the two unit states. A chunk maps the state before it linearly to the state after it, and the states before
all chunks follow from a scan over these maps in log2(chunks) rounds: Blelloch (1990), "Prefix sums and their
applications", CMU-CS-90-190; for linear recurrences Martin and Cundy (2018), arXiv 1709.04057.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

CHUNK_SAMPLES = 32
"""Samples of a chunk, which are computed one after the other."""


def linear_recurrence(
    matrix: Float[Tensor, "batch sample 2 2"], drive: Float[Tensor, "batch sample 2"]
) -> Float[Tensor, "batch sample 2"]:
    """The state after each sample, computed in float64; twice differentiable in both."""
    state: Tensor = _LinearRecurrence.apply(matrix, drive)
    return state


class _LinearRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor, drive: Tensor) -> Tensor:
        state = _recur(matrix.double(), drive.double()).to(drive.dtype)
        ctx.save_for_backward(matrix, state)
        return state

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        # Differentiable operations only, so that a second derivative needs no code of its own.
        matrix, state = ctx.saved_tensors
        later = F.pad(matrix, (0, 0, 0, 0, 0, 1))[:, 1:].transpose(-1, -2)
        grad_drive = linear_recurrence(later.flip(1), grad_output.flip(1)).flip(1)
        before = F.pad(state, (0, 0, 1, 0))[:, :-1]
        return grad_drive[..., None] * before[..., None, :], grad_drive


def _recur(
    matrix: Float[Tensor, "batch sample 2 2"], drive: Float[Tensor, "batch sample 2"]
) -> Float[Tensor, "batch sample 2"]:
    batch, n_samples = drive.shape[:2]
    n_chunks = -(-n_samples // CHUNK_SAMPLES)
    padding = n_chunks * CHUNK_SAMPLES - n_samples
    # Samples of a chunk first, so that one step of the loop reads contiguous memory.
    matrices = F.pad(matrix, (0, 0, 0, 0, 0, padding)).view(batch, n_chunks, CHUNK_SAMPLES, 2, 2)
    matrices = matrices.permute(2, 0, 1, 3, 4).contiguous()
    source = F.pad(drive, (0, 0, 0, padding)).view(batch, n_chunks, CHUNK_SAMPLES, 2).permute(2, 0, 1, 3)
    # Columns: the response to the drive from zero state, and to silence from each of the two unit states.
    sources = torch.stack([source, torch.zeros_like(source), torch.zeros_like(source)], -1)
    states = torch.eye(3, dtype=drive.dtype, device=drive.device)[1:].expand(batch, n_chunks, 2, 3)
    responses = []
    for each_matrix, each_source in zip(matrices.unbind(), sources.unbind(), strict=True):
        # Products of 2 x 2 matrices, for which a library's batched product is slow.
        states = each_source + each_matrix[..., :1] * states[..., :1, :] + each_matrix[..., 1:] * states[..., 1:, :]
        responses.append(states)
    start = states_before(states[..., 1:], states[..., 0])
    whole = torch.stack(responses, 2)
    found = whole[..., 0] + (whole[..., 1:] * start[:, :, None, None]).sum(-1)
    return found.flatten(1, 2)[:, :n_samples]


def states_before(
    matrix: Float[Tensor, "batch chunk 2 2"], offset: Float[Tensor, "batch chunk 2"]
) -> Float[Tensor, "batch chunk 2"]:
    """The state before each chunk, from zero state, where a chunk maps the state before it to matrix @ state + offset.

    After a round, the map of a chunk begins twice as many chunks earlier, until all begin at the first.
    """
    n_chunks, distance = matrix.shape[1], 1
    while distance < n_chunks:
        later, earlier = matrix[:, distance:], matrix[:, :-distance]
        reached = offset[:, distance:] + (later * offset[:, :-distance, None]).sum(-1)
        offset = torch.cat([offset[:, :distance], reached], 1)
        product = (later[..., None] * earlier[..., None, :, :]).sum(-2)
        matrix = torch.cat([matrix[:, :distance], product], 1)
        distance *= 2
    return F.pad(offset[:, :-1], (0, 0, 1, 0))
