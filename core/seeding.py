"""Seeds and random generators derived from a base seed and a purpose; the global random state is never used.

Every draw of training derives from (seed, purpose, step), so a resumed trial needs no saved random state: step 70
draws the same numbers whether or not steps 0 to 69 ran in the same process.
"""

import hashlib

import torch
from torch import nn


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed, hashed from a seed and a purpose; different seeds or purposes give unrelated results."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A generator seeded by `derive_seed`, on the CPU, where draws do not depend on the device of the model."""
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


def initialise(module: nn.Module, seed: int) -> None:
    """Initialise all weights; submodules of the same name and shape get the same weights in every model.

    Each submodule with a `reset_parameters` method is reset under a seed derived from `seed` and its name.
    """
    for name, submodule in module.named_modules():
        reset = getattr(submodule, "reset_parameters", None)
        if callable(reset):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(derive_seed(seed, "weights", name))
                reset()
