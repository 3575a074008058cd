"""Random state is always explicit: a generator derived from a seed and a purpose, never the global one.

Because every draw of training derives from (seed, purpose, step), a resumed trial needs no saved random state: step 70
draws the same numbers whether steps 0 to 69 ran in this process or in another.
"""

import hashlib

import torch
from torch import nn


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed that is unrelated for different seeds or purposes."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose; draws are made on the CPU, so that every device sees the same ones."""
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


def initialise(module: nn.Module, seed: int) -> None:
    """Draw initial weights per module name, so that what two models share starts equal in both.

    Every submodule with a `reset_parameters` method is reset with a seed derived from its name alone.
    """
    for name, part in module.named_modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(derive_seed(seed, "weights", name))
                reset()
