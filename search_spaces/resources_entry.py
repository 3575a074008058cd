"""Entry of a study file with the resources of some arms."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from annotated_types import Interval, MaxLen

from core.errors import ConfigError
from core.settings.value_rules import listed
from search_spaces.limits import MAX_RESOURCES, MAX_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesEntry:
    """Entry of the resources that the trials of some arms get, in place of those of the command line."""

    arms: Annotated[tuple[Annotated[str, MaxLen(MAX_TEXT)], ...], MaxLen(MAX_RESOURCES)]
    """Names of arms, in which `*`, `?` and `[...]` stand for other characters."""
    cpus: Annotated[float, Interval(gt=0, le=10_000)] | None = None
    gpus: Annotated[float, Interval(ge=0, le=10_000)] | None = None
    memory_gib: Annotated[float, Interval(gt=0, le=1_000_000)] | None = None

    def __post_init__(self) -> None:
        if not self.arms or (self.cpus is None and self.gpus is None and self.memory_gib is None):
            raise ConfigError(
                "[[resources]] names arms and at least one of cpus, gpus and memory_gib, such as "
                "arms = ['wide*'], cpus = 2"
            )
        for name, count in (("cpus", self.cpus), ("gpus", self.gpus)):
            if count is not None and count > 1 and count != int(count):
                raise ConfigError(
                    f"resources of arms {listed(self.arms)}: {name} above 1 is a whole number; got {count:g}"
                )

    def applies_to(self, arm: str) -> bool:
        """Whether an arm has one of the names."""
        return any(fnmatchcase(arm, pattern) for pattern in self.arms)
