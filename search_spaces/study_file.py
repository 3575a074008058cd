"""Study files: a question, what varies to answer it, seeds and objectives, as TOML.

question = "What does a smoother curve cost?"
preset = "small"                       # or "paper"
seeds = [0, 1]
[config]                               # shared by all arms; counts wherever an arm has the setting
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
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.loading import flatten, preset_named, read_toml
from core.presets import Preset
from search_spaces.ablations import OneFactor
from search_spaces.domains import Domain, Option, Range, choice
from search_spaces.paths import layered
from search_spaces.space import Arm, Dimension, Space

BUILT_IN = Path(__file__).parent / "studies"
NAME_RULE = "letters, digits, spaces and . _ + = , - inside, at most 100 characters"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._+=,-]{0,98}[A-Za-z0-9_+])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveEntry:
    """One axis of the study's front."""

    metric: str
    direction: Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmEntry:
    """One explicit arm; `like` names another explicit arm to start from."""

    name: str
    like: str | None = None
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionEntry:
    """One dimension: a path with `values`, or with the ends of a range for adaptive search."""

    path: str
    values: list[Any] | None = None
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    when: dict[str, Any] = field(default_factory=dict)

    def dimension(self) -> Dimension:
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
    """One factor at a time; see `search_spaces.ablations`."""

    baseline: Any
    arms: dict[str, Any]
    path: str = ""
    baseline_name: str = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """What a study asks, and what it varies."""

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
    arms: tuple[ArmEntry, ...] = ()
    space: tuple[DimensionEntry, ...] = ()
    ablation: AblationEntry | None = None

    def __post_init__(self) -> None:
        check_name("a study", self.name)
        preset_named(self.preset)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(f"seeds are different whole numbers from 0 up, at least one; got {list(self.seeds)}")
        if not self.objectives or len({entry.metric for entry in self.objectives}) < len(self.objectives):
            raise ConfigError("objectives are different metrics, at least one; leave them out for the usual two")
        if not (self.arms or self.space or self.ablation):
            raise ConfigError("a study needs something that varies: give it [[arms]], [[space]] or [ablation]")

    @property
    def base(self) -> Preset:
        return preset_named(self.preset)

    def shared(self) -> dict[str, Any]:
        """The settings of all arms, dotted."""
        return flatten(self.config)

    def named_arms(self, overrides: Mapping[str, Any] | None = None) -> tuple[Arm, ...]:
        """Every arm that this study compares: combinations, then ablation, then explicit arms.

        Args:
            overrides: Dotted settings laid over the shared ones, below the arms' own.

        Raises:
            ConfigError: an arm cannot be built, is there twice, or starts from one that is not there.
        """
        shared = {**self.shared(), **(overrides or {})}
        arms: list[Arm] = []
        if self.space:
            arms += Space([entry.dimension() for entry in self.space], self.base, shared).arms()
        if self.ablation:
            arms += OneFactor(
                path=self.ablation.path,
                baseline=self.ablation.baseline,
                arms=self.ablation.arms,
                baseline_name=self.ablation.baseline_name,
            ).expand()
        arms += _explicit_arms(self.arms)
        names = [arm.name for arm in arms]
        for arm in arms:
            check_name("an arm", arm.name)
            if names.count(arm.name) > 1:
                raise ConfigError(f"two arms are named {arm.name!r}; rename one of them")
            try:
                layered(self.base, shared, arm.settings)
            except ConfigError as error:
                raise ConfigError(f"arm {arm.name!r}: {error}") from error
        return tuple(arms)


def load_study(name_or_path: str) -> StudyFile:
    """A built-in study by its name, or a user's study by the path of its TOML file.

    Raises:
        ConfigError: there is no such study, or its file has an unknown key or a wrong value.
    """
    if name_or_path in (names := built_in_studies()):
        return read_study(BUILT_IN / f"{name_or_path}.toml")
    if Path(name_or_path).suffix == ".toml" or Path(name_or_path).is_file():
        return read_study(Path(name_or_path))
    close = difflib.get_close_matches(name_or_path, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"built-in studies: {', '.join(names)}."
    raise ConfigError(f"there is no study {name_or_path!r}; {hint} For a study of your own give the path of its .toml")


def built_in_studies() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in BUILT_IN.glob("*.toml")))


def read_study(path: Path) -> StudyFile:
    """
    Raises:
        ConfigError: the file cannot be read, or has an unknown key or a wrong value.
    """
    settings = read_toml(path)
    settings.setdefault("name", path.stem)
    try:
        return parse_study(settings)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error


def parse_study(settings: Mapping[str, Any]) -> StudyFile:
    """A study from the nested plain values of its file; `name` is required here."""
    _check_keys("", settings, StudyFile)
    for table, entry in (("objectives", ObjectiveEntry), ("arms", ArmEntry), ("space", DimensionEntry)):
        for index, value in enumerate(_tables(table, settings.get(table, []))):
            _check_keys(f"{table}[{value.get('name') or value.get('path') or index}].", value, entry)
    ablation = settings.get("ablation", {})
    if not isinstance(ablation, Mapping):
        raise ConfigError(f"ablation is a table, written [ablation]; got {ablation!r}")
    _check_keys("ablation.", ablation, AblationEntry)
    try:
        return _adapter().validate_python(dict(settings))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        if isinstance(cause := problem.get("ctx", {}).get("error"), ConfigError):
            raise cause from error
        where = ".".join(map(str, problem["loc"]))
        raise ConfigError(f"{where}: {str(problem['msg']).lower()}; got {_shown(problem)}") from error


def check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"the name of {what} has {NAME_RULE}; got {name!r}")


# ---------------------------------------------------------------------------------------------------------------------


@cache
def _adapter() -> TypeAdapter[StudyFile]:
    return TypeAdapter(StudyFile)


def _explicit_arms(entries: Sequence[ArmEntry]) -> list[Arm]:
    by_name = {entry.name: entry for entry in entries}

    def settings(entry: ArmEntry, below: tuple[str, ...]) -> dict[str, Any]:
        own = flatten(entry.config)
        if entry.like is None:
            return own
        if entry.like not in by_name:
            close = difflib.get_close_matches(entry.like, by_name, n=1)
            hint = f"did you mean {close[0]}?" if close else f"explicit arms: {', '.join(by_name)}"
            raise ConfigError(f"arm {entry.name!r} is like {entry.like!r}, which is no arm here; {hint}")
        if entry.like in below:
            raise ConfigError(f"arms must not be like each other in a circle: {' -> '.join((*below, entry.like))}")
        return {**settings(by_name[entry.like], (*below, entry.like)), **own}

    return [Arm(entry.name, settings(entry, (entry.name,))) for entry in entries]


def _option(value: Any) -> Any:
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
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return value
    raise ConfigError(f"{name} is a list of tables, each written [[{name}]]; got {value!r}")


def _check_keys(prefix: str, table: Mapping[str, Any], cls: type) -> None:
    known = [entry.name for entry in fields(cls)]
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {prefix}{close[0]}?" if close else f"known here: {', '.join(known)}"
            raise ConfigError(f"unknown key {prefix}{key} in a study file; {hint}")


def _shown(problem: Any) -> str:
    return "nothing" if problem["type"] == "missing" else repr(problem["input"])
