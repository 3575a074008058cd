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
    batch, n_frames, width = latent.shape
    into = torch.stack([getattr(lstm, f"weight_ih_l0{suffix}") for lstm, suffix in cells])
    bias = torch.stack(
        [getattr(lstm, f"bias_ih_l0{suffix}") + getattr(lstm, f"bias_hh_l0{suffix}") for lstm, suffix in cells]
    )
    # Time comes before the batch, so that what a step of the loop needs lies together.
    inputs = torch.baddbmm(
        bias[:, None], latent.transpose(0, 1).reshape(1, -1, width).expand(len(cells), -1, -1), into.transpose(1, 2)
    )
    states: Tensor = _Recurrence.apply(inputs.view(len(cells), n_frames, batch, 4 * hidden), torch.stack(weights))
    return states.view(len(lstms), 2, n_frames, batch, hidden).permute(0, 3, 2, 1, 4).flatten(3)


def bidirectional_lstms_reference(
    latent: Float[Tensor, "batch frame width"], lstms: Sequence[nn.LSTM]
) -> Float[Tensor, "lstm batch frame both"]:
    """The same by the library, one after the other."""
    return torch.stack([lstm(latent)[0] for lstm in lstms])


class _Recurrence(torch.autograd.Function):
    """(cell, frame, batch, 4 hidden) inputs and (cell, 4 hidden, hidden) weights to (cell, frame, batch, hidden).

    Every second cell runs backwards in time. Double backward is not offered: nothing differentiates an encoder twice.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weights: Tensor) -> Tensor:
        z = array(inputs)
        h = np.empty((*z.shape[:3], weights.shape[-1]), z.dtype)
        c, tanh_c, gates = np.empty_like(h), np.empty_like(h), np.empty_like(z)
        _recur(z, array(weights.transpose(1, 2)), gates, c, tanh_c, h)
        states = torch.from_numpy(h)
        ctx.save_for_backward(weights, *map(torch.from_numpy, (gates, c, tanh_c)), states)
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        weights, gates, c, tanh_c, h = ctx.saved_tensors
        d_inputs = torch.empty_like(gates)
        _recur_backwards(
            array(gradient), array(weights.transpose(1, 2)), *(t.numpy() for t in (gates, c, tanh_c, d_inputs))
        )
        d_weights = torch.empty_like(weights)
        # A cell's first step began from zero, so it says nothing about these weights.
        for cell, (pull, state) in enumerate(zip(d_inputs, h, strict=True)):
            late, early = (pull[:-1], state[1:]) if cell % 2 else (pull[1:], state[:-1])
            torch.mm(late.flatten(0, 1).t(), early.flatten(0, 1), out=d_weights[cell])
        return d_inputs, d_weights


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
def _add_four(total, factors, rows, first, size):
    """Add four scaled rows at once, which spares the total three ways to memory and back."""
    f0, f1, f2, f3 = factors[first], factors[first + 1], factors[first + 2], factors[first + 3]
    r0, r1, r2, r3 = rows[first], rows[first + 1], rows[first + 2], rows[first + 3]
    for i in range(size):
        total[i] += (f0 * r0[i] + f1 * r1[i]) + (f2 * r2[i] + f3 * r3[i])


@kernel
@no_type_check
def _recur(inputs, weights, gates, c, tanh_c, h):
    """Fill activated gates, cell states, their tanh, and outputs; weights are (cell, hidden, 4 hidden)."""
    n_cells, n_frames, batch, size = inputs.shape
    hidden = size // 4
    z, bits = np.empty((batch, size), np.float32), np.empty(batch * size, np.int32)
    doubled = np.empty((batch, hidden), np.float32)
    two, one = np.float32(2.0), np.float32(1.0)
    for cell in range(n_cells):
        into = weights[cell]
        for step in range(n_frames):
            t = step if cell % 2 == 0 else n_frames - 1 - step
            before = t - 1 if cell % 2 == 0 else t + 1
            z[:] = inputs[cell, t]
            for clip in range(batch):
                z_ = z[clip]
                if step > 0:
                    h_before = h[cell, before, clip]
                    for j in range(0, hidden - 3, 4):
                        _add_four(z_, h_before, into, j, size)
                    for j in range(hidden // 4 * 4, hidden):
                        for i in range(size):
                            z_[i] += h_before[j] * into[j, i]
                # tanh x = 2 sigmoid(2 x) - 1
                for i in range(2 * hidden, 3 * hidden):
                    z_[i] *= two
            _sigmoid(z.reshape(-1), bits, gates[cell, t].reshape(-1), batch * size)
            for clip in range(batch):
                gate, c_ = gates[cell, t, clip], c[cell, t, clip]
                for i in range(hidden):
                    gate[2 * hidden + i] = two * gate[2 * hidden + i] - one
                    c_[i] = gate[i] * gate[2 * hidden + i]
                if step > 0:
                    c_before = c[cell, before, clip]
                    for i in range(hidden):
                        c_[i] += gate[hidden + i] * c_before[i]
                for i in range(hidden):
                    doubled[clip, i] = two * c_[i]
            _sigmoid(doubled.reshape(-1), bits, tanh_c[cell, t].reshape(-1), batch * hidden)
            for clip in range(batch):
                gate, tanh, h_ = gates[cell, t, clip], tanh_c[cell, t, clip], h[cell, t, clip]
                for i in range(hidden):
                    tanh[i] = two * tanh[i] - one
                    h_[i] = gate[3 * hidden + i] * tanh[i]


@kernel
@no_type_check
def _recur_backwards(gradient, weights, gates, c, tanh_c, d_inputs):
    """Fill the gradients of z; weights are (cell, hidden, 4 hidden)."""
    n_cells, n_frames, batch, size = gates.shape
    hidden = size // 4
    d_h, d_c = np.empty((batch, hidden), np.float32), np.empty((batch, hidden), np.float32)
    nothing = np.zeros(hidden, np.float32)
    one = np.float32(1.0)
    for cell in range(n_cells):
        into_z = weights[cell]
        d_h[:] = 0
        d_c[:] = 0
        for step in range(n_frames - 1, -1, -1):
            t = step if cell % 2 == 0 else n_frames - 1 - step
            before = t - 1 if cell % 2 == 0 else t + 1
            for clip in range(batch):
                g_, gate, tanh = gradient[cell, t, clip], gates[cell, t, clip], tanh_c[cell, t, clip]
                out, d_h_, d_c_ = d_inputs[cell, t, clip], d_h[clip], d_c[clip]
                c_before = c[cell, before, clip] if step > 0 else nothing
                for i in range(hidden):
                    into, forget, new, open_ = gate[i], gate[hidden + i], gate[2 * hidden + i], gate[3 * hidden + i]
                    dh = d_h_[i] + g_[i]
                    dc = d_c_[i] + dh * open_ * (one - tanh[i] * tanh[i])
                    out[i] = dc * new * into * (one - into)
                    out[hidden + i] = dc * c_before[i] * forget * (one - forget)
                    out[2 * hidden + i] = dc * into * (one - new * new)
                    out[3 * hidden + i] = dh * tanh[i] * open_ * (one - open_)
                    d_c_[i] = dc * forget
                for i in range(hidden):
                    row, pull = into_z[i], np.float32(0)
                    for k in range(size):
                        pull += row[k] * out[k]
                    d_h_[i] = pull
