"""Explicit arms: a list of named settings, in which an arm can start from the settings of another one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import MaxLen

from core.errors import ConfigError
from core.settings.dotted import flatten
from core.settings.suggestions import did_you_mean
from core.settings.value_rules import listed, shown_value
from search_spaces.designs.base import Design
from search_spaces.limits import MAX_ENTRIES, MAX_TEXT
from search_spaces.strategy import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplicitArm:
    """Entry of an explicit arm in a study file."""

    name: Annotated[str, MaxLen(MAX_TEXT)]
    like: Annotated[str, MaxLen(MAX_TEXT)] | None = None
    """Another explicit arm from whose settings this one starts."""
    config: Annotated[dict[str, Any], MaxLen(MAX_ENTRIES)] = field(default_factory=dict)
    """Nested or dotted settings."""


@dataclass(frozen=True, slots=True)
class ExplicitArms(Design):
    """Design with the arms of a list, in its order."""

    entries: Sequence[ExplicitArm]

    @property
    def n_arms(self) -> int:
        return len(self.entries)

    def build(self) -> Sequence[Arm]:
        entry_by_name = {entry.name: entry for entry in self.entries}
        settings: dict[str, dict[str, Any]] = {}
        for entry in self.entries:
            chain = [entry]
            while (base := chain[-1].like) is not None and base not in settings:
                chain.append(_base_of(chain, entry_by_name))
            for each in reversed(chain):
                inherited = settings[each.like] if each.like is not None else {}
                settings[each.name] = {**inherited, **flatten(each.config)}
        return [Arm(entry.name, settings[entry.name]) for entry in self.entries]


def _base_of(chain: Sequence[ExplicitArm], entry_by_name: Mapping[str, ExplicitArm]) -> ExplicitArm:
    """The arm from which the last arm of a chain starts, each of which is like the next.

    Raises:
        ConfigError: `like` names no arm, or the references form a cycle.
    """
    entry = chain[-1]
    assert entry.like is not None
    if entry.like not in entry_by_name:
        hint = did_you_mean(entry.like, entry_by_name, otherwise=f"explicit arms: {listed(entry_by_name)}")
        raise ConfigError(
            f"arm {shown_value(entry.name)} is like {shown_value(entry.like)}, which is not an explicit arm; {hint}"
        )
    names = [each.name for each in chain]
    if entry.like in names:
        raise ConfigError(
            f"`like` must not be cyclic: {' -> '.join((*names, entry.like))}; give one of these arms its own config"
        )
    return entry_by_name[entry.like]
