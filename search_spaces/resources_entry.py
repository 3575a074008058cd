"""Entry of a study file with the resources of some arms."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesEntry:
    """Entry of the resources that the trials of some arms get, in place of those of the command line."""

    arms: tuple[str, ...]
    """Names of arms, in which `*`, `?` and `[...]` stand for other characters."""
    cpus: float | None = None
    gpus: float | None = None
    memory_gib: float | None = None

    def __post_init__(self) -> None:
        if not self.arms or (self.cpus is None and self.gpus is None and self.memory_gib is None):
            raise ConfigError(
                "[[resources]] names arms and at least one of cpus, gpus and memory_gib, such as "
                "arms = ['wide*'], cpus = 2"
            )
        for name, value in (("cpus", self.cpus), ("memory_gib", self.memory_gib)):
            if value is not None and value <= 0:
                raise ConfigError(f"resources of arms {', '.join(self.arms)}: {name} must be above 0; got {value:g}")
        if self.gpus is not None and self.gpus < 0:
            raise ConfigError(f"resources of arms {', '.join(self.arms)}: gpus must be 0 or more; got {self.gpus:g}")
        for name, count in (("cpus", self.cpus), ("gpus", self.gpus)):
            if count is not None and count > 1 and count != int(count):
                raise ConfigError(
                    f"resources of arms {', '.join(self.arms)}: {name} above 1 is a whole number; got {count:g}"
                )

    def applies_to(self, arm: str) -> bool:
        """Whether an arm has one of the names."""
        return any(fnmatchcase(arm, pattern) for pattern in self.arms)
