"""Several bidirectional LSTMs of one size over one input, all directions in one pass.

    z = W x[t] + U h[t-1] + bias,  i, f, o = sigmoid(z_i, z_f, z_o),  g = tanh(z_g)
    c[t] = f c[t-1] + i g,  h[t] = o tanh(c[t])

W x is one batched matrix product for all LSTMs. The recurrence is a loop over vectors too short for a library call per
LSTM and frame. Reference: Hochreiter and Schmidhuber (1997), with forget gates (Gers et al. 2000); weights and gate
order are those of torch.nn.LSTM, the slow reference.
"""

from collections.abc import Sequence
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel

MAX_HIDDEN = 32
"""Largest hidden size for which the kernel is faster than torch's matrix products."""


def bidirectional_lstms(
    latent: Float[Tensor, "batch frame width"], lstms: Sequence[nn.LSTM]
) -> Float[Tensor, "lstm batch frame both"]:
    """The outputs of each LSTM from zero state; all have one layer, two directions, batch_first and the same size."""
    cells = [(lstm, suffix) for lstm in lstms for suffix in ("", "_reverse")]
    hidden = lstms[0].hidden_size
    weights = [getattr(lstm, f"weight_hh_l0{suffix}") for lstm, suffix in cells]
    if hidden > MAX_HIDDEN or latent.dtype != torch.float32 or not use_kernel(latent, *weights):
        return bidirectional_lstms_reference(latent, lstms)
    parameters = [
        getattr(lstm, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        for lstm, suffix in cells
    ]
    states: Tensor = _BidirectionalLstms.apply(latent, len(cells), *parameters)
    return states


def bidirectional_lstms_reference(
    latent: Float[Tensor, "batch frame width"], lstms: Sequence[nn.LSTM]
) -> Float[Tensor, "lstm batch frame both"]:
    """`bidirectional_lstms` by torch, one LSTM after the other."""
    return torch.stack([lstm(latent)[0] for lstm in lstms])


def _reference_of_parameters(latent: Tensor, n_cells: int, parameters: Sequence[Tensor]) -> Tensor:
    """The reference as a function of the parameters, in the order of `_BidirectionalLstms`."""
    zeros = latent.new_zeros(2, latent.shape[0], parameters[n_cells].shape[1])
    outputs = []
    for cell in range(0, n_cells, 2):
        weights = [*parameters[cell::n_cells], *parameters[cell + 1 :: n_cells]]
        outputs.append(torch.lstm(latent, (zeros, zeros), weights, True, 1, 0.0, False, True, True)[0])
    return torch.stack(outputs)


class _BidirectionalLstms(torch.autograd.Function):
    """A cell is one direction of one LSTM; every second cell runs backward in time.

    Parameters are those of all cells by kind: input weights, state weights, input biases, state biases.
    """

    @staticmethod
    def forward(ctx: Any, latent: Tensor, n_cells: int, *parameters: Tensor) -> Tensor:
        batch, n_frames, width = latent.shape
        input_weights, state_weights, *biases = (
            torch.stack(parameters[i : i + n_cells]) for i in range(0, len(parameters), n_cells)
        )
        hidden = state_weights.shape[2]
        # Frames before clips, so that one step of the loop reads contiguous memory.
        rows = latent.transpose(0, 1).reshape(1, -1, width).expand(n_cells, -1, -1)
        inputs = torch.baddbmm((biases[0] + biases[1])[:, None], rows, input_weights.transpose(1, 2))
        gates = inputs.view(n_cells, n_frames, batch, 4, hidden)
        c, tanh_c, states = torch.empty(3, n_cells, n_frames, batch, hidden)
        _recur(as_numpy(state_weights.transpose(1, 2)), *(tensor.numpy() for tensor in (gates, c, tanh_c, states)))
        ctx.save_for_backward(latent, *parameters, rows, input_weights, state_weights, gates, c, tanh_c, states)
        ctx.n_cells = n_cells
        lstm_states: Tensor = states.view(n_cells // 2, 2, n_frames, batch, hidden).permute(0, 3, 2, 1, 4)
        return lstm_states.flatten(3)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        latent, *parameters, rows, input_weights, state_weights, gates, c, tanh_c, states = ctx.saved_tensors
        if torch.is_grad_enabled():
            needs_latent, _, *needs_parameters = ctx.needs_input_grad
            grad_latent, *grads = double_backward(
                lambda latent, *parameters: _reference_of_parameters(latent, ctx.n_cells, parameters),
                (latent, *parameters),
                (needs_latent, *needs_parameters),
                grad_output,
            )
            return grad_latent, None, *grads
        n_frames, batch, _, hidden = gates.shape[1:]
        grad_states = grad_output.view(-1, batch, n_frames, 2, hidden).permute(0, 3, 2, 1, 4).reshape(states.shape)
        grad_z = torch.empty_like(gates)
        arrays = (grad_states.contiguous(), state_weights, gates, c, tanh_c, grad_z)
        _recur_backward(*(tensor.numpy() for tensor in arrays))
        grad_z = grad_z.flatten(3)
        grad_state_weights = torch.empty_like(state_weights)
        # The first step of a cell starts from zero state and does not depend on these weights.
        for direction, later, earlier in ((0, slice(1, None), slice(-1)), (1, slice(-1), slice(1, None))):
            grad_later, previous = (
                grad_z[direction::2, later].flatten(1, 2),
                states[direction::2, earlier].flatten(1, 2),
            )
            torch.bmm(grad_later.transpose(1, 2), previous, out=grad_state_weights[direction::2])
        grad_rows = grad_z.flatten(1, 2)
        grad_latent = None
        if ctx.needs_input_grad[0]:
            grad_latent = torch.bmm(grad_rows, input_weights).sum(0).view(n_frames, batch, -1).transpose(0, 1)
        grad_input_weights = torch.bmm(grad_rows.transpose(1, 2), rows).unbind()
        grad_bias = grad_rows.sum(1).unbind()
        return grad_latent, None, *grad_input_weights, *grad_state_weights.unbind(), *grad_bias, *grad_bias


@kernel
@no_type_check
def _sigmoid(x, bits, out, size):
    """out = 1 / (1 + e^-x) as in "Sigmoid by exponent bits" of README.md; bits is scratch memory."""
    for i in range(size):
        y = min(max(-x[i], np.float32(-87.0)), np.float32(87.0))
        n = np.floor(y * np.float32(1.4426950408889634) + np.float32(0.5))
        r = (y - n * np.float32(0.693359375)) + n * np.float32(2.12194440e-4)
        series = np.float32(1 / 5040)
        series = series * r + np.float32(1 / 720)
        series = series * r + np.float32(1 / 120)
        series = series * r + np.float32(1 / 24)
        series = series * r + np.float32(1 / 6)
        series = series * r + np.float32(0.5)
        series = series * r + np.float32(1.0)
        out[i] = series * r + np.float32(1.0)
        bits[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
    powers = bits.view(np.float32)
    for i in range(size):
        out[i] = np.float32(1.0) / (np.float32(1.0) + out[i] * powers[i])


@kernel
@no_type_check
def _recur(weights, gates, c, tanh_c, states):
    """Turn gates, which hold W x + bias, into activated gates; fill cell states, their tanh and the outputs.

    Weights are (cell, hidden, 4 hidden). Elements are indexed one by one, since slices cost more than the arithmetic.
    """
    n_cells, n_frames, batch, _, hidden = gates.shape
    size = 4 * hidden
    z, bits = np.empty((batch, size), np.float32), np.empty(batch * size, np.int32)
    z_gates, doubled_c = z.reshape(batch, 4, hidden), np.empty((batch, hidden), np.float32)
    inputs = gates.reshape(n_cells, n_frames, batch, size)
    two, one = np.float32(2.0), np.float32(1.0)
    for cell in range(n_cells):
        weight = weights[cell]
        for step in range(n_frames):
            t = step if cell % 2 == 0 else n_frames - 1 - step
            previous = t - 1 if cell % 2 == 0 else t + 1
            for clip in range(batch):
                for i in range(size):
                    z[clip, i] = inputs[cell, t, clip, i]
                if step > 0:
                    # Four states per pass, so that z is read and written a quarter as often.
                    for j in range(0, hidden - 3, 4):
                        h0, h1 = states[cell, previous, clip, j], states[cell, previous, clip, j + 1]
                        h2, h3 = states[cell, previous, clip, j + 2], states[cell, previous, clip, j + 3]
                        for i in range(size):
                            z[clip, i] += (h0 * weight[j, i] + h1 * weight[j + 1, i]) + (
                                h2 * weight[j + 2, i] + h3 * weight[j + 3, i]
                            )
                    for j in range(hidden // 4 * 4, hidden):
                        h0 = states[cell, previous, clip, j]
                        for i in range(size):
                            z[clip, i] += h0 * weight[j, i]
                # tanh x = 2 sigmoid(2 x) - 1
                for i in range(hidden):
                    z_gates[clip, 2, i] *= two
            _sigmoid(z.reshape(-1), bits, gates[cell, t].reshape(-1), batch * size)
            for clip in range(batch):
                for i in range(hidden):
                    candidate = two * gates[cell, t, clip, 2, i] - one
                    gates[cell, t, clip, 2, i] = candidate
                    value = gates[cell, t, clip, 0, i] * candidate
                    if step > 0:
                        value += gates[cell, t, clip, 1, i] * c[cell, previous, clip, i]
                    c[cell, t, clip, i] = value
                    doubled_c[clip, i] = two * value
            _sigmoid(doubled_c.reshape(-1), bits, tanh_c[cell, t].reshape(-1), batch * hidden)
            for clip in range(batch):
                for i in range(hidden):
                    tanh = two * tanh_c[cell, t, clip, i] - one
                    tanh_c[cell, t, clip, i] = tanh
                    states[cell, t, clip, i] = gates[cell, t, clip, 3, i] * tanh


@kernel
@no_type_check
def _recur_backward(grad_states, weights, gates, c, tanh_c, grad_gates):
    """Fill the gradients of z (cell, frame, batch, 4, hidden); weights are (cell, 4 hidden, hidden)."""
    n_cells, n_frames, batch, _, hidden = gates.shape
    size = 4 * hidden
    grad_h, grad_c = np.empty((batch, hidden), np.float32), np.empty((batch, hidden), np.float32)
    grad_z = grad_gates.reshape(n_cells, n_frames, batch, size)
    zero, one = np.float32(0.0), np.float32(1.0)
    for cell in range(n_cells):
        weight = weights[cell]
        grad_h[:] = 0
        grad_c[:] = 0
        for step in range(n_frames - 1, -1, -1):
            t = step if cell % 2 == 0 else n_frames - 1 - step
            # The first step has no previous state: it reads its own, times zero.
            previous = t if step == 0 else (t - 1 if cell % 2 == 0 else t + 1)
            has_previous = zero if step == 0 else one
            for clip in range(batch):
                for i in range(hidden):
                    input_gate, forget_gate = gates[cell, t, clip, 0, i], gates[cell, t, clip, 1, i]
                    candidate, output_gate = gates[cell, t, clip, 2, i], gates[cell, t, clip, 3, i]
                    tanh = tanh_c[cell, t, clip, i]
                    dh = grad_h[clip, i] + grad_states[cell, t, clip, i]
                    dc = grad_c[clip, i] + dh * output_gate * (one - tanh * tanh)
                    previous_c = has_previous * c[cell, previous, clip, i]
                    grad_gates[cell, t, clip, 0, i] = dc * candidate * input_gate * (one - input_gate)
                    grad_gates[cell, t, clip, 1, i] = dc * previous_c * forget_gate * (one - forget_gate)
                    grad_gates[cell, t, clip, 2, i] = dc * input_gate * (one - candidate * candidate)
                    grad_gates[cell, t, clip, 3, i] = dh * tanh * output_gate * (one - output_gate)
                    grad_c[clip, i] = dc * forget_gate
                    grad_h[clip, i] = 0
            # Clips in the inner loop, since consecutive sums of one clip depend on each other.
            for k in range(0, size, 4):
                for clip in range(batch):
                    z0, z1 = grad_z[cell, t, clip, k], grad_z[cell, t, clip, k + 1]
                    z2, z3 = grad_z[cell, t, clip, k + 2], grad_z[cell, t, clip, k + 3]
                    for i in range(hidden):
                        grad_h[clip, i] += (z0 * weight[k, i] + z1 * weight[k + 1, i]) + (
                            z2 * weight[k + 2, i] + z3 * weight[k + 3, i]
                        )
