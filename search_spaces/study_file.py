"""Study files: TOML files with a question, the arms that answer it, seeds and objectives.

question = "What does a smoother curve cost?"
preset = "small"                       # or "paper"
seeds = [0, 1]
[config]                               # shared by all arms that have the setting
trainer.max_steps = 300
[[arms]]                               # explicit arms ...
name = "lpf-8"
config = { parameterization = { kind = "low_pass", cutoff_hz = 8.0 } }
[[arms]]
name = "lpf-4"
like = "lpf-8"                         # starts from another arm's settings
config = { parameterization.cutoff_hz = 4.0 }
[[space]]                              # ... and every combination of dimensions ...
path = "parameterization.n_segments"
values = [8, { label = "many", value = 16 }]
when = { "parameterization.kind" = "spline" }
[ablation]                             # ... and one factor at a time
path = "encoder.width"
baseline = 16
arms = { narrow = 8 }
[search]                               # ... and arms that a sampler proposes, in rounds
n_arms = 20
round_size = 4
sampler = { kind = "random", seed = 0 }
[[search.space]]
path = "optimizer.lr"
low = 1e-4
high = 1e-1
log = true

A study of designs can be a race, which gives the arms seeds until it is decided which are on the front:
[race]
error_rate = 0.05
min_seeds = 3
max_seeds = 8
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from core.errors import ConfigError
from core.settings.dotted import flatten
from core.settings.loading import preset_named
from core.settings.presets import Preset
from search_spaces.designs.base import Design
from search_spaces.designs.explicit import ExplicitArm, ExplicitArms
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.designs.one_factor import OneFactor
from search_spaces.paths import compose
from search_spaces.race import Race
from search_spaces.samplers.build import build_sampler
from search_spaces.search import SEARCH_NAME, Search, check_rounds
from search_spaces.seeds import continued_seeds
from search_spaces.space import Space
from search_spaces.strategy import Arm, Strategy
from search_spaces.study_entries import (
    AblationEntry,
    DimensionEntry,
    ObjectiveEntry,
    RaceEntry,
    SearchEntry,
    check_name,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """Content of a study file: the question of a study, its arms, seeds and objectives."""

    name: str
    question: str
    preset: str = "small"
    seeds: tuple[int, ...] = (0,)
    objectives: tuple[ObjectiveEntry, ...] = (
        ObjectiveEntry(metric="audio.mss", direction="minimize"),
        ObjectiveEntry(metric="interpretability.tv", direction="minimize"),
    )
    config: dict[str, Any] = field(default_factory=dict)
    """Nested or dotted settings shared by all arms."""
    arms: tuple[ExplicitArm, ...] = ()
    space: tuple[DimensionEntry, ...] = ()
    ablation: AblationEntry | None = None
    search: SearchEntry | None = None
    race: RaceEntry | None = None

    def __post_init__(self) -> None:
        check_name("a study", self.name)
        preset_named(self.preset)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(f"seeds must be distinct non-negative integers, at least one; got {list(self.seeds)}")
        if not self.objectives or len({entry.metric for entry in self.objectives}) < len(self.objectives):
            raise ConfigError("objectives must be distinct metrics, at least one; leave them out for the default two")
        if not (self.arms or self.space or self.ablation or self.search):
            raise ConfigError(
                "a study needs something that varies: give it [[arms]], [[space]], [ablation] or [search]"
            )
        if self.search and (shared := set(self.search.seeds) & set(self.seeds)):
            raise ConfigError(
                "search.seeds and seeds must be disjoint, because the search must not see the seeds of the evaluation; "
                f"both contain {min(shared)}; change one of them"
            )
        if self.race:
            self._check_race(self.race)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """Seeds that an arm of a design can get: `seeds`, of a race continued to its largest number."""
        return continued_seeds(self.seeds, self.race.max_seeds) if self.race else self.seeds

    @property
    def design_seeds(self) -> tuple[int, ...]:
        """Seeds that all arms of the designs get: all of them, or those before the first comparison of a race."""
        return self.all_seeds[: self.race.min_seeds] if self.race else self.seeds

    def as_race(self) -> "StudyFile":
        """The study as a race until it is decided which arms are on the front, by default with the default rules.

        Raises:
            ConfigError: it has no designs, or a search.
        """
        if self.race:
            return self
        return replace(self, race=RaceEntry(max_seeds=max(RaceEntry().max_seeds, len(self.seeds))))

    @property
    def base(self) -> Preset:
        """The preset on which all arms are based."""
        return preset_named(self.preset)

    def shared(self) -> dict[str, Any]:
        """Dotted settings shared by all arms."""
        return flatten(self.config)

    def to_settings(self) -> dict[str, Any]:
        """The study as plain values; the inverse of `parse_study`."""
        return {key: value for key, value in _plain(asdict(self)).items() if value is not None}

    def designs(self) -> tuple[Design, ...]:
        """Designs of the study, whose arms do not depend on results: combinations, ablation and explicit arms.

        Raises:
            ConfigError: a space cannot be built.
        """
        designs: list[Design] = []
        if self.space:
            designs.append(FullFactorial(self._space(self.space)))
        if ablation := self.ablation:
            designs.append(
                OneFactor(
                    path=ablation.path,
                    baseline=ablation.baseline,
                    variations=ablation.arms,
                    baseline_name=ablation.baseline_name,
                )
            )
        if self.arms:
            designs.append(ExplicitArms(self.arms))
        return tuple(designs)

    def searches(self) -> tuple[Search, ...]:
        """The search of the study, if it has one.

        Raises:
            ConfigError: its space cannot be built, or its number of arms or size of rounds is invalid.
        """
        if self.search is None:
            return ()
        check_rounds(self.search.n_arms, self.search.round_size, self.search.seeds)
        search = Search(
            space=self._space(self.search.space),
            sampler=build_sampler(self.search.sampler),
            sampler_kind=self.search.sampler.kind,
            seeds=self.search.seeds,
            n_arms=self.search.n_arms,
            round_size=self.search.round_size,
        )
        return (search,)

    def races(self) -> tuple[Race, ...]:
        """The race of the study, if it has one."""
        return (Race(seeds=self.all_seeds, entry=self.race),) if self.race else ()

    def strategies(self) -> tuple[Strategy, ...]:
        """Strategies of the study in the order in which they run: its designs, then its race or its search.

        Raises:
            ConfigError: as `designs` and `searches`.
        """
        return (*self.designs(), *self.races(), *self.searches())

    def named_arms(self) -> tuple[Arm, ...]:
        """All arms of the designs.

        Raises:
            ConfigError: an arm cannot be built, occurs twice, or starts from an unknown arm.
        """
        arms = [arm for design in self.designs() for arm in design.arms()]
        counts = Counter(arm.name for arm in arms)
        for arm in arms:
            if counts[arm.name] > 1:
                raise ConfigError(f"two arms are named {arm.name!r}; rename one of them")
            if SEARCH_NAME.fullmatch(arm.name):
                raise ConfigError(f"names such as {arm.name!r} are those of a search's arms; rename the arm")
            self.check_arm(arm)
        return tuple(arms)

    def check_arm(self, arm: Arm) -> None:
        """Check the name and the settings of an arm.

        Raises:
            ConfigError: the name or a setting is invalid.
        """
        check_name("an arm", arm.name)
        try:
            compose(self.base, self.shared(), arm.settings)
        except ConfigError as error:
            raise ConfigError(f"arm {arm.name!r}: {error}") from error

    def _check_race(self, race: RaceEntry) -> None:
        """Raise ConfigError if the study cannot be a race."""
        if self.search:
            raise ConfigError(
                "[race] compares arms that are fixed before it starts, and [search] adds arms; "
                "make them two studies, or leave one out"
            )
        if len(self.seeds) > race.max_seeds:
            raise ConfigError(
                f"a race gives an arm at most race.max_seeds seeds, {race.max_seeds}, and seeds lists "
                f"{len(self.seeds)}; raise race.max_seeds, or shorten seeds"
            )

    def _space(self, entries: tuple[DimensionEntry, ...]) -> Space:
        """A space over the preset and the shared settings."""
        return Space([entry.dimension() for entry in entries], self.base, self.shared())


def _plain(value: Any) -> Any:
    """A value as TOML can represent it: tuples become lists, and entries that are None are left out."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
