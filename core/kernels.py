"""What the compiled kernels share: how they are compiled, when they apply, and what replaces them elsewhere.

A kernel is a plain loop over numpy arrays, compiled once by numba and kept on disk (beside its file, or in numba's own
cache folder where that cannot be written), wrapped in an autograd function with its analytic gradient. Beside it stands
its slow reference in torch operations, which computes the same on other devices and for second derivatives.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import torch
from numba import njit
from torch import Tensor

Compiled = TypeVar("Compiled", bound=Callable[..., Any])

_FUSED = {"contract", "nsz", "arcp"}
"""Products may be fused with sums; numbers that are not finite keep their meaning."""
_FAST_MATH = {*_FUSED, "reassoc"}
"""Sums may be regrouped too."""


def kernel(function: Compiled) -> Compiled:
    """Compile a loop over arrays, one variant per combination of types, kept on disk."""
    return _compiled(function, _FAST_MATH)


def recursion(function: Compiled) -> Compiled:
    """A kernel whose sums keep their order: regrouped, a number may wait longer for the one before it."""
    return _compiled(function, _FUSED)


def _compiled(function: Compiled, fast_math: set[str]) -> Compiled:
    compiled: Any = njit(cache=True, error_model="numpy", fastmath=fast_math)(function)
    return cast(Compiled, compiled)


def has_kernel(*tensors: Tensor) -> bool:
    """True where kernels apply: everything on the CPU in one of the two float types they are written for."""
    dtype = tensors[0].dtype
    return dtype in (torch.float32, torch.float64) and all(
        tensor.device.type == "cpu" and tensor.dtype == dtype for tensor in tensors
    )


def array(tensor: Tensor) -> Any:
    """The tensor's numbers as a numpy array in memory order; a view where they lie so already."""
    return tensor.detach().contiguous().numpy()


def gradients_by_reference(
    reference: Callable[..., Tensor], inputs: Sequence[Tensor], needed: Sequence[bool], gradient: Tensor
) -> list[Tensor | None]:
    """Gradients of `reference(*inputs)` that can be differentiated once more."""
    wanted = [tensor for tensor, is_needed in zip(inputs, needed, strict=True) if is_needed]
    with torch.enable_grad():
        found = iter(torch.autograd.grad(reference(*inputs), wanted, gradient, create_graph=True))
    return [next(found) if is_needed else None for is_needed in needed]
