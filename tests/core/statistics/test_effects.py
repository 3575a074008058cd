"""Main effects and interactions of factorial designs with known effects."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from core.errors import StudyError
from core.statistics.effects import FactorialEffects, Levels, factorial_effects, is_balanced

Design = Sequence[Sequence[int]]
FULL_2X3 = list(itertools.product(range(2), range(3)))
FULL_2X2X2 = list(itertools.product(range(2), repeat=3))
HALF_OF_16 = [(a, b, c, (a + b + c) % 2) for a, b, c in FULL_2X2X2]
HALF_OF_32 = [(*row, sum(row) % 2) for row in itertools.product(range(2), repeat=4)]


def levels_of(design: Design) -> Levels:
    return {str(row): {f"f{i}": f"{level}" for i, level in enumerate(row)} for row in design}


def effects_of(design: Design, value: Callable[..., float], n_seeds: int = 4, noise: float = 0.0) -> FactorialEffects:
    """Effects where the value of an arm is a function of its levels, and seeds shift all arms alike."""
    rng = np.random.default_rng(0)
    shifts = 100 * rng.standard_normal(n_seeds)
    values = {
        str(row): {s: value(*row) + shifts[s] + noise * rng.standard_normal() for s in range(n_seeds)} for row in design
    }
    found = factorial_effects(levels_of(design), values)
    assert found is not None
    return found


def test_known_effects_of_a_full_design_are_found_exactly() -> None:
    steps = (0.0, 1.0, 5.0)
    found = effects_of(FULL_2X3, lambda a, b: 2.0 * a + steps[b] + (0.5 * a if b == 2 else 0.0))
    assert [(each.factor, each.level, each.reference) for each in found.main] == [
        ("f0", "1", "0"),
        ("f1", "1", "0"),
        ("f1", "2", "0"),
    ]
    assert [each.effect.mean for each in found.main] == pytest.approx([2.0 + 0.5 / 3, 1.0, 5.25])
    assert [(each.levels, each.references) for each in found.interactions] == [
        (("1", "1"), ("0", "0")),
        (("1", "2"), ("0", "0")),
    ]
    assert [each.effect.mean for each in found.interactions] == pytest.approx([0.0, 0.5], abs=1e-9)
    estimates = [each.effect for each in found.main] + [each.effect for each in found.interactions]
    for effect in estimates:
        assert effect.lo == pytest.approx(effect.hi), "what a seed does to all arms alike drops out"
    assert found.confounded == ()


def test_a_two_by_two_design_is_the_difference_of_differences() -> None:
    table = {(0, 0): 1.0, (0, 1): 4.0, (1, 0): 2.0, (1, 1): 11.0}
    found = effects_of(list(table), lambda a, b: table[a, b])
    assert [each.effect.mean for each in found.main] == pytest.approx([(2 + 11 - 1 - 4) / 2, (4 + 11 - 1 - 2) / 2])
    assert found.interactions[0].effect.mean == pytest.approx((11 - 2) - (4 - 1))


def test_a_fraction_gives_main_effects_and_names_what_it_confounds() -> None:
    found = effects_of(HALF_OF_16, lambda a, b, c, d: a - 2.0 * b + 3.0 * c + 0.5 * d)
    assert [each.effect.mean for each in found.main] == pytest.approx([1.0, -2.0, 3.0, 0.5])
    assert found.interactions == ()
    assert len(found.confounded) == 6


def test_a_fraction_of_resolution_5_gives_interactions() -> None:
    found = effects_of(HALF_OF_32, lambda a, b, c, d, e: a + 4.0 * b * e + c - d)
    by_pair = {each.factors: each.effect.mean for each in found.interactions}
    assert len(by_pair) == 10
    assert by_pair.pop(("f1", "f4")) == pytest.approx(4.0)
    assert list(by_pair.values()) == pytest.approx([0.0] * 9, abs=1e-9)


def test_intervals_cover_the_true_effects_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    levels, covered = levels_of(FULL_2X2X2), []
    for _ in range(150):
        values = {
            str(row): {s: float(row[0] + row[0] * row[1] + noise) for s, noise in enumerate(rng.standard_normal(4))}
            for row in FULL_2X2X2
        }
        found = factorial_effects(levels, values)
        assert found is not None
        for effect, true in [
            (found.main[0].effect, 1.5),
            (found.main[2].effect, 0.0),
            (found.interactions[0].effect, 1.0),
        ]:
            assert effect.lo is not None
            assert effect.hi is not None
            covered.append(effect.lo <= true <= effect.hi)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_seeds_that_an_arm_lacks_are_left_out() -> None:
    values = {str(row): {seed: float(row[0]) for seed in range(3)} for row in FULL_2X2X2}
    del values[str(FULL_2X2X2[3])][1]
    found = factorial_effects(levels_of(FULL_2X2X2), values)
    assert found is not None
    assert found.seeds == (0, 2)
    assert factorial_effects(levels_of(FULL_2X2X2), {**values, str(FULL_2X2X2[0]): {}}) is None


def test_one_seed_gives_effects_without_intervals() -> None:
    found = effects_of(FULL_2X3, lambda a, b: float(a + b), n_seeds=1)
    assert found.main[0].effect.mean == pytest.approx(1.0)
    assert found.main[0].effect.lo is None


@pytest.mark.parametrize("design", [FULL_2X3, FULL_2X2X2, HALF_OF_16, HALF_OF_32])
def test_full_and_fractional_designs_are_balanced(design: Design) -> None:
    assert is_balanced(levels_of(design))


@pytest.mark.parametrize("design", [FULL_2X3[:-1], [(0, 0), (1, 0), (0, 1)], [(0,), (1,)], [(0, 0), (1, 1)], []])
def test_other_arms_are_no_design(design: Design) -> None:
    assert not is_balanced(levels_of(design))
    with pytest.raises(StudyError, match="balanced design"):
        factorial_effects(levels_of(design), {})
