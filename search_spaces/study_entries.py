"""Entries of study files: the tables and arrays of tables that a study file consists of, one class each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Interval, MaxLen

from core.errors import ConfigError
from core.settings.annotations import SeedRange
from core.settings.dotted import flatten
from core.settings.value_rules import shown_value
from search_spaces.designs.fractional_factorial import Resolution
from search_spaces.designs.space_filling import Method
from search_spaces.dimensions import Dimension
from search_spaces.domains import Domain, choice, fixed
from search_spaces.limits import MAX_DIMENSIONS, MAX_ENTRIES, MAX_RACE_SEEDS, MAX_SEEDS, MAX_TEXT, MAX_TRIALS
from search_spaces.options import Option
from search_spaces.paths import check_known, takes_integers
from search_spaces.ranges import number_range
from search_spaces.samplers.settings import SamplerConfig, TpeSamplerConfig
from search_spaces.search import Mode

if TYPE_CHECKING:
    from core.statistics.race import RaceRules


AnyNumber = Interval(ge=-1e300, le=1e300)
"""Admits all numbers that a setting could admit; whether it does is checked with its own range."""
Seeds = Annotated[tuple[Annotated[int, Interval(ge=-(2**63), le=2**63 - 1)], ...], MaxLen(MAX_SEEDS)]
"""Seeds, as far as TOML admits them; the rules are those of `search_spaces.seeds`, and the size of a study."""
Table = Annotated[dict[str, Any], MaxLen(MAX_ENTRIES)]
"""Settings by nested or dotted path."""


Audience = Literal["research", "sound design"]
"""Whom the verdict of a study is for: in terms of its metrics, or of what is heard and what to do next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioByFolderEntry:
    """Entry that lets the sounds in `data.folder` choose those settings of the clips that the study does not give.

    See `study.planning.folder_clips`.
    """

    max_sample_rate: Annotated[int, Interval(ge=16_000, le=192_000)] = 48_000
    """Highest sample rate in Hz."""
    max_duration_s: Annotated[float, Interval(ge=0.5, le=600)] = 3.0
    """Greatest length of a clip in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveEntry:
    """Entry of an objective: a metric that is one axis of the Pareto front."""

    metric: Annotated[str, MaxLen(MAX_TEXT)]
    direction: Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionEntry:
    """Entry of a dimension: a path with `values`, a single `value`, or the ends of a range."""

    path: Annotated[str, MaxLen(MAX_TEXT)]
    values: Annotated[list[Any], MaxLen(MAX_TRIALS)] | None = None
    value: Any = None
    low: Annotated[int | float, AnyNumber] | None = None
    high: Annotated[int | float, AnyNumber] | None = None
    log: bool = False
    """Whether the range is logarithmic."""
    step: Annotated[int | float, AnyNumber] | None = None
    """Distance of neighbouring values of the range."""
    when: Table = field(default_factory=dict)
    """Conditions by nested or dotted path, see `Dimension.when`; a single value needs no list."""

    @property
    def n_values(self) -> int:
        """Number of values; 1 if they are not finitely many, or if the entry is invalid."""
        if self.values is not None:
            return max(1, len(self.values))
        if self.low is None or self.high is None:
            return 1
        try:
            return self._domain().size or 1
        except ConfigError:
            return 1

    def dimension(self) -> Dimension:
        """The dimension that the entry describes.

        Raises:
            ConfigError: the domain is invalid.
        """
        conditions = flatten(self.when).items()
        when = {path: tuple(value) if isinstance(value, list) else (value,) for path, value in conditions}
        try:
            return Dimension(path=self.path, domain=self._domain(), when=when)
        except ConfigError as error:
            raise ConfigError(f"space dimension {self.path}: {error}") from error

    def _domain(self) -> Domain:
        """The domain; a range is one of whole numbers if the setting is."""
        check_known(self.path)
        is_range = not (self.low is None and self.high is None and self.step is None and not self.log)
        if (self.values is not None) + (self.value is not None) + is_range != 1:
            raise ConfigError("give either `values`, or `value`, or both `low` and `high`, with `log` or `step`")
        if self.values is not None:
            return choice([_option(value) for value in self.values])
        if self.value is not None:
            return fixed(_option(self.value))
        if self.low is None or self.high is None:
            raise ConfigError("a range needs both `low` and `high`")
        return number_range(self.low, self.high, log=self.log, step=self.step, is_integer=takes_integers(self.path))


Dimensions = Annotated[tuple[DimensionEntry, ...], MaxLen(MAX_DIMENSIONS)]
"""Entries of the dimensions of a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullFactorialEntry:
    """Entry of a design with all combinations, see `search_spaces.designs.full_factorial`."""

    kind: Literal["full_factorial"] = "full_factorial"


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionalFactorialEntry:
    """Entry of a two-level fractional factorial design, see `search_spaces.designs.fractional_factorial`."""

    kind: Literal["fractional_factorial"] = "fractional_factorial"
    resolution: Resolution | None = None
    generators: Annotated[tuple[Annotated[str, MaxLen(MAX_TEXT)], ...], MaxLen(MAX_DIMENSIONS)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFillingEntry:
    """Entry of a space-filling design, see `search_spaces.designs.space_filling`."""

    n_arms: Annotated[int, Interval(ge=1, le=MAX_TRIALS)]
    kind: Literal["space_filling"] = "space_filling"
    method: Method = "sobol"
    seed: Annotated[int, SeedRange] = 0


DesignEntry = FullFactorialEntry | FractionalFactorialEntry | SpaceFillingEntry
"""Entry of the design over the dimensions of `[[space]]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneFactorEntry:
    """Entry of an ablation of one factor, see `search_spaces.designs.one_factor`."""

    baseline: Any
    arms: Annotated[dict[str, Any], MaxLen(MAX_TRIALS)]
    kind: Literal["one_factor"] = "one_factor"
    path: Annotated[str, MaxLen(MAX_TEXT)] = ""
    baseline_name: Annotated[str, MaxLen(MAX_TEXT)] = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneOutEntry:
    """Entry of an ablation that leaves out one component at a time, see `search_spaces.designs.leave_one_out`."""

    components: Annotated[dict[str, Table], MaxLen(MAX_TRIALS)]
    kind: Literal["leave_one_out"] = "leave_one_out"
    full: Table = field(default_factory=dict)
    full_name: Annotated[str, MaxLen(MAX_TEXT)] = "full"


AblationEntry = OneFactorEntry | LeaveOneOutEntry
"""Entry of an ablation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEntry:
    """Entry of a search: a sampler proposes arms in each cell of a grid, see `search_spaces.search`."""

    space: Dimensions
    """Dimensions that are searched in each cell."""
    arms_per_cell: Annotated[int, Interval(ge=1, le=MAX_TRIALS)]
    """Number of arms that each cell proposes."""
    grid: Dimensions = ()
    """Dimensions with lists of values; each combination is a cell. Without any, the search is one cell."""
    round_size: Annotated[int, Interval(ge=1, le=MAX_TRIALS)] | None = None
    """Number of arms that each cell adds in a round; None for what suits the sampler."""
    mode: Mode = "rounds"
    """Whether it proposes after whole rounds, or asynchronously, which gives up that resumed searches are equal."""
    seeds: Seeds = (1000, 1001)
    """Seeds with which each proposed arm is trained; disjoint from the seeds of the study."""
    sampler: SamplerConfig = field(default_factory=TpeSamplerConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmEntry:
    """Entry of a confirmation, which runs the best arms of the search with the study's seeds, see `confirm.py`."""

    max_arms: Annotated[int, Interval(ge=1, le=MAX_TRIALS)] = 8
    """Largest number of arms that are confirmed."""
    threshold: Annotated[float, Interval(ge=0, le=1)] = 0.05
    """Smallest probability of being on the front with which an arm beside the observed front is confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceEntry:
    """Entry of a race, which gives arms seeds until it is decided which are on the front, see `search_spaces.race`."""

    error_rate: Annotated[float, Interval(ge=0, le=0.5)] = 0.05
    """Probability of any wrong decision in the whole race."""
    min_seeds: Annotated[int, Interval(ge=1, le=MAX_RACE_SEEDS)] = 3
    """Number of seeds that every arm gets before arms are compared."""
    max_seeds: Annotated[int, Interval(ge=1, le=MAX_RACE_SEEDS)] = 8
    """Largest number of seeds of an arm."""
    give_up_below: Annotated[float, Interval(ge=0, le=1)] = 0.1
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


def _option(value: Any) -> Any:
    """A value in a study file as an option if it has a label, else unchanged."""
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"label", "value"} or set(value) == {"label", "settings"}:
        content = value.get("value", value.get("settings"))
        if isinstance(value["label"], str) and value["label"] and isinstance(content, Mapping) == ("settings" in value):
            return Option(label=value["label"], value=content)
    raise ConfigError(
        "a value is plain, or { label = TEXT, value = PLAIN }, or { label = TEXT, settings = TABLE }; "
        f"got {shown_value(value)}"
    )
