"""Comparisons of a kernel with its reference: values, gradients, memory layouts."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Function = Callable[..., Tensor]

EXACT = 1e-10
"""Allowed `distance` in float64, where only the order of sums differs."""
ROUNDING = 1e-5
"""Allowed `distance` in float32 where the reference happens to be closer to the float64 result than this."""


def value_and_grads(function: Function, inputs: Sequence[Tensor], grad_output: Tensor | None = None) -> list[Tensor]:
    """The value and the gradients of all inputs, for `grad_output` or, by default, random weights of the values."""
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    value = function(*leaves)
    if grad_output is None:
        grad_output = torch.randn(value.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    grads = torch.autograd.grad(value, leaves, grad_output.to(value.dtype))
    return [value.detach(), *grads]


def distance(result: Tensor, truth: Tensor) -> float:
    """Largest absolute difference relative to the largest magnitude of the truth."""
    assert result.shape == truth.shape
    if not truth.numel():
        return 0.0
    scale = max(float(truth.abs().max()), torch.finfo(torch.float32).tiny)
    return float((result.double() - truth).abs().max()) / scale


def assert_as_exact_as_reference(
    fast: Function, reference: Function, inputs: Sequence[Tensor], times: float = 4.0
) -> None:
    """Compare value and gradients of `fast` with the reference in float64, at inputs in float32 or float64.

    In float32 the error of `fast` may be `times` that of the reference in float32, since rounding errors are random.
    """
    truth = value_and_grads(reference, [tensor.double() for tensor in inputs])
    copies = [tensor.clone() for tensor in inputs]
    results = value_and_grads(fast, inputs)
    for tensor, copy in zip(inputs, copies, strict=True):
        assert torch.equal(tensor, copy), "an input was modified"
    rounded_results = value_and_grads(reference, inputs)
    names = ["value", *(f"gradient of input {i}" for i in range(len(inputs)))]
    for name, result, rounded, exact in zip(names, results, rounded_results, truth, strict=True):
        assert result.dtype == inputs[0].dtype
        assert bool(result.isfinite().all())
        allowed = EXACT if result.dtype == torch.float64 else max(times * distance(rounded, exact), ROUNDING)
        assert distance(result, exact) <= allowed, f"{name}: {distance(result, exact):.3g} > {allowed:.3g}"


def assert_twice_differentiable(function: Function, inputs: Sequence[Tensor]) -> None:
    """Compare the gradient and the second derivative with finite differences, at inputs in float64."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves)


def assert_same_bits(left: Sequence[Tensor], right: Sequence[Tensor]) -> None:
    for one, other in zip(left, right, strict=True):
        assert torch.equal(one, other)


def memory_layouts(tensor: Tensor) -> list[Tensor]:
    """The same values transposed in memory, as every second element of a larger tensor, and with an offset."""
    last = tensor.dim() - 1
    transposed = tensor.transpose(0, last).contiguous().transpose(0, last)
    every_second = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1]), torch.nan, dtype=tensor.dtype)
    every_second[..., ::2] = tensor
    shifted = torch.full((tensor.numel() + 1,), torch.nan, dtype=tensor.dtype)
    shifted[1:] = tensor.flatten()
    return [transposed, every_second[..., ::2], shifted[1:].view(tensor.shape)]


def assert_independent_of_memory_layout(fast: Function, inputs: Sequence[Tensor]) -> None:
    """Value and gradients are equal bit for bit for inputs and incoming gradients of any strides and offset."""
    contiguous = value_and_grads(fast, inputs)
    for layout in range(3):
        strided_inputs = [memory_layouts(tensor)[layout] for tensor in inputs]
        assert_same_bits(value_and_grads(fast, strided_inputs), contiguous)
    value = contiguous[0]
    expanded = torch.ones((), dtype=value.dtype).expand(value.shape)
    transposed = memory_layouts(torch.randn(value.shape, dtype=value.dtype))[0]
    for grad_output in (expanded, transposed):
        assert_same_bits(
            value_and_grads(fast, inputs, grad_output), value_and_grads(fast, inputs, grad_output.contiguous())
        )
