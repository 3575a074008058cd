"""Leave one component out: a full configuration, and arms that each remove one of its components."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import ConfigError
from core.settings.dotted import flatten
from core.settings.value_rules import shown_value
from search_spaces.designs.base import Design
from search_spaces.strategy import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneOut(Design):
    """Ablation of components: what each contributes is the difference between the full configuration and one without.

    A component is named, and given by the settings that switch it off.
    """

    components: Mapping[str, Mapping[str, Any]]
    """Nested or dotted settings that remove each component, by its name."""
    full: Mapping[str, Any] = field(default_factory=dict)
    """Nested or dotted settings of the arm with all components."""
    full_name: str = "full"

    @property
    def n_arms(self) -> int:
        return 1 + len(self.components)

    def build(self) -> tuple[Arm, ...]:
        """The full configuration, followed by the arms without one component each.

        Raises:
            ConfigError: there is no component, one changes nothing, or two share a setting.
        """
        if not self.components:
            raise ConfigError(
                "an ablation that leaves components out needs at least one; got none; name them: "
                'components = { curriculum = { "trainer.curriculum_share" = 0.0 } }'
            )
        full = flatten(self.full)
        removals = {name: flatten(settings) for name, settings in self.components.items()}
        for name, removal in removals.items():
            if all(path in full and full[path] == value for path, value in removal.items()):
                raise ConfigError(
                    f"removing the component {shown_value(name)} changes nothing; give the settings that switch it off"
                )
        component_of: dict[str, str] = {}
        for name, removal in removals.items():
            for path in removal:
                if path in component_of:
                    raise ConfigError(
                        f"the components {shown_value(component_of[path])} and {shown_value(name)} both set {path}, so "
                        "removing one would remove a part of the other; make them one component"
                    )
                component_of[path] = name
        arms = [Arm(self.full_name, full)]
        arms += [Arm(f"without {name}", {**full, **removal}) for name, removal in removals.items()]
        return tuple(arms)
