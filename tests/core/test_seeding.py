"""Seeds and generators derived from a base seed and a purpose."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.seeding import derive_seed, generator, initialise


@given(st.integers(0, 2**40), st.lists(st.text(max_size=5) | st.integers(), max_size=3))
def test_derived_seed_is_63_bits_and_repeats(seed: int, purpose: list[str | int]) -> None:
    assert 0 <= derive_seed(seed, *purpose) < 2**63
    assert derive_seed(seed, *purpose) == derive_seed(seed, *purpose)


def test_seeds_and_purposes_are_unrelated() -> None:
    seeds = {derive_seed(seed, purpose, step) for seed in range(5) for purpose in ("a", "b") for step in range(5)}
    assert len(seeds) == 50


def test_generators_leave_the_global_state_alone() -> None:
    before = torch.random.get_rng_state()
    draws = [torch.rand(3, generator=generator(seed, "draw")) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_follow_seed_and_name_alone() -> None:
    small = nn.ModuleDict({"shared": nn.Linear(3, 4)})
    large = nn.ModuleDict({"other": nn.Linear(2, 2), "shared": nn.Linear(3, 4), "same": nn.Linear(3, 4)})
    before = torch.random.get_rng_state()
    initialise(small, 7)
    initialise(large, 7)
    assert torch.equal(torch.random.get_rng_state(), before)
    one, same, other = (dict(module.named_parameters()) for module in (small, large, large))
    assert torch.equal(one["shared.weight"], same["shared.weight"])
    assert not torch.equal(one["shared.weight"], other["same.weight"])
    initialise(large, 8)
    assert not torch.equal(one["shared.weight"], dict(large.named_parameters())["shared.weight"])
