"""How near a kernel has to come to its reference, and what every kernel leaves alone."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Function = Callable[..., Tensor]

EXACT = 1e-10
"""Relative to the largest number: float64 against float64, sums in another order."""
ROUNDING = 1e-5
"""Relative to the largest number: float32 where the reference itself happens to be luckier."""


def value_and_gradients(function: Function, inputs: Sequence[Tensor], pull: Tensor | None = None) -> list[Tensor]:
    """The value, and the gradients of all inputs for random weights of the values (or `pull`)."""
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    value = function(*leaves)
    if pull is None:
        pull = torch.randn(value.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    gradients = torch.autograd.grad(value, leaves, pull.to(value.dtype))
    return [value.detach(), *gradients]


def distance(result: Tensor, truth: Tensor) -> float:
    """Largest difference relative to the largest number of the truth."""
    assert result.shape == truth.shape
    if not truth.numel():
        return 0.0
    scale = max(float(truth.abs().max()), torch.finfo(torch.float32).tiny)
    return float((result.double() - truth).abs().max()) / scale


def assert_as_exact_as_reference(
    fast: Function, reference: Function, inputs: Sequence[Tensor], times: float = 4.0
) -> None:
    """Value and gradients of `fast`, against the reference in float64, at inputs given in float32 or float64.

    In float32 `fast` may err `times` as much as the reference does in float32: both are rounded by chance.
    """
    truth = value_and_gradients(reference, [tensor.double() for tensor in inputs])
    before = [tensor.clone() for tensor in inputs]
    found = value_and_gradients(fast, inputs)
    for tensor, was in zip(inputs, before, strict=True):
        assert torch.equal(tensor, was), "an input was written to"
    slow = value_and_gradients(reference, inputs)
    for name, result, rounded, exact in zip(names(inputs), found, slow, truth, strict=True):
        assert result.dtype == inputs[0].dtype
        assert bool(result.isfinite().all())
        allowed = EXACT if result.dtype == torch.float64 else max(times * distance(rounded, exact), ROUNDING)
        assert distance(result, exact) <= allowed, f"{name}: {distance(result, exact):.3g} > {allowed:.3g}"


def names(inputs: Sequence[Tensor]) -> list[str]:
    return ["value", *(f"gradient of input {i}" for i in range(len(inputs)))]


def assert_same_bits(left: Sequence[Tensor], right: Sequence[Tensor]) -> None:
    for one, other in zip(left, right, strict=True):
        assert torch.equal(one, other)


def scattered(tensor: Tensor) -> list[Tensor]:
    """The same numbers in memory of another order: transposed, every second place of a larger tensor, and shifted."""
    last = tensor.dim() - 1
    transposed = tensor.transpose(0, last).contiguous().transpose(0, last)
    every_second = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1]), torch.nan, dtype=tensor.dtype)
    every_second[..., ::2] = tensor
    shifted = torch.full((tensor.numel() + 1,), torch.nan, dtype=tensor.dtype)
    shifted[1:] = tensor.flatten()
    return [transposed, every_second[..., ::2], shifted[1:].view(tensor.shape)]


def assert_memory_order_does_not_matter(fast: Function, inputs: Sequence[Tensor]) -> None:
    """Bit for bit the same value and gradients, whatever lies where; and for a gradient that is expanded."""
    plain = value_and_gradients(fast, inputs)
    for order in range(3):
        assert_same_bits(value_and_gradients(fast, [scattered(tensor)[order] for tensor in inputs]), plain)
    one = torch.ones((), dtype=plain[0].dtype)
    expanded = value_and_gradients(fast, inputs, one.expand(plain[0].shape))
    assert_same_bits(value_and_gradients(fast, inputs, one.expand(plain[0].shape).contiguous()), expanded)
    strided = scattered(torch.randn(plain[0].shape, dtype=plain[0].dtype))[0]
    assert_same_bits(
        value_and_gradients(fast, inputs, strided), value_and_gradients(fast, inputs, strided.contiguous())
    )
