"""Reading of study files: built-in studies by name, TOML files by path, and checks of their keys and values."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.settings.dotted import flatten
from core.settings.schema import kind_of, setting_types, variants_of
from core.settings.suggestions import did_you_mean
from core.settings.toml_files import read_toml
from core.settings.value_rules import broken_rule, listed, shown_text, shown_value
from search_spaces.contrasts import ContrastEntry
from search_spaces.designs.explicit import ExplicitArm
from search_spaces.early_stopping import EarlyStoppingConfig
from search_spaces.resources_entry import ResourcesEntry
from search_spaces.samplers.settings import SamplerConfig, TpeSamplerConfig
from search_spaces.study_entries import (
    AblationEntry,
    AudioByFolderEntry,
    ConfirmEntry,
    DesignEntry,
    DimensionEntry,
    ObjectiveEntry,
    RaceEntry,
    SearchEntry,
)
from search_spaces.study_file import StudyFile

_KINDS = {kind_of(cls) for union in (DesignEntry, AblationEntry) for cls in variants_of(union)}
"""Kinds of tagged tables, which pydantic inserts into the places of errors."""
BUILT_IN = Path(__file__).parent / "studies"
"""Folder with the built-in studies."""
CONFIRM_SEEDS = (0, 1, 2, 3)
"""Seeds of a study with a search that names none: confirmed arms need several to be compared."""


def load_study(name_or_path: str, preset: str | None = None) -> StudyFile:
    """A built-in study by its name, or a user's study by the path of its TOML file.

    Args:
        name_or_path: Name or path.
        preset: Preset in place of that of the file; the study then has the preset in its name.

    Raises:
        ConfigError: there is no such study or preset, or its file has an unknown key or an invalid value.
    """
    study = _load_study(name_or_path)
    if preset in (None, study.preset):
        return study
    return replace(study, preset=preset, name=f"{study.name}-{preset}")


def _load_study(name_or_path: str) -> StudyFile:
    if name_or_path in (names := built_in_studies()):
        return read_study(BUILT_IN / f"{name_or_path}.toml")
    if name_or_path.endswith(".toml") or _is_file(name_or_path):
        return read_study(Path(name_or_path))
    hint = did_you_mean(name_or_path, names, otherwise=f"built-in studies: {', '.join(names)}.")
    raise ConfigError(
        f"there is no study {shown_value(name_or_path)}; {hint} For your own study, give the path of its .toml file"
    )


def built_in_studies() -> tuple[str, ...]:
    """Names of the built-in studies."""
    return tuple(sorted(path.stem for path in BUILT_IN.glob("*.toml")))


def _is_file(path: str) -> bool:
    """Whether there is a file; False also for a path that no file can have."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


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
        raise ConfigError(f"{shown_text(path.name)}: {error}") from error


def read_arms(path: Path) -> list[Mapping[str, Any]]:
    """The entries of `[[arms]]` in a TOML file that has nothing else.

    Raises:
        ConfigError: the file cannot be read, has other keys, or has no arms.
    """
    settings = read_toml(path)
    if others := [key for key in settings if key != "arms"]:
        raise ConfigError(
            f"{shown_text(path.name)}: a file of arms has [[arms]] only; got {listed(others)}; leave them out"
        )
    arms = _tables("arms", settings.get("arms", []))
    if not arms:
        raise ConfigError(f"{shown_text(path.name)} has no [[arms]]; write each as a table with name and config")
    for index, arm in enumerate(arms):
        _check_keys(f"arms[{arm.get('name') or index}].", arm, ExplicitArm)
    return arms


def parse_study(settings: Mapping[str, Any]) -> StudyFile:
    """A study from the nested plain values of a study file; `name` is required.

    Raises:
        ConfigError: a key is unknown or a value is invalid.
    """
    _check_keys("", settings, StudyFile)
    for table, entry in (
        ("objectives", ObjectiveEntry),
        ("arms", ExplicitArm),
        ("space", DimensionEntry),
        ("contrasts", ContrastEntry),
        ("resources", ResourcesEntry),
    ):
        for index, item in enumerate(_tables(table, settings.get(table, []))):
            _check_keys(f"{table}[{item.get('name') or item.get('path') or index}].", item, entry)
    settings = {
        **settings,
        **_with_kind("design", DesignEntry, settings),
        **_with_kind("ablation", AblationEntry, settings),
    }
    _check_keys("audio_by_folder.", _table("audio_by_folder", settings), AudioByFolderEntry)
    _check_keys("search.", _table("search", settings), SearchEntry)
    _check_keys("confirm.", _table("confirm", settings), ConfirmEntry)
    _check_keys("race.", _table("race", settings), RaceEntry)
    search = settings.get("search", {})
    for table in ("space", "grid"):
        for value in _tables(f"search.{table}", search.get(table, [])):
            _check_keys(f"search.{table}[{value.get('path')}].", value, DimensionEntry)
    if "search" in settings:
        search = {**search, "sampler": _sampler(search.get("sampler", {}))}
        # The defaults become part of the stored study.
        settings = {"seeds": CONFIRM_SEEDS, "confirm": {}, **settings, "search": search}
    if "margins" in settings:
        settings = {**settings, "margins": _margins(_table("margins", settings))}
    if "early_stopping" in settings:
        settings = {**settings, "early_stopping": _early_stopping(settings["early_stopping"])}
    study = _validated(StudyFile, settings, ())
    assert isinstance(study, StudyFile)
    return study


