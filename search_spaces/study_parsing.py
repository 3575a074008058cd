"""Reading of study files: built-in studies by name, TOML files by path, and checks of their keys and values."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.settings.loading import read_toml
from core.settings.schema import kind_of, variants_of
from core.settings.suggestions import did_you_mean
from search_spaces.designs.explicit import ExplicitArm
from search_spaces.samplers.settings import RandomSamplerConfig, SamplerConfig
from search_spaces.study_entries import AblationEntry, DimensionEntry, ObjectiveEntry, RaceEntry, SearchEntry
from search_spaces.study_file import StudyFile

BUILT_IN = Path(__file__).parent / "studies"
"""Folder with the built-in studies."""


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


def read_arms(path: Path) -> list[Mapping[str, Any]]:
    """The entries of `[[arms]]` in a TOML file that has nothing else.

    Raises:
        ConfigError: the file cannot be read, has other keys, or has no arms.
    """
    settings = read_toml(path)
    if others := [key for key in settings if key != "arms"]:
        raise ConfigError(f"{path.name}: a file of arms has [[arms]] only; got {', '.join(others)}; leave them out")
    arms = _tables("arms", settings.get("arms", []))
    if not arms:
        raise ConfigError(f"{path.name} has no [[arms]]; write each as a table with name and config")
    for index, arm in enumerate(arms):
        _check_keys(f"arms[{arm.get('name') or index}].", arm, ExplicitArm)
    return arms


def parse_study(settings: Mapping[str, Any]) -> StudyFile:
    """A study from the nested plain values of a study file; `name` is required.

    Raises:
        ConfigError: a key is unknown or a value is invalid.
    """
    _check_keys("", settings, StudyFile)
    for table, entry in (("objectives", ObjectiveEntry), ("arms", ExplicitArm), ("space", DimensionEntry)):
        for index, item in enumerate(_tables(table, settings.get(table, []))):
            _check_keys(f"{table}[{item.get('name') or item.get('path') or index}].", item, entry)
    for name, cls in (("ablation", AblationEntry), ("search", SearchEntry), ("race", RaceEntry)):
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


@cache
def _adapter() -> TypeAdapter[StudyFile]:
    """Validator of study files, built on first use."""
    return TypeAdapter(StudyFile)


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
