"""Several multilayer perceptrons side by side: three linear layers with PReLU between them.

    y_i = W3 prelu(W2 prelu(W1 x_i + b1) + b2) + b3,  separate weights for each i

Each layer is one batched matrix product; one pass over the products adds biases and activates. The gradient is written
out, since for so many small tensors autograd's bookkeeping takes longer than the arithmetic.
"""

from collections.abc import Sequence
from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from core.ops.compiling import double_backward, kernel, use_kernel

N_PARAMETERS = 8
"""Of one perceptron: weight, bias, slope, weight, bias, slope, weight, bias."""


def perceptrons(
    x: Float[Tensor, "perceptron row input"], networks: Sequence[nn.Sequential]
) -> Float[Tensor, "perceptron row output"]:
    """The output of each network (linear, PReLU, linear, PReLU, linear, all of one size) for its own rows."""
    parameters = _parameters(networks)
    if not use_kernel(x, *parameters):
        return perceptrons_reference(x, networks)
    y: Tensor = _Perceptrons.apply(x, *parameters)
    return y


def perceptrons_reference(
    x: Float[Tensor, "perceptron row input"], networks: Sequence[nn.Sequential]
) -> Float[Tensor, "perceptron row output"]:
    """`perceptrons` in torch operations."""
    return _reference_of_parameters(x, *_parameters(networks))


def _parameters(networks: Sequence[nn.Sequential]) -> list[Tensor]:
    return [parameter for network in networks for parameter in network.parameters()]


def _stacked(parameters: tuple[Tensor, ...] | list[Tensor]) -> list[Tensor]:
    """Each of the N_PARAMETERS kinds as one tensor (perceptron, ...)."""
    return [torch.stack(parameters[i::N_PARAMETERS]) for i in range(N_PARAMETERS)]


def _reference_of_parameters(x: Tensor, *parameters: Tensor) -> Tensor:
    w1, b1, slope1, w2, b2, slope2, w3, b3 = _stacked(parameters)
    x = F.prelu(torch.baddbmm(b1[:, None], x, w1.transpose(1, 2))[None], slope1[:, 0])[0]
    x = F.prelu(torch.baddbmm(b2[:, None], x, w2.transpose(1, 2))[None], slope2[:, 0])[0]
    return torch.baddbmm(b3[:, None], x, w3.transpose(1, 2))


class _Perceptrons(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        w1, b1, slope1, w2, b2, slope2, w3, b3 = _stacked(parameters)
        z1 = torch.bmm(x, w1.transpose(1, 2))
        a1 = _activated(z1, b1, slope1)
        z2 = torch.bmm(a1, w2.transpose(1, 2))
        a2 = _activated(z2, b2, slope2)
        ctx.save_for_backward(x, *parameters, w1, slope1, z1, a1, w2, slope2, z2, a2, w3)
        return torch.baddbmm(b3[:, None], a2, w3.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        x, *parameters, w1, slope1, z1, a1, w2, slope2, z2, a2, w3 = ctx.saved_tensors
        if torch.is_grad_enabled():
            inputs = (x, *parameters)
            return tuple(double_backward(_reference_of_parameters, inputs, ctx.needs_input_grad, grad_output))
        grad_w3, grad_b3 = torch.bmm(grad_output.transpose(1, 2), a2), grad_output.sum(1)
        grad_z2 = torch.bmm(grad_output, w3)
        grad_b2, grad_slope2 = _activated_backward(grad_z2, z2, slope2)
        grad_w2 = torch.bmm(grad_z2.transpose(1, 2), a1)
        grad_z1 = torch.bmm(grad_z2, w2)
        grad_b1, grad_slope1 = _activated_backward(grad_z1, z1, slope1)
        grad_w1 = torch.bmm(grad_z1.transpose(1, 2), x)
        grad_x = torch.bmm(grad_z1, w1) if ctx.needs_input_grad[0] else None
        stacked_grads = (grad_w1, grad_b1, grad_slope1, grad_w2, grad_b2, grad_slope2, grad_w3, grad_b3)
        network_grads = zip(*(grad.unbind() for grad in stacked_grads), strict=True)
        return grad_x, *(grad for grads in network_grads for grad in grads)


def _activated(z: Tensor, bias: Tensor, slope: Tensor) -> Tensor:
    """prelu(z + bias); adds the bias to z in place."""
    activated = torch.empty_like(z)
    _activate(z.numpy(), bias.numpy(), slope.numpy(), activated.numpy())
    return activated


def _activated_backward(grad: Tensor, z: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of the bias and the slope; turns the gradient of the activations into that of z in place."""
    grad_bias, grad_slope = z.new_zeros(z.shape[0], z.shape[2]), torch.zeros_like(slope)
    _activate_backward(grad.numpy(), z.numpy(), slope.numpy(), grad_bias.numpy(), grad_slope.numpy())
    return grad_bias, grad_slope


@kernel
@no_type_check
def _activate(z, bias, slope, activated):
    """Add the bias to z and fill activated (perceptron, row, unit)."""
    n, rows, size = z.shape
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for i in range(n):
        negative_slope = slope[i, 0]
        for row in range(rows):
            for k in range(size):
                value = z[i, row, k] + bias[i, k]
                z[i, row, k] = value
                activated[i, row, k] = value * (one if value > zero else negative_slope)


@kernel
@no_type_check
def _activate_backward(grad, z, slope, grad_bias, grad_slope):
    """Replace grad by that of z; add to grad_bias and grad_slope."""
    n, rows, size = z.shape
    zero, one = z.dtype.type(0), z.dtype.type(1)
    negative_sum = np.empty(size, z.dtype)
    for i in range(n):
        negative_slope = slope[i, 0]
        negative_sum[:] = zero
        for row in range(rows):
            for k in range(size):
                # Factors are selected rather than products, since only then is the loop vectorised.
                is_positive = z[i, row, k] > zero
                negative_sum[k] += grad[i, row, k] * (zero if is_positive else z[i, row, k])
                value = grad[i, row, k] * (one if is_positive else negative_slope)
                grad[i, row, k] = value
                grad_bias[i, k] += value
        for k in range(size):
            grad_slope[i, 0] += negative_sum[k]
