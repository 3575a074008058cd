"""From TOML files, command-line assignments and stored settings to configs, and back."""

import dataclasses
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.settings.dotted import Settings, flatten, nest
from core.settings.presets import PRESETS, Preset
from core.settings.schema import kind_of, setting_types, variants_of
from core.settings.suggestions import did_you_mean
from core.settings.trial import TrialConfig


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
    """`base` (default: the preset's own config) with nested `settings` applied.

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


def to_settings(config: TrialConfig) -> dict[str, Any]:
    """A config as nested plain values, the inverse of `from_settings`."""
    settings: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return settings


def from_settings(settings: Settings) -> TrialConfig:
    """The config that `to_settings` or `flat_config` turned into these plain values.

    Raises:
        ConfigError: a setting is unknown, wrong, or missing: nothing is filled in from today's presets.
    """
    config = _from_whole(TrialConfig, nest(flatten(settings).items()), "")
    assert isinstance(config, TrialConfig)
    return config


def flat_config(config: TrialConfig) -> dict[str, Any]:
    """A config as dotted settings, for tables, MLflow params and Arrow columns."""
    return flatten(to_settings(config))


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


def _from_whole(cls: type, settings: Settings, prefix: str) -> object:
    annotations = setting_types(cls)
    for key in settings:
        if key not in annotations:
            raise ConfigError(_unknown(f"{prefix}{key}", key, annotations))
    if missing := [f"{prefix}{name}" for name in annotations if name not in settings]:
        raise ConfigError(
            f"a stored config states every setting; this one lacks {', '.join(missing)}; "
            "it was written by another version of modstudy: read it with that version"
        )
    values: dict[str, Any] = {}
    for name, annotation in annotations.items():
        path, value = f"{prefix}{name}", settings[name]
        if not (classes := variants_of(annotation)):
            values[name] = _checked(path, annotation, value)
        elif not isinstance(value, Mapping):
            raise ConfigError(f"{path} is a group of settings, not a value; got {value!r}")
        else:
            chosen = _variant(path, classes, value, None) if kind_of(classes[0]) else classes[0]
            values[name] = _from_whole(chosen, value, f"{path}.")
    return cls(**values)


def _variant(path: str, classes: tuple[type, ...], settings: Settings, current: object) -> type:
    kind = settings.get("kind")
    if kind is None and current is not None:
        return type(current)
    kinds = {kind_of(cls): cls for cls in classes}
    if kind not in kinds:
        raise ConfigError(f"unknown {path}.kind {kind!r}; choose one of {', '.join(map(str, kinds))}")
    return kinds[kind]


def _unknown(path: str, key: str, known: Iterable[str]) -> str:
    names = [name for name in known if name != "kind"]
    hint = did_you_mean(key, names, prefix=path.removesuffix(key), otherwise=f"known here: {', '.join(names)}")
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
