"""Several bidirectional LSTMs over one input, all their directions in one pass.

    z = W x[t] + U h[t-1] + bias,  i, f, o = sigmoid(z_i, z_f, z_o),  g = tanh(z_g)
    c[t] = f c[t-1] + i g,  h[t] = o tanh(c[t])

The inputs' share of z is one matrix product for all LSTMs; the recurrence is a loop whose vectors are too short for
a library that starts anew for each LSTM. Reference: Hochreiter and Schmidhuber (1997), with forget gates (Gers et al.
2000), weights and gate order as in torch.nn.LSTM, which is the slow reference here.
"""

from collections.abc import Sequence
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.kernels import array, has_kernel, kernel

WIDEST = 32
"""Hidden units above which the library's matrix products win."""


def bidirectional_lstms(
    latent: Float[Tensor, "batch frame width"], lstms: Sequence[nn.LSTM]
) -> Float[Tensor, "lstm batch frame both"]:
    """What each LSTM (one layer, bidirectional, batch first, all of one size) makes of the same input from silence."""
    cells = [(lstm, suffix) for lstm in lstms for suffix in ("", "_reverse")]
    hidden = lstms[0].hidden_size
    weights = [getattr(lstm, f"weight_hh_l0{suffix}") for lstm, suffix in cells]
    if hidden > WIDEST or latent.dtype != torch.float32 or not has_kernel(latent, *weights):
        return bidirectional_lstms_reference(latent, lstms)
    parameters = [
        getattr(lstm, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        for lstm, suffix in cells
    ]
    states: Tensor = _Recurrence.apply(latent, len(cells), *parameters)
    return states


def bidirectional_lstms_reference(
    latent: Float[Tensor, "batch frame width"], lstms: Sequence[nn.LSTM]
) -> Float[Tensor, "lstm batch frame both"]:
    """The same by the library, one after the other."""
    return torch.stack([lstm(latent)[0] for lstm in lstms])


class _Recurrence(torch.autograd.Function):
    """Latent and the parameters of all cells, first all inputs' weights, then the states', then both biases.

    Every second cell runs backwards in time. Double backward is not offered: nothing differentiates an encoder twice.
    """

    @staticmethod
    def forward(ctx: Any, latent: Tensor, n_cells: int, *parameters: Tensor) -> Tensor:
        batch, n_frames, width = latent.shape
        of_inputs, of_states, *biases = (
            torch.stack(parameters[i : i + n_cells]) for i in range(0, len(parameters), n_cells)
        )
        hidden = of_states.shape[2]
        # Time comes before the batch, so that what a step of the loop needs lies together.
        rows = latent.transpose(0, 1).reshape(1, -1, width).expand(n_cells, -1, -1)
        inputs = torch.baddbmm((biases[0] + biases[1])[:, None], rows, of_inputs.transpose(1, 2))
        gates = inputs.view(n_cells, n_frames, batch, 4, hidden)
        c, tanh_c, states = torch.empty(3, n_cells, n_frames, batch, hidden)
        _recur(array(of_states.transpose(1, 2)), *(tensor.numpy() for tensor in (gates, c, tanh_c, states)))
        ctx.save_for_backward(rows, of_inputs, of_states, gates, c, tanh_c, states)
        by_lstm: Tensor = states.view(n_cells // 2, 2, n_frames, batch, hidden).permute(0, 3, 2, 1, 4)
        return by_lstm.flatten(3)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, of_inputs, of_states, gates, c, tanh_c, states = ctx.saved_tensors
        n_frames, batch, _, hidden = gates.shape[1:]
        d_states = gradient.view(-1, batch, n_frames, 2, hidden).permute(0, 3, 2, 1, 4).reshape(states.shape)
        d_inputs = torch.empty_like(gates)
        _recur_backwards(*(tensor.numpy() for tensor in (d_states.contiguous(), of_states, gates, c, tanh_c, d_inputs)))
        d_inputs = d_inputs.flatten(3)
        d_of_states = torch.empty_like(of_states)
        # A cell's first step began from zero, so it says nothing about these weights.
        for direction, late, early in ((0, slice(1, None), slice(-1)), (1, slice(-1), slice(1, None))):
            pull, before = d_inputs[direction::2, late].flatten(1, 2), states[direction::2, early].flatten(1, 2)
            torch.bmm(pull.transpose(1, 2), before, out=d_of_states[direction::2])
        pull = d_inputs.flatten(1, 2)
        d_latent = None
        if ctx.needs_input_grad[0]:
            d_latent = torch.bmm(pull, of_inputs).sum(0).view(n_frames, batch, -1).transpose(0, 1)
        d_of_inputs = torch.bmm(pull.transpose(1, 2), rows).unbind()
        d_bias = pull.sum(1).unbind()
        return d_latent, None, *d_of_inputs, *d_of_states.unbind(), *d_bias, *d_bias


@kernel
@no_type_check
def _sigmoid(x, bits, out, size):
    """out = 1 / (1 + e^-x); bits is scratch for integers. e^y = 2^n e^r, with e^r by its series, |r| < 0.35."""
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
    """Turn the inputs' share of z into activated gates; fill cell states, their tanh, and outputs.

    Weights are (cell, hidden, 4 hidden).

    Indices instead of slices, which would cost more than what is done with them.
    """
    n_cells, n_frames, batch, _, hidden = gates.shape
    size = 4 * hidden
    z, bits = np.empty((batch, size), np.float32), np.empty(batch * size, np.int32)
    by_gate, doubled = z.reshape(batch, 4, hidden), np.empty((batch, hidden), np.float32)
    inputs = gates.reshape(n_cells, n_frames, batch, size)
    two, one = np.float32(2.0), np.float32(1.0)
    for cell in range(n_cells):
        into = weights[cell]
        for step in range(n_frames):
            t = step if cell % 2 == 0 else n_frames - 1 - step
            before = t - 1 if cell % 2 == 0 else t + 1
            for clip in range(batch):
                for i in range(size):
                    z[clip, i] = inputs[cell, t, clip, i]
                if step > 0:
                    # Four states at once spare z three ways to memory and back.
                    for j in range(0, hidden - 3, 4):
                        h0, h1 = states[cell, before, clip, j], states[cell, before, clip, j + 1]
                        h2, h3 = states[cell, before, clip, j + 2], states[cell, before, clip, j + 3]
                        for i in range(size):
                            z[clip, i] += (h0 * into[j, i] + h1 * into[j + 1, i]) + (
                                h2 * into[j + 2, i] + h3 * into[j + 3, i]
                            )
                    for j in range(hidden // 4 * 4, hidden):
                        h0 = states[cell, before, clip, j]
                        for i in range(size):
                            z[clip, i] += h0 * into[j, i]
                # tanh x = 2 sigmoid(2 x) - 1
                for i in range(hidden):
                    by_gate[clip, 2, i] *= two
            _sigmoid(z.reshape(-1), bits, gates[cell, t].reshape(-1), batch * size)
            for clip in range(batch):
                for i in range(hidden):
                    new = two * gates[cell, t, clip, 2, i] - one
                    gates[cell, t, clip, 2, i] = new
                    value = gates[cell, t, clip, 0, i] * new
                    if step > 0:
                        value += gates[cell, t, clip, 1, i] * c[cell, before, clip, i]
                    c[cell, t, clip, i] = value
                    doubled[clip, i] = two * value
            _sigmoid(doubled.reshape(-1), bits, tanh_c[cell, t].reshape(-1), batch * hidden)
            for clip in range(batch):
                for i in range(hidden):
                    tanh = two * tanh_c[cell, t, clip, i] - one
                    tanh_c[cell, t, clip, i] = tanh
                    states[cell, t, clip, i] = gates[cell, t, clip, 3, i] * tanh


@kernel
@no_type_check
def _recur_backwards(gradient, weights, gates, c, tanh_c, d_inputs):
    """Fill the gradients of z; weights are (cell, 4 hidden, hidden)."""
    n_cells, n_frames, batch, _, hidden = gates.shape
    size = 4 * hidden
    d_h, d_c = np.empty((batch, hidden), np.float32), np.empty((batch, hidden), np.float32)
    d_z = d_inputs.reshape(n_cells, n_frames, batch, size)
    zero, one = np.float32(0.0), np.float32(1.0)
    for cell in range(n_cells):
        into = weights[cell]
        d_h[:] = 0
        d_c[:] = 0
        for step in range(n_frames - 1, -1, -1):
            t = step if cell % 2 == 0 else n_frames - 1 - step
            # The first step reads its own state, and takes none of it.
            before = t if step == 0 else (t - 1 if cell % 2 == 0 else t + 1)
            carried = zero if step == 0 else one
            for clip in range(batch):
                for i in range(hidden):
                    in_, forget = gates[cell, t, clip, 0, i], gates[cell, t, clip, 1, i]
                    new, out = gates[cell, t, clip, 2, i], gates[cell, t, clip, 3, i]
                    tanh = tanh_c[cell, t, clip, i]
                    dh = d_h[clip, i] + gradient[cell, t, clip, i]
                    dc = d_c[clip, i] + dh * out * (one - tanh * tanh)
                    c_before = carried * c[cell, before, clip, i]
                    d_inputs[cell, t, clip, 0, i] = dc * new * in_ * (one - in_)
                    d_inputs[cell, t, clip, 1, i] = dc * c_before * forget * (one - forget)
                    d_inputs[cell, t, clip, 2, i] = dc * in_ * (one - new * new)
                    d_inputs[cell, t, clip, 3, i] = dh * tanh * out * (one - out)
                    d_c[clip, i] = dc * forget
                    d_h[clip, i] = 0
            # Clips in turn, since each sum waits for the one before it.
            for k in range(0, size, 4):
                for clip in range(batch):
                    z0, z1 = d_z[cell, t, clip, k], d_z[cell, t, clip, k + 1]
                    z2, z3 = d_z[cell, t, clip, k + 2], d_z[cell, t, clip, k + 3]
                    for i in range(hidden):
                        d_h[clip, i] += (z0 * into[k, i] + z1 * into[k + 1, i]) + (
                            z2 * into[k + 2, i] + z3 * into[k + 3, i]
                        )
