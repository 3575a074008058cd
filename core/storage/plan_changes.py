"""Settings that differ between two plans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.settings.dotted import flatten
from core.storage.records import StudyPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting whose values differ; None where a plan does not have it."""

    path: str
    before: Any
    after: Any
    arms: tuple[str, ...] = ()
    """The arms in which it differs; empty if it is a setting of the study or differs in all arms of the later plan."""


def arm_changes(before: StudyPlan, after: StudyPlan) -> Iterator[Change]:
    """Settings that differ in arms of the same name, sorted by path; each change of several arms occurs once."""
    earlier = {arm.name: arm for arm in before.arms}
    arms_of_change: dict[tuple[str, str, str], tuple[Any, Any, list[str]]] = {}
    for arm in after.arms:
        if arm.name not in earlier or earlier[arm.name].sha256 == arm.sha256:
            continue
        for change in setting_changes(earlier[arm.name].config, arm.config):
            key = (change.path, repr(change.before), repr(change.after))
            arms_of_change.setdefault(key, (change.before, change.after, []))[2].append(arm.name)
    for (path, *_), (old, new, names) in sorted(arms_of_change.items(), key=lambda item: item[0]):
        yield Change(path=path, before=old, after=new, arms=() if len(names) == len(after.arms) else tuple(names))


def setting_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Settings that differ between two nested mappings, by dotted path."""
    old, new = flatten(before), flatten(after)
    return [
        Change(path=path, before=old.get(path), after=new.get(path))
        for path in dict.fromkeys([*old, *new])
        if old.get(path) != new.get(path)
    ]
