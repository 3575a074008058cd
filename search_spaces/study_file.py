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
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.settings.dotted import flatten
from core.settings.loading import preset_named, read_toml
from core.settings.presets import Preset
from core.settings.schema import kind_of, variants_of
from core.settings.suggestions import did_you_mean
from search_spaces.designs.base import Design
from search_spaces.designs.explicit import ExplicitArm, ExplicitArms
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.designs.one_factor import OneFactor
from search_spaces.domains import Domain, Option, Range, choice
from search_spaces.paths import compose
from search_spaces.samplers.build import build_sampler
from search_spaces.samplers.settings import RandomSamplerConfig, SamplerConfig
from search_spaces.search import SEARCH_NAME, Search, check_rounds
from search_spaces.space import Dimension, Space
from search_spaces.strategy import Arm, Strategy

BUILT_IN = Path(__file__).parent / "studies"
"""Folder with the built-in studies."""
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
    sampler: SamplerConfig = field(default_factory=RandomSamplerConfig)


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
        check_rounds(self.search.n_arms, self.search.round_size)
        search = Search(
            space=self._space(self.search.space),
            sampler=build_sampler(self.search.sampler),
            n_arms=self.search.n_arms,
            round_size=self.search.round_size,
        )
        return (search,)

    def strategies(self) -> tuple[Strategy, ...]:
        """Strategies of the study in the order in which they run: its designs, then its search.

        Raises:
            ConfigError: as `designs` and `searches`.
        """
        return (*self.designs(), *self.searches())

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

    def _space(self, entries: tuple[DimensionEntry, ...]) -> Space:
        """A space over the preset and the shared settings."""
        return Space([entry.dimension() for entry in entries], self.base, self.shared())


def load_study(name_or_path: str) -> StudyFile:
    """A built-in study by its name, or a user's study by the path of its TOML file.

    Raises:
        ConfigError: there is no such study, or its file has an unknown key or an invalid value.
    """
    if name_or_path in (names := built_in_studies()):
        return read_study(BUILT_IN / f"{name_or_path}.toml")
    if Path(name_or_path).suffix == ".toml" or Path(name_or_path).is_file():
        return read_study(Path(name_or_path))
    hint = did_you_mean(name_or_path, names, otherwise=f"built-in studies: {', '.join(names)}.")
    raise ConfigError(f"there is no study {name_or_path!r}; {hint} For your own study, give the path of its .toml file")


def built_in_studies() -> tuple[str, ...]:
    """Names of the built-in studies."""
    return tuple(sorted(path.stem for path in BUILT_IN.glob("*.toml")))


def read_study(path: Path) -> StudyFile:
    """The study in a TOML file; its name defaults to that of the file.

    Raises:
        ConfigError: the file cannot be read, or has an unknown key or an invalid value.
    """
    settings = read_toml(path)
    settings.setdefault("name", path.stem)
    try:
        return parse_study(settings)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error


def parse_study(settings: Mapping[str, Any]) -> StudyFile:
    """A study from the nested plain values of a study file; `name` is required.

    Raises:
        ConfigError: a key is unknown or a value is invalid.
    """
    _check_keys("", settings, StudyFile)
    for table, entry in (("objectives", ObjectiveEntry), ("arms", ExplicitArm), ("space", DimensionEntry)):
        for index, item in enumerate(_tables(table, settings.get(table, []))):
            _check_keys(f"{table}[{item.get('name') or item.get('path') or index}].", item, entry)
    for name, cls in (("ablation", AblationEntry), ("search", SearchEntry)):
        value = settings.get(name, {})
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} is a table, written [{name}]; got {value!r}")
        _check_keys(f"{name}.", value, cls)
    search = settings.get("search", {})
    for value in _tables("search.space", search.get("space", [])):
        _check_keys(f"search.space[{value.get('path')}].", value, DimensionEntry)
    _check_sampler(search.get("sampler", {}))
    try:
        return _adapter().validate_python(dict(settings))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        if isinstance(cause := problem.get("ctx", {}).get("error"), ConfigError):
            raise cause from error
        where = ".".join(map(str, problem["loc"]))
        raise ConfigError(f"{where}: {str(problem['msg']).lower()}; got {_input_text(problem)}") from error


def check_name(what: str, name: str) -> None:
    """Check the name of a study or an arm against `NAME_RULE`; `what` is "a study" or "an arm".

    Raises:
        ConfigError: the name breaks the rule.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"the name of {what} has {NAME_RULE}; got {name!r}")


@cache
def _adapter() -> TypeAdapter[StudyFile]:
    """Validator of study files, built on first use."""
    return TypeAdapter(StudyFile)


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


def _tables(name: str, value: Any) -> list[Mapping[str, Any]]:
    """The value, checked to be a list of tables."""
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return value
    raise ConfigError(f"{name} is a list of tables, each written [[{name}]]; got {value!r}")


def _check_sampler(sampler: Any) -> None:
    """Check kind and keys of a sampler's table; pydantic checks the values.

    Raises:
        ConfigError: the kind or a key is unknown.
    """
    if not isinstance(sampler, Mapping):
        raise ConfigError(f"search.sampler is a table, such as {{ kind = 'random' }}; got {sampler!r}")
    classes = {kind_of(cls): cls for cls in variants_of(SamplerConfig)}
    kind = sampler.get("kind", kind_of(RandomSamplerConfig))
    if kind not in classes:
        raise ConfigError(f"search.sampler.kind: choose one of {', '.join(map(str, classes))}; got {kind!r}")
    _check_keys("search.sampler.", sampler, classes[kind])


def _check_keys(prefix: str, table: Mapping[str, Any], cls: type) -> None:
    """Check that all keys of a table are fields of a class; `prefix` is the path of the table, for error messages."""
    known = [entry.name for entry in fields(cls)]
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known, prefix=prefix, otherwise=f"known here: {', '.join(known)}")
            raise ConfigError(f"unknown key {prefix}{key} in a study file; {hint}")


def _input_text(problem: Any) -> str:
    """The invalid input of a validation error, as text."""
    return "nothing" if problem["type"] == "missing" else repr(problem["input"])


def _plain(value: Any) -> Any:
    """A value as TOML can represent it: tuples become lists, and entries that are None are left out."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
