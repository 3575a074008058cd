"""The cells of every design are those of a brute-force enumeration: none is missing and none occurs twice."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.settings.presets import SMALL
from core.settings.trial import TrialConfig
from search_spaces.designs.base import MAX_ARMS, Design
from search_spaces.designs.explicit import ExplicitArm, ExplicitArms
from search_spaces.designs.fractional_factorial import FractionalFactorial
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.designs.leave_one_out import LeaveOneOut
from search_spaces.designs.one_factor import OneFactor
from search_spaces.designs.space_filling import Method, SpaceFilling
from search_spaces.dimensions import Dimension
from search_spaces.domains import Domain, choice, fixed
from search_spaces.ranges import Integer, Uniform
from search_spaces.space import Space
from search_spaces.strategy import Arm
from tests.support.contracts.designs import conditional_space, every_kind, two_level_space

Cell = frozenset[tuple[str, Any]]
PATHS = ("encoder.width", "encoder.head_hidden", "trainer.batch_size", "encoder.stride", "trainer.n_audio_clips")
"""Settings that exist in every config, so that any condition between them is possible."""


def cells(arms: Sequence[Arm]) -> list[Cell]:
    return [frozenset(arm.settings.items()) for arm in arms]


def brute_force(dimensions: Sequence[Dimension]) -> set[Cell]:
    """All assignments of a value or none to each dimension in which exactly those exist whose conditions hold."""
    absent = object()
    found: set[Cell] = set()
    values = [[absent, *(option.value for option in each.domain.values() or ())] for each in dimensions]
    for combination in itertools.product(*values):
        chosen = {each.path: value for each, value in zip(dimensions, combination, strict=True)}
        if all(
            (chosen[each.path] is not absent)
            == all(any(chosen[path] == value for value in admitted) for path, admitted in each.when.items())
            for each in dimensions
        ):
            found.add(frozenset((path, value) for path, value in chosen.items() if value is not absent))
    return found


@st.composite
def domains(draw: st.DrawFn) -> Domain:
    low = draw(st.integers(1, 4))
    values = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True))
    step = draw(st.integers(1, 2))
    found: list[Domain] = [choice(values), fixed(low), Integer(low=low, high=low + 2 * step, step=step)]
    return draw(st.sampled_from(found))


@st.composite
def conditional_dimensions(draw: st.DrawFn) -> list[Dimension]:
    """Dimensions with conditions on earlier ones, also on those that are conditional themselves, in any order."""
    found: list[Dimension] = []
    for path in PATHS[: draw(st.integers(1, len(PATHS)))]:
        when: dict[str, tuple[Any, ...]] = {}
        listed = [each for each in found if not isinstance(each.domain, Integer)]
        for other in draw(st.lists(st.sampled_from(listed), max_size=2, unique_by=id)) if listed else []:
            values = [option.value for option in other.domain.values() or ()]
            when[other.path] = tuple(draw(st.lists(st.sampled_from(values), min_size=1, unique=True)))
        found.append(Dimension(path=path, domain=draw(domains()), when=when))
    return draw(st.permutations(found))


@settings(max_examples=150, deadline=None)
@given(conditional_dimensions())
def test_a_full_factorial_has_every_combination_of_a_conditional_space_once(dimensions: list[Dimension]) -> None:
    expected = brute_force(dimensions)
    if {path for cell in expected for path, _ in cell} != {each.path for each in dimensions}:
        with pytest.raises(ConfigError, match="its conditions never hold together"):
            Space(dimensions, SMALL)
        return
    design = FullFactorial(Space(dimensions, SMALL))
    arms = design.arms()
    assert set(cells(arms)) == expected
    assert len(arms) == len(expected) == design.n_arms
    assert len({arm.name for arm in arms}) == len(arms)


@settings(max_examples=40, deadline=None)
@given(conditional_dimensions(), st.data())
def test_a_space_filling_design_fills_a_finite_space_without_a_hole(
    dimensions: list[Dimension], data: st.DataObject
) -> None:
    expected = brute_force(dimensions)
    if {path for cell in expected for path, _ in cell} != {each.path for each in dimensions} or len(expected) > 60:
        return
    space = Space(dimensions, SMALL)
    size = data.draw(st.integers(1, len(expected)))
    method: Method = data.draw(st.sampled_from(["sobol", "halton"]))
    found = cells(SpaceFilling(space=space, size=size, method=method).arms())
    assert len(set(found)) == len(found) == size
    assert set(found) <= expected


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 5), st.sampled_from(["III", "IV", "V"]))
def test_a_fractional_factorial_is_a_balanced_part_of_the_full_one(n_factors: int, resolution: Any) -> None:
    dimensions = [Dimension(path=path, domain=choice([1, 2])) for path in PATHS[:n_factors]]
    space = Space(dimensions, SMALL)
    found = cells(FractionalFactorial(space=space, resolution=resolution).arms())
    assert len(set(found)) == len(found)
    assert set(found) <= brute_force(dimensions)
    strength = {"III": 2, "IV": 3, "V": 4}[resolution]
    for paths in itertools.combinations(PATHS[:n_factors], min(strength, n_factors)):
        projections = [tuple(value for path, value in sorted(cell) if path in paths) for cell in found]
        assert set(projections) == set(itertools.product([1, 2], repeat=len(paths)))
        assert len({projections.count(each) for each in projections}) == 1


def differences(first: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    return {path for path in first.keys() | other.keys() if first.get(path) != other.get(path)}


@given(st.dictionaries(st.sampled_from(PATHS), st.lists(st.integers(5, 9), min_size=1, unique=True), min_size=1))
def test_one_factor_designs_change_one_setting_in_every_possible_way(values: dict[str, list[int]]) -> None:
    variations = {f"{path} {value}": {path: value} for path, found in values.items() for value in found}
    first, *others = OneFactor(baseline={}, variations=variations).arms()
    assert {(path, arm.settings[path]) for arm in others for path in differences(first.settings, arm.settings)} == {
        (path, value) for path, found in values.items() for value in found
    }
    assert all(len(differences(first.settings, arm.settings)) == 1 for arm in others)


@given(st.lists(st.sampled_from(PATHS), min_size=1, unique=True))
def test_leaving_one_out_changes_the_settings_of_one_component_in_the_configs(paths: list[str]) -> None:
    design = LeaveOneOut(components={path: {path: 3} for path in paths}, full=dict.fromkeys(PATHS, 2))
    first, *others = design.arms()
    space = Space([Dimension(path="seed", domain=fixed(0))], SMALL)

    def values(arm: Arm) -> dict[str, Any]:
        config: TrialConfig = space.config(arm.settings)
        return {path: getattr(getattr(config, path.split(".")[0]), path.split(".")[1]) for path in PATHS}

    assert values(first) == dict.fromkeys(PATHS, 2)
    assert [differences(values(first), values(arm)) for arm in others] == [{path} for path in paths]


@given(st.lists(st.tuples(st.sampled_from(PATHS), st.integers(1, 5)), min_size=1, unique=True))
def test_explicit_arms_are_the_list(settings_of_arms: list[tuple[str, int]]) -> None:
    entries = [ExplicitArm(name=f"arm {i}", config={path: value}) for i, (path, value) in enumerate(settings_of_arms)]
    assert cells(ExplicitArms(entries).arms()) == [frozenset([each]) for each in settings_of_arms]


HUGE = Space([Dimension(path=path, domain=Integer(low=1, high=1000)) for path in PATHS], SMALL)
REAL = Space([Dimension(path="optimizer.lr", domain=Uniform(low=0.001, high=1.0))], SMALL)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (FullFactorial(HUGE), "at most 100,000 arms; this one has 1,000,000,000,000,000; give its dimensions fewer"),
        (SpaceFilling(space=REAL, size=10**9), "this one has 1,000,000,000"),
        (FullFactorial(REAL), "optimizer.lr has a range of real numbers: give it `values` or a `step`"),
        (LeaveOneOut(components={f"c{i}": {"a": i} for i in range(MAX_ARMS)}), "this one has 100,001"),
    ],
)
def test_a_design_tells_its_size_before_it_is_built(design: Design, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        design.arms()


def test_a_fraction_of_more_than_a_hundred_thousand_runs_is_refused() -> None:
    space = Space(
        [Dimension(path=path, domain=choice([32, 64])) for path in sorted(_numeric_paths())[:20]],
        SMALL,
    )
    base = "ABCDEFGHJKLMNOPQRST"
    with pytest.raises(ConfigError, match="this one has 524,288"):
        FractionalFactorial(space=space, generators=(f"U = {base}",)).arms()


def _numeric_paths() -> set[str]:
    encoder = {"n_fft", "n_mels", "width", "kernel_mel", "kernel_time", "head_hidden", "stride"}
    trainer = {
        "max_steps",
        "batch_size",
        "evaluation_batch_size",
        "validate_every",
        "checkpoint_every",
        "n_audio_clips",
    }
    data = {"n_train", "n_validation", "n_test", "seed", "max_segments", "min_f0_hz", "max_f0_hz"}
    groups = {"encoder": encoder, "trainer": trainer, "data": data}
    return {f"{group}.{name}" for group, names in groups.items() for name in names}


def test_every_kind_of_design_is_walked_here() -> None:
    walked = {FullFactorial, FractionalFactorial, SpaceFilling, OneFactor, LeaveOneOut, ExplicitArms}
    assert walked == set(every_kind())
    assert len(FullFactorial(conditional_space()).arms()) == len(brute_force(conditional_space().dimensions))
    assert len(FullFactorial(two_level_space()).arms()) == 32
