"""Entries of study files: the tables and arrays of tables that a study file consists of, one class each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from core.errors import ConfigError
from search_spaces.domains import Domain, Option, Range, choice
from search_spaces.samplers.settings import SamplerConfig, TpeSamplerConfig
from search_spaces.search import Mode
from search_spaces.space import Dimension

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
    """Entry of a search: a sampler proposes arms in each cell of a grid, see `search_spaces.search`."""

    space: tuple[DimensionEntry, ...]
    """Dimensions that are searched in each cell."""
    arms_per_cell: int
    """Number of arms that each cell proposes."""
    grid: tuple[DimensionEntry, ...] = ()
    """Dimensions with lists of values; each combination is a cell. Without any, the search is one cell."""
    round_size: int | None = None
    """Number of arms that each cell adds in a round; None for what suits the sampler."""
    mode: Mode = "rounds"
    """Whether it proposes after whole rounds, or asynchronously, which gives up that resumed searches are equal."""
    seeds: tuple[int, ...] = (1000, 1001)
    """Seeds with which each proposed arm is trained; disjoint from the seeds of the study."""
    sampler: SamplerConfig = field(default_factory=TpeSamplerConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmEntry:
    """Entry of a confirmation, which runs the best arms of the search with the study's seeds, see `confirm.py`."""

    max_arms: Annotated[int, Ge(1)] = 8
    """Largest number of arms that are confirmed."""
    threshold: Annotated[float, Ge(0), Le(1)] = 0.05
    """Smallest probability of being on the front with which an arm beside the observed front is confirmed."""


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
