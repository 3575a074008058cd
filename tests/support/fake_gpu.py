"""A GPU that is not there: operations on CUDA tensors compute shapes, types and devices, but no values.

What runs on the CPU (random draws, indices, curves of baselines) is computed as usual. As on a real GPU, an operation
on tensors of two devices raises. An operation that would make the host wait for the GPU raises here, too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.autograd.graph import Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class HostSyncError(RuntimeError):
    """An operation that makes the host wait for the GPU."""


@contextmanager
def fake_gpu() -> Iterator["FakeGpu"]:
    """In this context `.to("cuda")` works without a GPU; of autograd only `torch.autograd.grad` does.

    cuDNN is off, because torch would ask it how to lay out the weights of an LSTM.
    """
    gpu: FakeGpu = FakeGpu()  # type: ignore[no-untyped-call]  # torch's own
    with (
        torch.backends.cudnn.flags(enabled=False),
        FakeTensorMode(allow_non_fake_inputs=True),
        gpu,
        backward_in_python(),
    ):
        yield gpu


class FakeGpu(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Passes operations with CUDA tensors on to the fake mode below it, and computes all others."""

    _refuses_syncs = False

    @contextmanager
    def no_host_syncs(self) -> Iterator[None]:
        """In this context an operation that makes the host wait raises HostSyncError; reading a value always does."""
        self._refuses_syncs = True
        try:
            yield
        finally:
            self._refuses_syncs = False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        devices = {leaf.device.type for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        requested = kwargs.get("device")
        if "cuda" not in devices and (requested is None or torch.device(requested).type != "cuda"):
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        if func is torch.ops.aten._local_scalar_dense.default:
            raise HostSyncError("the value of a tensor on the GPU is read on the host")
        if self._refuses_syncs:
            if func in _COPIES and _is_blocking_copy(func, args, kwargs):
                raise HostSyncError(f"{func} between host and GPU without non_blocking=True")
            if func is torch.ops.aten.index.Tensor and "cpu" in devices:
                raise HostSyncError("a tensor on the GPU is indexed by one on the CPU, which is copied at every call")
        return func(*args, **kwargs)


def _is_blocking_copy(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a copy crosses from host to GPU or back, and waits; a copy to the host cannot be used before it did."""
    if func is torch.ops.aten._to_copy.default:
        target = torch.device(kwargs.get("device") or args[0].device).type
        source, is_async = args[0].device.type, kwargs.get("non_blocking", False)
    else:
        target, source = args[0].device.type, args[1].device.type
        is_async = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
    return source != target and (target == "cpu" or not is_async)


@contextmanager
def backward_in_python() -> Iterator[None]:
    """In this context `torch.autograd.grad` runs in Python; torch's engine asks CUDA's driver for streams."""
    engine = torch.autograd.grad
    torch.autograd.grad = _gradients  # type: ignore[assignment]  # the arguments that training gives
    try:
        yield
    finally:
        torch.autograd.grad = engine


@torch.no_grad()
def _gradients(
    output: Tensor, inputs: Sequence[Tensor], *, allow_unused: bool = False, materialize_grads: bool = False
) -> tuple[Tensor | None, ...]:
    """Gradients of a scalar with respect to leaves, by the functions of its graph in reversed order."""
    assert output.grad_fn is not None
    assert allow_unused == materialize_grads
    leaf_grads: dict[int, Tensor] = {}
    grads: dict[Node, dict[int, Tensor]] = {output.grad_fn: {0: torch.ones_like(output)}}
    for node in _consumers_first(output.grad_fn):
        node_grads = grads.pop(node, {})
        if not node_grads:
            continue
        if hasattr(node, "variable"):
            leaf_grads[id(node.variable)] = node_grads[0]
            continue
        incoming = [node_grads.get(i) for i in range(len(node._input_metadata))]
        for grad, (source, slot) in zip(*_call(node, incoming), strict=True):
            if grad is None or source is None:
                continue
            expected = source._input_metadata[slot]
            if grad.device != expected.device:
                raise RuntimeError(f"{node} returns a gradient on {grad.device} for a value on {expected.device}")
            # What torch's engine does with a gradient of a broadcast value, and with one of another precision.
            grad = grad.sum_to_size(expected.shape).to(expected.dtype)
            slots = grads.setdefault(source, {})
            slots[slot] = slots[slot] + grad if slot in slots else grad
    found = (leaf_grads.get(id(leaf)) for leaf in inputs)
    return tuple(
        torch.zeros_like(leaf) if grad is None and materialize_grads else grad
        for grad, leaf in zip(found, inputs, strict=True)
    )


def _call(node: Any, grads: Sequence[Tensor | None]) -> tuple[Sequence[Tensor | None], Sequence[tuple[Any, int]]]:
    """The gradients that a function of the graph returns, and whose results they are for, in the same order."""
    if not isinstance(node, torch.autograd.function.BackwardCFunction):
        results = node(*grads)
        return results if isinstance(results, tuple) else (results,), node.next_functions
    # A function written in Python also returns something for arguments that are no tensors.
    results = node.apply(*grads)  # type: ignore[no-untyped-call]  # torch's own
    results = results if isinstance(results, tuple) else (results,)
    needed = [grad for grad, is_needed in zip(results, node.needs_input_grad, strict=True) if is_needed]
    return needed, [source for source in node.next_functions if source[0] is not None]


def _consumers_first(root: Node) -> list[Node]:
    """All functions of a graph, each after those whose results depend on its own."""
    order: list[Node] = []
    seen: set[Node] = {root}
    stack: list[tuple[Node, Iterator[Any]]] = [(root, iter(root.next_functions))]
    while stack:
        node, sources = stack[-1]
        source = next((source for source, _ in sources if source is not None and source not in seen), None)
        if source is None:
            order.append(node)
            stack.pop()
        else:
            seen.add(source)
            stack.append((source, iter(source.next_functions)))
    return order[::-1]
