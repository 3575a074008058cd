"""How kernels are compiled, when they apply, and how they are differentiated twice. See README.md."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import torch
from numba import njit
from torch import Tensor

from core.ops.kernel_cache import cache_kernel

Compiled = TypeVar("Compiled", bound=Callable[..., Any])


_FUSED = {"contract", "nsz", "arcp"}
"""Fused multiply-add and multiplication by reciprocals; NaN and infinity propagate as usual."""


_FAST_MATH = {*_FUSED, "reassoc"}
"""Sums may be reordered too, so that reductions are vectorised."""


def kernel(function: Compiled) -> Compiled:
    """Compile a loop over numpy arrays once per combination of types; the machine code is cached on disk."""
    return _compile(function, _FAST_MATH)


def recursive_kernel(function: Compiled) -> Compiled:
    """Compile a recursion over samples, whose sums are evaluated in the order written.

    The order decides how many operations lie between one output and the next, which bounds the speed.
    """
    return _compile(function, _FUSED)


def _compile(function: Compiled, fast_math: set[str]) -> Compiled:
    compiled: Any = njit(error_model="numpy", fastmath=fast_math, nogil=True)(function)
    cache_kernel(compiled, function)
    return cast(Compiled, compiled)


def use_kernel(*tensors: Tensor) -> bool:
    """Whether kernels apply: all tensors are at hand on the CPU and of one dtype, float32 or float64."""
    dtype = tensors[0].dtype
    return (
        dtype in (torch.float32, torch.float64)
        and not torch.compiler.is_exporting()
        and all(tensor.device.type == "cpu" and tensor.dtype == dtype for tensor in tensors)
    )


def at_hand(tensor: Tensor) -> bool:
    """Whether the host can read the values of a tensor at no cost: it lies on the CPU, and is no symbol of an export.

    `torch.export` records the operations of a model as a program for machines without its kernels.
    """
    return tensor.device.type == "cpu" and not torch.compiler.is_exporting()


def as_numpy(tensor: Tensor) -> Any:
    """The detached tensor as a contiguous numpy array; no copy where it is contiguous already."""
    return tensor.detach().contiguous().numpy()


def double_backward(
    reference: Callable[..., Tensor], inputs: Sequence[Tensor], needs_grad: Sequence[bool], grad_output: Tensor
) -> list[Tensor | None]:
    """Gradients of `reference(*inputs)` that have a graph of their own, None for inputs that need none.

    A backward calls it when it is run with create_graph=True, so that its result can be differentiated again.
    """
    differentiated = [tensor for tensor, is_needed in zip(inputs, needs_grad, strict=True) if is_needed]
    with torch.enable_grad():
        grads = iter(torch.autograd.grad(reference(*inputs), differentiated, grad_output, create_graph=True))
    return [next(grads) if is_needed else None for is_needed in needs_grad]
