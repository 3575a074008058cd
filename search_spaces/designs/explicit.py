"""Explicit arms: a list of named settings, in which an arm can start from the settings of another one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import ConfigError
from core.settings.dotted import flatten
from core.settings.suggestions import did_you_mean
from search_spaces.designs.base import Design
from search_spaces.strategy import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplicitArm:
    """Entry of an explicit arm in a study file."""

    name: str
    like: str | None = None
    """Another explicit arm from whose settings this one starts."""
    config: dict[str, Any] = field(default_factory=dict)
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
        return [Arm(entry.name, self._settings(entry, entry_by_name, (entry.name,))) for entry in self.entries]

    def _settings(
        self, entry: ExplicitArm, entry_by_name: Mapping[str, ExplicitArm], chain: tuple[str, ...]
    ) -> dict[str, Any]:
        """The settings of the arm from which the entry starts, overridden by its own.

        Args:
            entry: The arm.
            entry_by_name: All explicit arms.
            chain: Names of the arms that refer to this entry by `like`, and its own name last.

        Raises:
            ConfigError: `like` names no arm, or the references form a cycle.
        """
        own_settings = flatten(entry.config)
        if entry.like is None:
            return own_settings
        base = entry_by_name.get(entry.like)
        if base is None:
            hint = did_you_mean(entry.like, entry_by_name, otherwise=f"explicit arms: {', '.join(entry_by_name)}")
            raise ConfigError(f"arm {entry.name!r} is like {entry.like!r}, which is not an explicit arm; {hint}")
        if entry.like in chain:
            raise ConfigError(f"`like` must not be cyclic: {' -> '.join((*chain, entry.like))}")
        return {**self._settings(base, entry_by_name, (*chain, base.name)), **own_settings}
