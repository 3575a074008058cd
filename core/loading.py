"""Text to config and back: presets, nested and dotted settings, and the digest that names a trial.

One dotted-path language serves the command line, search spaces, MLflow and reports: `parameterization.n_segments`.
"""

import dataclasses
import difflib
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from core.config import Location, TrialConfig
from core.errors import ConfigError
from core.presets import PRESETS, Preset

Settings = Mapping[str, Any]


def load_config(path: str | Path) -> TrialConfig:
    """Read one trial's config from a TOML file; its optional `preset` key names the base (default `small`)."""
    settings = read_toml(path)
    return apply_settings(preset_named(settings.pop("preset", "small")), settings)


def read_toml(path: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def preset_named(name: object) -> Preset:
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def apply_settings(preset: Preset, settings: Settings, base: TrialConfig | None = None) -> TrialConfig:
    """`base` (default: the preset's own config) with nested `settings` laid over it.

    Where a setting names another `kind`, that variant starts from the preset's settings for it.

    Raises:
        ConfigError: an unknown key, a value of the wrong type or out of range.
    """
    merged = _merge(base or preset.config, settings, preset, "")
    assert isinstance(merged, TrialConfig)
    return merged


def parse_assignment(text: str) -> tuple[str, Any]:
    """`"trainer.max_steps=100"` -> `("trainer.max_steps", 100)`; the value is TOML, or else a bare string."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"a setting is PATH=VALUE, for instance trainer.max_steps=100; got {text!r}")
    try:
        parsed = tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    return path.strip(), parsed


def nest(settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Dotted settings, later ones winning, as nested mappings."""
    nested: dict[str, Any] = {}
    for path, value in settings:
        *parents, last = path.split(".")
        node = nested
        for parent in parents:
            child = node.setdefault(parent, {})
            if not isinstance(child, dict):
                raise ConfigError(f"{path} is set although {parent} already has the value {child!r}; set only one")
            node = child
        node[last] = value
    return nested


def flatten(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted settings, in order."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = value
    return flat


def to_settings(config: TrialConfig) -> dict[str, Any]:
    """A config as nested plain values, the inverse of `from_settings`."""
    settings: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return settings


def from_settings(settings: Settings) -> TrialConfig:
    """A whole config from the nested or dotted plain values that `to_settings` gave."""
    return apply_settings(PRESETS["small"], nest(flatten(settings).items()))


def flat_config(config: TrialConfig) -> dict[str, Any]:
    """A config as dotted settings, for tables, MLflow params and Arrow columns."""
    return flatten(to_settings(config))


def digest(config: TrialConfig) -> str:
    """The name of a resolved config: 16 hex digits of the sha256 of its sorted settings, locations left out."""
    if config.device == "auto":
        raise ConfigError("only a resolved config has a digest: device is still 'auto'; call core.resolve.resolve")
    return settings_sha256(config)[:16]


def settings_sha256(part: object) -> str:
    """Hash of a part of a config, or of several parts and plain values in a tuple; locations are left out."""
    text = json.dumps(_without_locations(part), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def setting_types(cls: type) -> dict[str, Any]:
    """The annotation of each field of a config class, with its range, unit and prose."""
    return get_type_hints(cls, include_extras=True)


def variants_of(annotation: Any) -> tuple[type, ...]:
    """The config classes that an annotation admits: one for a part, several for a tagged union, none for a value."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(member for member in members if dataclasses.is_dataclass(member) and isinstance(member, type))


def kind_of(cls: type) -> str | None:
    """The name of a variant, None for a class that is no variant."""
    return next((str(field.default) for field in dataclasses.fields(cls) if field.name == "kind"), None)


# ---------------------------------------------------------------------------------------------------------------------


def _merge(base: object, settings: Settings, preset: Preset, prefix: str) -> object:
    assert dataclasses.is_dataclass(base)
    assert not isinstance(base, type)
    annotations = setting_types(type(base))
    changes: dict[str, Any] = {}
    for key, value in settings.items():
        path = f"{prefix}{key}"
        if key not in annotations:
            raise ConfigError(_unknown(path, key, annotations))
        annotation, current = annotations[key], getattr(base, key)
        if classes := variants_of(annotation):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{path} is a group of settings, not a value; got {value!r}; set {path}.NAME instead")
            chosen = _variant(path, classes, value, current)
            child = current if type(current) is chosen else preset.variant(chosen)
            changes[key] = _merge(child, value, preset, f"{path}.")
        else:
            changes[key] = _checked(path, annotation, value)
    return dataclasses.replace(base, **changes)


def _variant(path: str, classes: tuple[type, ...], settings: Settings, current: object) -> type:
    kind = settings.get("kind")
    if kind is None:
        return type(current)
    kinds = {kind_of(cls): cls for cls in classes}
    if kind not in kinds:
        raise ConfigError(f"unknown {path}.kind {kind!r}; choose one of {', '.join(map(str, kinds))}")
    return kinds[kind]


def _unknown(path: str, key: str, known: Iterable[str]) -> str:
    names = [name for name in known if name != "kind"]
    close = difflib.get_close_matches(key, names, n=1)
    hint = f"did you mean {path.removesuffix(key)}{close[0]}?" if close else f"known here: {', '.join(names)}"
    return f"unknown setting {path}; {hint}"


def _checked(path: str, annotation: Any, value: Any) -> Any:
    if isinstance(value, bool) and bool not in (_bare(annotation), *get_args(_bare(annotation))):
        raise ConfigError(f"{path}: a number or text is needed; got {value}")
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        rules = "; ".join(dict.fromkeys(str(problem["msg"]) for problem in error.errors(include_url=False)))
        raise ConfigError(f"{path}: {rules[0].lower()}{rules[1:]}; got {value!r}") from error


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _without_locations(config: Any) -> Any:
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        return [_without_locations(item) for item in config] if isinstance(config, tuple) else config
    annotations = setting_types(type(config))
    return {
        field.name: _without_locations(getattr(config, field.name))
        for field in dataclasses.fields(config)
        if not any(isinstance(note, Location) for note in get_args(annotations[field.name])[1:])
    }
