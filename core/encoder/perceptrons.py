"""Several perceptrons of three linear layers with PReLU between them, side by side.

    y_i = W3 prelu(W2 prelu(W1 x_i + b1) + b2) + b3,  weights of their own for each i

Each layer is one matrix product for all of them; biases and activations take one pass over the products. Their
gradients come by hand, since so many small tensors cost more in autograd's bookkeeping than in arithmetic.
"""

from collections.abc import Sequence
from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from core.kernels import has_kernel, kernel

N_PARAMETERS = 8
"""Of one perceptron: weight, bias, slope, weight, bias, slope, weight, bias."""


def perceptrons(
    x: Float[Tensor, "perceptron row input"], networks: Sequence[nn.Sequential]
) -> Float[Tensor, "perceptron row output"]:
    """Linear, PReLU, linear, PReLU, linear of each network, all of one size, over its own rows."""
    parameters = [parameter for network in networks for parameter in network.parameters()]
    if not has_kernel(x, *parameters):
        return perceptrons_reference(x, networks)
    y: Tensor = _Perceptrons.apply(x, *parameters)
    return y


def perceptrons_reference(
    x: Float[Tensor, "perceptron row input"], networks: Sequence[nn.Sequential]
) -> Float[Tensor, "perceptron row output"]:
    """The same by torch operations."""
    for layers in zip(*networks, strict=True):
        weight = torch.stack([layer.weight for layer in layers])
        if isinstance(layers[0], nn.PReLU):
            x = F.prelu(x[None], weight[:, 0])[0]
        else:
            bias = torch.stack([layer.bias for layer in layers])
            x = torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))
    return x


class _Perceptrons(torch.autograd.Function):
    """Double backward is not offered: nothing differentiates an encoder twice."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        w1, b1, s1, w2, b2, s2, w3, b3 = (torch.stack(parameters[i::N_PARAMETERS]) for i in range(N_PARAMETERS))
        z1 = torch.bmm(x, w1.transpose(1, 2))
        a1 = _activated(z1, b1, s1)
        z2 = torch.bmm(a1, w2.transpose(1, 2))
        a2 = _activated(z2, b2, s2)
        ctx.save_for_backward(x, w1, s1, z1, a1, w2, s2, z2, a2, w3)
        return torch.baddbmm(b3[:, None], a2, w3.transpose(1, 2))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, w1, s1, z1, a1, w2, s2, z2, a2, w3 = ctx.saved_tensors
        d_w3, d_b3 = torch.bmm(gradient.transpose(1, 2), a2), gradient.sum(1)
        pull = torch.bmm(gradient, w3)
        d_b2, d_s2 = _pull_back(pull, z2, s2)
        d_w2 = torch.bmm(pull.transpose(1, 2), a1)
        pull = torch.bmm(pull, w2)
        d_b1, d_s1 = _pull_back(pull, z1, s1)
        d_w1 = torch.bmm(pull.transpose(1, 2), x)
        d_x = torch.bmm(pull, w1) if ctx.needs_input_grad[0] else None
        of_each = zip(*(found.unbind() for found in (d_w1, d_b1, d_s1, d_w2, d_b2, d_s2, d_w3, d_b3)), strict=True)
        return d_x, *(found for each in of_each for found in each)


def _activated(z: Tensor, bias: Tensor, slope: Tensor) -> Tensor:
    """prelu(z + bias); adds the bias to z on the way."""
    activated = torch.empty_like(z)
    _activate(z.numpy(), bias.numpy(), slope.numpy(), activated.numpy())
    return activated


def _pull_back(pull: Tensor, z: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Turn the activations' gradient into that of z, in place; gradients of the bias and the slope."""
    d_bias, d_slope = z.new_zeros(z.shape[0], z.shape[2]), torch.zeros_like(slope)
    _activate_backwards(pull.numpy(), z.numpy(), slope.numpy(), d_bias.numpy(), d_slope.numpy())
    return d_bias, d_slope


@kernel
@no_type_check
def _activate(z, bias, slope, activated):
    n, rows, size = z.shape
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for i in range(n):
        by = slope[i, 0]
        for row in range(rows):
            for k in range(size):
                value = z[i, row, k] + bias[i, k]
                z[i, row, k] = value
                activated[i, row, k] = value * (one if value > zero else by)


@kernel
@no_type_check
def _activate_backwards(pull, z, slope, d_bias, d_slope):
    n, rows, size = z.shape
    zero, one = z.dtype.type(0), z.dtype.type(1)
    negative = np.empty(size, z.dtype)
    for i in range(n):
        by = slope[i, 0]
        negative[:] = zero
        for row in range(rows):
            for k in range(size):
                # Factors are selected, not products, else the loop would not become one over vectors.
                is_positive = z[i, row, k] > zero
                negative[k] += pull[i, row, k] * (zero if is_positive else z[i, row, k])
                value = pull[i, row, k] * (one if is_positive else by)
                pull[i, row, k] = value
                d_bias[i, k] += value
        for k in range(size):
            d_slope[i, 0] += negative[k]
