"""Fractional factorial designs over spaces: arms, names, levels and what they say about confounded effects."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from core.errors import ConfigError
from core.settings.presets import SMALL
from search_spaces.designs.fractional_factorial import FractionalFactorial
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice, fixed
from search_spaces.ranges import Integer, LogUniform
from search_spaces.space import Space

TWO_LEVELS: list[Dimension] = [
    Dimension(path="encoder.width", domain=choice([8, 16])),
    Dimension(path="encoder.precision", domain=choice(["fp32", "bf16"])),
    Dimension(path="optimizer.lr", domain=LogUniform(low=1e-3, high=1e-2)),
    Dimension(path="trainer.batch_size", domain=Integer(low=4, high=8)),
    Dimension(path="optimizer.weight_decay", domain=choice([0.0, 0.01])),
    Dimension(path="encoder.stride", domain=choice([1, 2])),
]
FIXED = Dimension(path="encoder.n_mels", domain=fixed(32))


def design(dimensions: Sequence[Dimension] = TWO_LEVELS, **settings: Any) -> FractionalFactorial:
    return FractionalFactorial(space=Space(dimensions, SMALL), **settings)


@pytest.mark.parametrize(("resolution", "n_arms"), [("III", 8), ("IV", 16), ("V", 32)])
def test_each_pair_of_values_occurs_equally_often(resolution: str, n_arms: int) -> None:
    arms = design(resolution=resolution).arms()
    assert len(arms) == design(resolution=resolution).n_arms == n_arms
    for one, other in itertools.combinations([dimension.path for dimension in TWO_LEVELS], 2):
        pairs = [(arm.settings[one], arm.settings[other]) for arm in arms]
        assert {pairs.count(pair) for pair in set(pairs)} == {n_arms // 4}
        assert len(set(pairs)) == 4
    assert {arm.settings["optimizer.lr"] for arm in arms} == {1e-3, 1e-2}


def test_arms_are_a_part_of_the_full_factorial_under_the_same_names() -> None:
    dimensions = [each for each in TWO_LEVELS if each.path not in ("optimizer.lr", "trainer.batch_size")] + [FIXED]
    full = {arm.name: arm for arm in FullFactorial(Space(dimensions, SMALL)).arms()}
    arms = design(dimensions).arms()
    assert len(arms) == 8
    assert len(full) == 16
    for arm in arms:
        assert full[arm.name] == arm
        assert arm.settings["encoder.n_mels"] == 32


def test_a_design_says_which_effects_it_confounds() -> None:
    found = design(TWO_LEVELS[:4])
    assert found.aliases() == (
        ("width x precision", "lr x batch_size"),
        ("width x lr", "precision x batch_size"),
        ("width x batch_size", "precision x lr"),
    )
    (remark,) = found.remarks()
    assert remark.startswith("8 of the 16 combinations of 4 factors run (resolution IV); effects that cannot be told")
    assert "width x precision = lr x batch_size" in remark
    assert design(TWO_LEVELS[:5], resolution="V").remarks() == (
        "16 of the 32 combinations of 5 factors run (resolution V): main effects and products of two factors can be "
        "told apart",
    )
    assert "all 8 combinations" in design(TWO_LEVELS[:3]).remarks()[0]


def test_factors_of_the_same_name_are_told_by_their_paths() -> None:
    dimensions = [
        Dimension(path="audio.hop_length", domain=choice([100, 125])),
        Dimension(path="optimizer.lr", domain=choice([1e-3, 1e-2])),
        Dimension(path="data.seed", domain=choice([0, 1])),
        Dimension(path="seed", domain=choice([0, 1])),
    ]
    assert ("hop_length x lr", "data.seed x seed") in design(dimensions).aliases()


def test_generators_choose_the_fraction() -> None:
    chosen = design(TWO_LEVELS[:4], generators=("D = -AB",))
    assert chosen.aliases()[0] == ("width", "-precision x batch_size")
    levels = [
        (arm.settings["encoder.width"] == 16, arm.settings["encoder.precision"] == "bf16") for arm in chosen.arms()
    ]
    sizes = [arm.settings["trainer.batch_size"] for arm in chosen.arms()]
    assert sizes == [4 if wide == rounded else 8 for wide, rounded in levels]


@pytest.mark.parametrize(
    ("dimensions", "settings", "message"),
    [
        (
            [Dimension(path="encoder.width", domain=choice([4, 8, 16])), *TWO_LEVELS[1:]],
            {},
            "two levels per factor; encoder.width has 3 values; give it two",
        ),
        (
            [
                Dimension(path="parameterization.kind", domain=choice(["frame", "spline"])),
                Dimension(
                    path="parameterization.degree",
                    domain=choice([1, 3]),
                    when={"parameterization.kind": ("spline",)},
                ),
            ],
            {},
            "combines all factors, and parameterization.degree has a condition",
        ),
        ([FIXED], {}, "1 to 25 dimensions with two levels; got 0"),
        (
            TWO_LEVELS[:4],
            {"generators": ("D = AB",), "resolution": "IV"},
            "generators D = AB have resolution III; got resolution = 'IV'",
        ),
        (TWO_LEVELS[:4], {"generators": ("E = AB",)}, "each sets one of D to"),
    ],
)
def test_spaces_without_such_a_design_are_refused(
    dimensions: Sequence[Dimension], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        design(dimensions, **settings).arms()
