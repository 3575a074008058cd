"""Memory of the parts of a model and its loss, in bytes, as their configs state it: the tensors that can dominate.

The sizes are those that the operations in `core.ops` allocate on the CPU. A stage keeps tensors for the gradient, and
needs others while it runs forward or backward.
"""

from dataclasses import dataclass

FLOAT, DOUBLE, COMPLEX = 4.0, 8.0, 8.0
"""Bytes of a float32, a float64 and a pair of float32."""
# The operations import torch, which the estimate need not wait for; a test compares this value with theirs.
ADAPTER_BLOCK = 2**17
"""Activations of one layer in a block, as in `core.ops.adapters`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Memory of a part of a training step in bytes."""

    kept: float = 0.0
    """Tensors kept for the gradient."""
    forward: float = 0.0
    """Tensors that are needed besides while it runs."""
    backward: float = 0.0
    """Tensors that are needed besides while its gradient is computed."""
    n_parts: int = 1
    """Number of equal parts that run one after the other if nothing is kept for a gradient."""
    result: float = 0.0
    """What it hands on to the next stage."""

    @property
    def inference(self) -> float:
        """All tensors while it runs without a gradient."""
        return (self.kept + self.forward) / self.n_parts


def adapter_stage(n_controls: int, rows: float) -> Stage:
    """An adapter: one small network per control over a number of rows."""
    layer = float((2 + n_controls) // 2) * rows
    block = max(min(layer * n_controls, ADAPTER_BLOCK), layer) * FLOAT
    return Stage(kept=layer * n_controls * FLOAT, forward=block, backward=2 * block, result=rows * n_controls * FLOAT)


def adapter_weights(n_controls: int) -> float:
    """Number of weights of an adapter."""
    hidden = float((2 + n_controls) // 2)
    return n_controls * (hidden * hidden + 5 * hidden + 3)
