"""One factor at a time: a baseline, and arms that each differ from it in one factor."""

import dataclasses
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import ConfigError
from core.settings.dotted import flatten
from core.settings.value_rules import shown_value
from search_spaces.designs.base import Design
from search_spaces.options import value_key
from search_spaces.paths import check_known
from search_spaces.strategy import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class OneFactor(Design):
    """Ablation of one factor: the setting at `path` has the baseline's value in one arm and other values in the others.

    Values are config objects, tables of settings or plain values. Without a path they are tables of settings from the
    root, so each arm can change a different setting.
    """

    baseline: Any
    variations: Mapping[str, Any] = field(default_factory=dict)
    """Values of the other arms, by name."""
    path: str = ""
    """Dotted path of the factor; empty for the root."""
    baseline_name: str = "baseline"

    @property
    def n_arms(self) -> int:
        return 1 + len(self.variations)

    def build(self) -> tuple[Arm, ...]:
        """The baseline, followed by the other arms.

        Raises:
            ConfigError: the path is unknown, there is no variation, or two arms are equal.
        """
        if self.path:
            check_known(self.path)
        if not self.variations:
            raise ConfigError(
                "an ablation needs at least one arm beside its baseline; got none; name one in ablation.arms"
            )
        if self.baseline_name in self.variations:
            raise ConfigError(
                f"the ablation's arm {shown_value(self.baseline_name)} has the baseline's name; rename one of them"
            )
        arms: list[Arm] = []
        name_by_key: dict[Hashable, str] = {}
        for name, value in {self.baseline_name: self.baseline, **self.variations}.items():
            settings = self._settings(value)
            if (key := value_key(settings)) in name_by_key:
                raise ConfigError(
                    f"the ablation's arms {shown_value(name_by_key[key])} and {shown_value(name)} are the same; "
                    "leave one of them out"
                )
            name_by_key[key] = name
            arms.append(Arm(name, settings))
        return tuple(arms)

    def _settings(self, value: Any) -> dict[str, Any]:
        """Dotted settings of an arm with this value."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = dataclasses.asdict(value)
        if isinstance(value, Mapping):
            return flatten(value, f"{self.path}." if self.path else "")
        if not self.path:
            raise ConfigError(
                f"an ablation without a path takes tables of settings; got {shown_value(value)}; give it a path"
            )
        return {self.path: value}
