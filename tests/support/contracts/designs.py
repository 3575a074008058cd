"""The contract of a strategy whose arms are known before anything runs."""

from collections.abc import Callable

from search_spaces.designs.base import Design
from search_spaces.strategy import History, TriedArm

Check = Callable[[Design], None]


def arms_differ_in_name_and_settings(design: Design) -> None:
    arms = design.arms()
    assert arms
    assert len({arm.name for arm in arms}) == len(arms)
    assert len({repr(sorted(arm.settings.items(), key=repr)) for arm in arms}) == len(arms)


def it_proposes_all_arms_once(design: Design) -> None:
    arms = tuple(design.arms())
    first = design.propose(History(seeds=(0, 3)))
    assert first is not None
    assert first.arms == arms
    assert set(first.trials) == {(arm.name, seed) for arm in arms for seed in (0, 3)}
    rest = design.propose(History(arms=tuple(TriedArm(arm=arm) for arm in arms[:1])))
    assert (rest.arms if rest else ()) == arms[1:]
    assert design.propose(History(arms=tuple(TriedArm(arm=arm) for arm in arms))) is None


CHECKS: tuple[Check, ...] = (arms_differ_in_name_and_settings, it_proposes_all_arms_once)
