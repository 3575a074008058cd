"""A sampler of the user's own is found by its import path, and refused with the reason if it cannot be used."""

import pytest

from core.errors import ConfigError
from search_spaces.samplers.build import build_sampler
from search_spaces.samplers.settings import CustomSamplerConfig
from tests.support.custom_sampler import Shifted

MODULE = "tests.support.custom_sampler"


def test_class_is_called_with_the_seed_of_the_cell_and_the_options() -> None:
    sampler = build_sampler(CustomSamplerConfig(path=f"{MODULE}:Shifted", seed=3, options={"shift": 5}), 11)
    assert isinstance(sampler, Shifted)
    assert (sampler.seed, sampler.shift) == (11, 5)


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("Shifted", {}, r"names no class; its class is a subclass .* as \"package.module:Class\"; got 'Shifted'"),
        ("nowhere.at_all:Shifted", {}, "cannot import nowhere.at_all: ModuleNotFoundError: .*PYTHONPATH"),
        (f"{MODULE}:Missing", {}, "has no such class"),
        (f"{MODULE}:NoSampler", {}, "is no sampler; its class is a subclass"),
        (f"{MODULE}:Incomplete", {}, "raised TypeError: .*abstract method"),
        (f"{MODULE}:Shifted", {"shifted": 1}, "raised TypeError: .*shifted.*; options are {'shifted': 1}"),
    ],
)
def test_classes_that_cannot_be_used_are_refused(path: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_sampler(CustomSamplerConfig(path=path, options=options), 0)
