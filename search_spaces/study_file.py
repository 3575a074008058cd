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
[[space]]                              # ... and every combination of dimensions, or the part that [design] takes ...
path = "encoder.width"
values = [8, 16]
[ablation]                             # ... and one factor at a time, or all components but one
path = "encoder.stride"
baseline = 1
arms = { coarse = 2 }
[search]                               # ... and arms that a sampler proposes in each cell of a grid; see also [confirm]
arms_per_cell = 20
[[search.space]]
path = "optimizer.lr"
low = 1e-4
high = 1e-1
log = true
# Further tables: [[contrasts]], [margins], [race], [[resources]], [early_stopping] and [audio_by_folder].
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

from annotated_types import Interval, MaxLen
from pydantic import Discriminator

from core.errors import ConfigError
from core.settings.dotted import flatten
from core.settings.loading import preset_named
from core.settings.presets import Preset
from core.settings.trial import TrialConfig
from core.settings.value_rules import listed, shown_value
from core.storage.records import Stage
from search_spaces.build_designs import ablation_of, design_over
from search_spaces.cell_search import CellSearch
from search_spaces.confirm import Confirm
from search_spaces.contrasts import ContrastEntry, DeclaredComparison, check_arms, check_margins, declared_comparisons
from search_spaces.designs.base import Design
from search_spaces.designs.explicit import ExplicitArm, ExplicitArms
from search_spaces.early_stopping import EarlyStoppingConfig, check_comparable
from search_spaces.limits import MAX_ENTRIES, MAX_OBJECTIVES, MAX_QUESTION, MAX_RESOURCES, MAX_TEXT, MAX_TRIALS
from search_spaces.names import check_name, check_question, check_study_name
from search_spaces.paths import Composer
from search_spaces.plan_size import Amount, amounts_of, check_n_trials
from search_spaces.race import Race
from search_spaces.resources_entry import ResourcesEntry
from search_spaces.search import Search, build_search
from search_spaces.seeds import check_seeds, continued_seeds
from search_spaces.space import Space
from search_spaces.strategy import Arm, StageOutlook, Strategy
from search_spaces.study_entries import (
    AblationEntry,
    Audience,
    AudioByFolderEntry,
    ConfirmEntry,
    DesignEntry,
    DimensionEntry,
    Dimensions,
    FullFactorialEntry,
    ObjectiveEntry,
    RaceEntry,
    SearchEntry,
    Seeds,
    Table,
)


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """Content of a study file: the question of a study, its arms, seeds and objectives."""

    name: Annotated[str, MaxLen(MAX_TEXT)]
    question: Annotated[str, MaxLen(MAX_QUESTION)]
    preset: Annotated[str, MaxLen(MAX_TEXT)] = "small"
    seeds: Seeds = (0,)
    objectives: Annotated[tuple[ObjectiveEntry, ...], MaxLen(MAX_OBJECTIVES)] = (
        ObjectiveEntry(metric="audio.mss", direction="minimize"),
        ObjectiveEntry(metric="interpretability.tv", direction="minimize"),
    )
    audience: Audience = "research"
    config: Table = field(default_factory=dict)
    """Nested or dotted settings shared by all arms."""
    audio_by_folder: AudioByFolderEntry | None = None
    """Limits of the clips that the sounds in `data.folder` choose; None for those of preset and settings."""
    arms: Annotated[tuple[ExplicitArm, ...], MaxLen(MAX_TRIALS)] = ()
    space: Dimensions = ()
    design: Annotated[DesignEntry, Discriminator("kind")] = field(default_factory=FullFactorialEntry)
    """Design over the dimensions of `space`."""
    ablation: Annotated[AblationEntry, Discriminator("kind")] | None = None
    search: SearchEntry | None = None
    confirm: ConfirmEntry | None = None
    """Settings of the confirmation of the search; None for the defaults if there is a search."""
    contrasts: Annotated[tuple[ContrastEntry, ...], MaxLen(MAX_ENTRIES)] = ()
    """Comparisons that answer the question; without any, every trained arm is compared with the first one."""
    margins: Annotated[dict[str, Annotated[float, Interval(ge=0, le=1e12)]], MaxLen(MAX_ENTRIES)] = field(
        default_factory=dict
    )
    """Smallest difference that matters, by full name of the metric."""
    race: RaceEntry | None = None
    """Settings of the race between the arms of the designs; None if all arms get all seeds."""
    resources: Annotated[tuple[ResourcesEntry, ...], MaxLen(MAX_RESOURCES)] = ()
    early_stopping: EarlyStoppingConfig | None = None
    """Rule that ends trials early; None trains all trials to their last step."""

    def __post_init__(self) -> None:
        check_study_name(self.name)
        preset_named(self.preset)
        check_question(self.question)
        check_seeds("seeds", self.seeds)
        check_n_trials(
            *amounts_of(
                space=self.space,
                design=self.design,
                ablation=self.ablation,
                n_explicit=len(self.arms),
                search=self.search,
                confirm=self.confirm or ConfirmEntry(),
                n_seeds=len(self.all_seeds),
            )
        )
        if not self.objectives or len({entry.metric for entry in self.objectives}) < len(self.objectives):
            names = ", ".join(entry.metric for entry in self.objectives) or "none"
            raise ConfigError(
                f"objectives must be distinct metrics, at least one; got {names}; leave them out for the default two"
            )
        if not (self.arms or self.space or self.ablation or self.search):
            raise ConfigError(
                "a study needs something that varies: give it [[arms]], [[space]], [ablation] or [search]"
            )
        if not self.space and not isinstance(self.design, FullFactorialEntry):
            raise ConfigError(
                f"[design] kind = {self.design.kind!r} needs dimensions; add [[space]], or leave out [design]"
            )
        if self.confirm and not self.search:
            raise ConfigError(
                "[confirm] runs the best arms of a search, and there is none; add [search] or leave it out"
            )
        if self.search and (shared := set(self.search.seeds) & set(self.seeds)):
            raise ConfigError(
                "search.seeds and seeds must be disjoint, because the search must not see the seeds of the evaluation; "
                f"both contain {min(shared)}; change one of them"
            )
        compared = [*(entry.metric for entry in self.objectives), *(each.metric for each in self.comparisons())]
        check_margins(self.margins, tuple(dict.fromkeys(compared)))
        if self.early_stopping:
            check_comparable(self.early_stopping, self._varying())
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

    def comparisons(self) -> tuple[DeclaredComparison, ...]:
        """The comparisons that the contrasts declare, one for each metric.

        Raises:
            ConfigError: two arms are compared twice in a metric.
        """
        return declared_comparisons(self.contrasts, [entry.metric for entry in self.objectives])

    def designs(self) -> tuple[Design, ...]:
        """Designs of the study, whose arms do not depend on results: combinations, ablation and explicit arms.

        Raises:
            ConfigError: a space cannot be built.
        """
        return self._designs

    @cached_property
    def _designs(self) -> tuple[Design, ...]:
        designs: list[Design] = []
        if self.space:
            designs.append(design_over(self._space(self.space), self.design))
        if self.ablation:
            designs.append(ablation_of(self.ablation))
        if self.arms:
            designs.append(ExplicitArms(self.arms))
        return tuple(designs)

    def searches(self) -> tuple[Search, ...]:
        """The search of the study, if it has one.

        Raises:
            ConfigError: its dimensions, sampler or numbers are invalid.
        """
        return self._searches

    @cached_property
    def _searches(self) -> tuple[Search, ...]:
        if self.search is None:
            return ()
        try:
            search = build_search(
                grid=[entry.dimension() for entry in self.search.grid],
                dimensions=[entry.dimension() for entry in self.search.space],
                preset=self.base,
                shared=self.shared(),
                sampler=self.search.sampler,
                arms_per_cell=self.search.arms_per_cell,
                round_size=self.search.round_size,
                seeds=self.search.seeds,
                mode=self.search.mode,
            )
        except ConfigError as error:
            raise ConfigError(f"[search]: {error}") from error
        return (search,)

    def races(self) -> tuple[Race, ...]:
        """The race of the study, if it has one."""
        return (Race(seeds=self.all_seeds, entry=self.race),) if self.race else ()

    def confirmations(self) -> tuple[Confirm, ...]:
        """The confirmation of the search, if the study has one."""
        if self.search is None:
            return ()
        entry = self.confirm or ConfirmEntry()
        return (Confirm(seeds=self.search.seeds, max_arms=entry.max_arms, threshold=entry.threshold),)

    def strategies(self) -> tuple[Strategy, ...]:
        """Strategies of the study in the order in which they run: designs, then a race or a confirmed search.

        Raises:
            ConfigError: as `designs` and `searches`.
        """
        return (*self.designs(), *self.races(), *self.searches(), *self.confirmations())

    @property
    def grows_by_results(self) -> bool:
        """Whether a strategy proposes trials from results; the designs of any other study are planned as a whole."""
        return bool(self.race or self.search or self.confirm)

    def outlooks(self) -> tuple[StageOutlook, ...]:
        """What each strategy will run, in the order of `strategies`.

        Raises:
            ConfigError: as for `configs` and `searches`.
        """
        found: list[StageOutlook] = []
        for strategy in self.strategies():
            found.append(strategy.outlook(seeds=self.design_seeds, configs=self.configs(), earlier=found))
        return tuple(found)

    def named_arms(self) -> tuple[Arm, ...]:
        """All arms of the designs.

        Raises:
            ConfigError: an arm cannot be built, occurs twice, or starts from an unknown arm, or a contrast or
                resources name an unknown one.
        """
        arms = tuple(arm for arm, _ in self._composed_arms)
        check_arms(self.contrasts, [arm.name for arm in arms])
        for entry in self.resources:
            # The arms of a search are not known yet.
            if self.search is None and not any(entry.applies_to(arm.name) for arm in arms):
                raise ConfigError(
                    f"[[resources]] arms = {list(entry.arms)} names no arm of this study; its arms are "
                    f"{listed([arm.name for arm in arms])}"
                )
        return arms

    def configs(self) -> dict[str, TrialConfig]:
        """The config of each arm of the designs, by its name.

        Raises:
            ConfigError: as for `named_arms`.
        """
        return {arm.name: config for arm, config in self._composed_arms}

    def config_of(self, arm: Arm) -> TrialConfig:
        """The config of an arm, after a check of its name.

        Raises:
            ConfigError: the name or a setting is invalid.
        """
        check_name("an arm", arm.name)
        try:
            return self._composer.config(arm.settings)
        except ConfigError as error:
            raise ConfigError(f"arm {shown_value(arm.name)}: {error}") from error

    def applied_paths(self, arm: Arm) -> frozenset[str]:
        """Paths of the shared settings that exist in the config of an arm and that it does not set itself."""
        return self._composer.applied(arm.settings)

    @cached_property
    def _composer(self) -> Composer:
        return Composer(self.base, self.shared())

    @cached_property
    def _composed_arms(self) -> tuple[tuple[Arm, TrialConfig], ...]:
        """All arms of the designs with their configs."""
        # The number of arms is known without making them, here with conditions.
        n_arms = sum(design.n_arms for design in self.designs())
        check_n_trials(Amount(sizes={"of all designs": n_arms}, n_seeds=len(self.all_seeds)))
        arms = [arm for design in self.designs() for arm in design.arms()]
        counts = Counter(arm.name for arm in arms)
        for arm in arms:
            if counts[arm.name] > 1:
                raise ConfigError(f"two arms are named {shown_value(arm.name)}; rename one of them")
            if "seed" in arm.settings:
                raise ConfigError(
                    f"arm {shown_value(arm.name)} sets `seed`, but a study gives every arm the same seeds; list them "
                    "as `seeds = [0, 1]`, and leave `seed` out"
                )
            if self._is_name_of_search(arm.name):
                raise ConfigError(
                    f"names such as {shown_value(arm.name)} are those of the search's arms; rename the arm"
                )
        return tuple((arm, self.config_of(arm)) for arm in arms)

    def _is_name_of_search(self, name: str) -> bool:
        """Whether a proposal of the search could have this name."""
        cell_name, _, number = name.rpartition(" ")
        cell = self._cells_by_name.get(cell_name)
        return cell is not None and number.isdecimal() and cell.arm_name(int(number)) == name

    @cached_property
    def _cells_by_name(self) -> Mapping[str, CellSearch]:
        """Cells of the search by the first part of the names of their arms."""
        return {cell.arm_name(0).rpartition(" ")[0]: cell for search in self.searches() for cell in search.cells}

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
        if self.early_stopping and (stopped := [s for s in self.early_stopping.stages if s in ("design", "race")]):
            raise ConfigError(
                "a race compares trials as if none ended because of its results, and early_stopping ends those that "
                f"lag behind; leave {' and '.join(stopped)} out of early_stopping.stages"
            )

    def _varying(self) -> dict[Stage, list[str]]:
        """Dotted paths of the settings that vary, by the stage that varies them."""
        design = [path for arm in self.named_arms() for path in arm.settings]
        design = list(dict.fromkeys(design))
        search = [entry.path for entry in (*self.search.grid, *self.search.space)] if self.search else []
        return {"design": design, "seeds": design, "search": search, "confirm": search, "race": [*design, *search]}

    def _space(self, entries: tuple[DimensionEntry, ...]) -> Space:
        """A space over the preset and the shared settings."""
        return Space([entry.dimension() for entry in entries], self.base, self.shared())


def _plain(value: Any) -> Any:
    """A value as TOML can represent it: tuples become lists, and entries that are None are left out."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
