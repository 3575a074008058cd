"""Entries of study files: the tables and arrays of tables that a study file consists of, one class each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.errors import ConfigError
from search_spaces.domains import Domain, Option, Range, choice
from search_spaces.samplers.settings import RandomSamplerConfig, SamplerConfig
from search_spaces.space import Dimension

if TYPE_CHECKING:
    from core.statistics.race import RaceRules

NAME_RULE = "letters, digits, spaces and . _ + = , - inside, at most 100 characters"
"""Characters allowed in the name of a study or an arm, as text for error messages."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._+=,-]{0,98}[A-Za-z0-9_+])?")
"""Pattern of `NAME_RULE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveEntry:
    """Entry of an objective: a metric that is one axis of the Pareto front."""

    metric: str
    direction: Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionEntry:
    """Entry of a dimension: a path with `values`, or with the ends of a range for a search."""

    path: str
    values: list[Any] | None = None
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    """Whether the range is logarithmic."""
    when: dict[str, Any] = field(default_factory=dict)
    """Conditions, see `Dimension.when`; a single value needs no list."""

    def dimension(self) -> Dimension:
        """The dimension that the entry describes.

        Raises:
            ConfigError: the domain is invalid.
        """
        when = {path: tuple(value) if isinstance(value, list) else (value,) for path, value in self.when.items()}
        try:
            return Dimension(path=self.path, domain=self._domain(), when=when)
        except ConfigError as error:
            raise ConfigError(f"space dimension {self.path}: {error}") from error

    def _domain(self) -> Domain:
        if self.values is not None and self.low is None and self.high is None:
            return choice([_option(value) for value in self.values])
        if self.values is None and self.low is not None and self.high is not None:
            return Range(low=self.low, high=self.high, log=self.log)
        raise ConfigError("give either `values` or both `low` and `high`")


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationEntry:
    """Entry of an ablation of one factor, see `search_spaces.designs.one_factor`."""

    baseline: Any
    arms: dict[str, Any]
    path: str = ""
    baseline_name: str = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEntry:
    """Entry of a search, in which a sampler proposes arms in rounds, see `search_spaces.search`."""

    space: tuple[DimensionEntry, ...]
    n_arms: int
    round_size: int = 1
    seeds: tuple[int, ...] = (1000, 1001)
    """Seeds with which each proposed arm is trained; disjoint from the seeds of the study."""
    sampler: SamplerConfig = field(default_factory=RandomSamplerConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceEntry:
    """Entry of a race, which gives arms seeds until it is decided which are on the front, see `search_spaces.race`."""

    error_rate: float = 0.05
    """Probability of any wrong decision in the whole race."""
    min_seeds: int = 3
    """Number of seeds that every arm gets before arms are compared."""
    max_seeds: int = 8
    """Largest number of seeds of an arm."""
    give_up_below: float = 0.1
    """Probability of a decision by the remaining seeds below which an arm is left undecided."""

    def __post_init__(self) -> None:
        if not 0 < self.error_rate < 0.5:
            raise ConfigError(f"race.error_rate lies between 0 and 0.5, often 0.05; got {self.error_rate:g}")
        if not 2 <= self.min_seeds <= self.max_seeds:
            raise ConfigError(
                "race.min_seeds is at least 2, because one seed shows no variation, and at most race.max_seeds; "
                f"got {self.min_seeds} and {self.max_seeds}"
            )
        if not 0 <= self.give_up_below < 1:
            raise ConfigError(
                "race.give_up_below is a probability below 1, and 0 to race every open arm to the last seed; "
                f"got {self.give_up_below:g}"
            )

    def rules(self) -> "RaceRules":
        """The rules of the race."""
        from core.statistics.race import RaceRules

        return RaceRules.at_every_seed(
            error_rate=self.error_rate,
            min_seeds=self.min_seeds,
            max_seeds=self.max_seeds,
            give_up_below=self.give_up_below,
        )


def check_name(what: str, name: str) -> None:
    """Check the name of a study or an arm against `NAME_RULE`; `what` is "a study" or "an arm".

    Raises:
        ConfigError: the name breaks the rule.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"the name of {what} has {NAME_RULE}; got {name!r}")


def _option(value: Any) -> Any:
    """A value in a study file as an option if it has a label, else unchanged."""
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"label", "value"} or set(value) == {"label", "settings"}:
        content = value.get("value", value.get("settings"))
        if isinstance(value["label"], str) and isinstance(content, Mapping) == ("settings" in value):
            return Option(label=value["label"], value=content)
    raise ConfigError(
        "a value is plain, or { label = TEXT, value = PLAIN }, or { label = TEXT, settings = TABLE }; "
        f"got {value!r}"
    )