def _validated(cls: type, settings: Mapping[str, Any], where: tuple[str, ...]) -> object:
    """An object of a class from plain values, which are at this path of a study file.

    Raises:
        ConfigError: a value is invalid.
    """
    try:
        return _adapter(cls).validate_python(dict(settings))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        if isinstance(cause := problem.get("ctx", {}).get("error"), ConfigError):
            raise cause from error
        path = ".".join(str(part) for part in (*where, *problem["loc"]) if part not in _KINDS)
        raise ConfigError(f"{path}: {broken_rule(problem)}") from error


@cache
def _adapter(cls: type) -> TypeAdapter[object]:
    """Validator of a class, built on first use."""
    return TypeAdapter(cls)


def _tables(name: str, value: Any) -> list[Mapping[str, Any]]:
    """The value, checked to be a list of tables."""
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return value
    raise ConfigError(f"{name} is a list of tables, each written [[{name}]]; got {shown_value(value)}")


def _table(name: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of a name, empty if there is none, checked to be a table."""
    value = settings.get(name, {})
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} is a table, written [{name}]; got {shown_value(value)}")
    return value


def _with_kind(name: str, union: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The table of a name, if there is one, with its kind, by default the first one of the union.

    Raises:
        ConfigError: the kind or a key is unknown.
    """
    if settings.get(name) is None:
        return {}
    classes = {kind_of(cls): cls for cls in variants_of(union)}
    table = {"kind": next(iter(classes)), **_table(name, settings)}
    kind = table["kind"]
    if not isinstance(kind, str) or kind not in classes:
        hint = did_you_mean(str(kind), map(str, classes), otherwise=f"choose one of {', '.join(map(str, classes))}")
        raise ConfigError(f"unknown {name}.kind {shown_value(kind)}; {hint}")
    _check_keys(f"{name}.", table, classes[kind])
    return {name: table}


def _sampler(sampler: Any) -> object:
    """The settings of a sampler from its table.

    Raises:
        ConfigError: the kind or a key is unknown, or a value is invalid.
    """
    if not isinstance(sampler, Mapping):
        raise ConfigError(f"search.sampler is a table, such as {{ kind = 'tpe' }}; got {shown_value(sampler)}")
    classes = {kind_of(cls): cls for cls in variants_of(SamplerConfig)}
    kind = sampler.get("kind", kind_of(TpeSamplerConfig))
    if not isinstance(kind, str) or kind not in classes:
        raise ConfigError(f"search.sampler.kind: choose one of {', '.join(map(str, classes))}; got {shown_value(kind)}")
    _check_keys("search.sampler.", sampler, classes[kind])
    return _validated(classes[kind], {"kind": kind, **sampler}, ("search", "sampler"))


def _early_stopping(table: Any) -> object:
    """The settings of an early-stopping rule from its table.

    Raises:
        ConfigError: the kind or a key is unknown, there is no kind, or a value is invalid.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"early_stopping is a table, written [early_stopping]; got {shown_value(table)}")
    classes = {kind_of(cls): cls for cls in variants_of(EarlyStoppingConfig)}
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in classes:
        raise ConfigError(f"early_stopping.kind: choose one of {', '.join(map(str, classes))}; got {shown_value(kind)}")
    _check_keys("early_stopping.", table, classes[kind])
    return _validated(classes[kind], table, ("early_stopping",))


def _margins(table: Mapping[str, Any]) -> dict[str, Any]:
    """Margins by full name of the metric, which may be written in quotes or as a dotted path.

    Raises:
        ConfigError: a margin is no number.
    """
    margins = flatten(table)
    for metric, margin in margins.items():
        _check_type(f"margins.{metric}", margin, float)
    return margins


def _check_keys(prefix: str, table: Mapping[str, Any], cls: type) -> None:
    """Check that all keys of a table are fields of a class, and that numbers and truth values are not in quotes.

    Args:
        prefix: Path of the table, for error messages.
        table: A table of a study file.
        cls: The class of its entries.

    Raises:
        ConfigError: a key is unknown, or a value has another type.
    """
    types = setting_types(cls)
    for key, value in table.items():
        if key not in types:
            hint = did_you_mean(key, types, prefix=prefix, otherwise=f"known here: {', '.join(types)}")
            raise ConfigError(f"unknown key {prefix}{key} in a study file; {hint}")
        _check_type(f"{prefix}{key}", value, types[key])


def _check_type(path: str, value: Any, annotation: Any) -> None:
    """Raise ConfigError if a number or truth value is needed, which pydantic would also read from other types."""
    plain_type = _bare(annotation)
    members = {each for member in get_args(plain_type) or (plain_type,) for each in _members(member)} - {type(None)}
    if get_origin(plain_type) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            _check_type(f"{path}.{index}", item, get_args(plain_type)[0])
    elif members <= {int, float} and isinstance(value, str | bool):
        kind = "a number" if float in members else "a whole number"
        raise ConfigError(f"{path}: must be {kind}; got {shown_value(value)}")
    elif members == {int} and isinstance(value, float):
        raise ConfigError(f"{path}: must be a whole number; got {value}")
    elif members == {bool} and not isinstance(value, bool):
        raise ConfigError(f"{path}: must be true or false, without quotes; got {shown_value(value)}")


def _bare(annotation: Any) -> Any:
    """A type without its annotations."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _members(annotation: Any) -> tuple[Any, ...]:
    """The types of a union; a type that is none is its only member."""
    bare = _bare(annotation)
    return get_args(bare) if get_origin(bare) in (Union, UnionType) else (bare,)
