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
    arms = list(design.arms())
    assert list(design.propose(History())) == arms
    some = History(arms=tuple(TriedArm(arm=arm) for arm in arms[:1]))
    assert list(design.propose(some)) == arms[1:]
    assert list(design.propose(History(arms=tuple(TriedArm(arm=arm) for arm in arms)))) == []


CHECKS: tuple[Check, ...] = (arms_differ_in_name_and_settings, it_proposes_all_arms_once)
