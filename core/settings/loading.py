"""Configs from TOML files, command-line assignments and stored settings, and their conversion to plain values."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError

from core.errors import ConfigError
from core.settings.dotted import Settings, flatten, nest
from core.settings.presets import PRESETS, Preset
from core.settings.schema import PLAIN_TYPES, hash_settings, kind_of, number_type, setting_types, setting_variants
from core.settings.suggestions import did_you_mean
from core.settings.toml_files import parse_value, read_toml
from core.settings.trial import TrialConfig
from core.settings.value_rules import broken_rule, place_in, shown_value


def load_config(path: str | Path, assignments: Sequence[str] = ()) -> TrialConfig:
    """Read a trial's config from a TOML file; the optional key `preset` names the base config (default `small`).

    Args:
        assignments: Settings as `PATH=VALUE`, applied over those of the file.

    Raises:
        ConfigError: the file, the preset or a setting is wrong.
    """
    settings = read_toml(path)
    preset = preset_named(settings.pop("preset", "small"))
    return apply_settings(preset, nest(map(parse_assignment, assignments)), apply_settings(preset, settings))


def preset_named(name: object) -> Preset:
    """The preset with this name.

    Raises:
        ConfigError: there is none.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"unknown preset {shown_value(name)}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def apply_settings(preset: Preset, settings: Settings, base: TrialConfig | None = None) -> TrialConfig:
    """Apply nested settings to `base`, by default the preset's own config.

    Where `kind` selects another variant, its other settings start from those in the preset.

    Raises:
        ConfigError: a key is unknown, or a value has the wrong type or is out of range.
    """
    merged = _merge(base or preset.config, settings, preset, "")
    assert isinstance(merged, TrialConfig)
    return merged


def parse_assignment(text: str) -> tuple[str, Any]:
    """Path and value of an assignment: `"trainer.max_steps=100"` gives `("trainer.max_steps", 100)`.

    The value is parsed as TOML, and is a string if it is not valid TOML.

    Raises:
        ConfigError: the text has no path or no equals sign, or the value cannot be a setting.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"a setting is PATH=VALUE, for instance trainer.max_steps=100; got {shown_value(text)}")
    return path.strip(), parse_value(value.strip())


def to_settings(config: TrialConfig) -> dict[str, Any]:
    """A config as nested plain values; the inverse of `from_settings`."""
    settings: dict[str, Any] = _plain(config)
    return settings


def from_settings(settings: Settings) -> TrialConfig:
    """The config from the output of `to_settings` or `flat_config`.

    Missing settings are not filled in, because presets may have changed since the config was stored.

    Raises:
        ConfigError: a setting is unknown, invalid or missing.
    """
    config = _from_complete(TrialConfig, nest(flatten(settings).items()), "")
    assert isinstance(config, TrialConfig)
    return config


def flat_config(config: TrialConfig) -> dict[str, Any]:
    """A config as dotted settings, for tables, MLflow parameters and Arrow columns."""
    return flatten(to_settings(config))


def _merge(base: object, settings: Settings, preset: Preset, prefix: str) -> object:
    """A config with nested settings applied; `prefix` is its path, for error messages."""
    assert dataclasses.is_dataclass(base)
    assert not isinstance(base, type)
    cls = type(base)
    variants = setting_variants(cls)
    changes: dict[str, Any] = {}
    for key, value in settings.items():
        path = f"{prefix}{key}"
        if key not in variants:
            raise ConfigError(_unknown_setting(path, key, variants))
        if source := hash_settings(cls).get(key):
            raise ConfigError(
                f"{path} is the hash of what {prefix}{source} names, which is computed when a study is planned; "
                f"got {shown_value(value)}; leave it out"
            )
        if classes := variants[key]:
            current = getattr(base, key)
            if not isinstance(value, Mapping):
                raise ConfigError(
                    f"{path} is a group of settings, not a value; got {shown_value(value)}; set {path}.NAME instead"
                )
            variant = _variant_class(path, classes, value, current)
            child = current if type(current) is variant else preset.variant(variant)
            changes[key] = _merge(child, value, preset, f"{path}.")
        else:
            changes[key] = _validated(path, cls, key, value)
    return dataclasses.replace(base, **changes)


def _from_complete(cls: type, settings: Settings, prefix: str) -> object:
    """A config of a class from all of its settings, nested."""
    variants = setting_variants(cls)
    for key in settings:
        if key not in variants:
            raise ConfigError(_unknown_setting(f"{prefix}{key}", key, variants))
    if missing := [f"{prefix}{name}" for name in variants if name not in settings]:
        raise ConfigError(
            f"a stored config must contain every setting; missing are {', '.join(missing)}; "
            "it was written by another version of modstudy: read it with that version"
        )
    values: dict[str, Any] = {}
    for name, classes in variants.items():
        path, value = f"{prefix}{name}", settings[name]
        if not classes:
            values[name] = _validated(path, cls, name, value)
        elif not isinstance(value, Mapping):
            raise ConfigError(f"{path} is a group of settings, not a value; got {shown_value(value)}")
        else:
            variant = _variant_class(path, classes, value, None) if kind_of(classes[0]) else classes[0]
            values[name] = _from_complete(variant, value, f"{path}.")
    return cls(**values)


def _variant_class(path: str, classes: tuple[type, ...], settings: Settings, current: object) -> type:
    """The class that the `kind` in the settings selects; without `kind`, the class of the current config."""
    kind = settings.get("kind")
    if kind is None and current is not None:
        return type(current)
    kinds = {kind_of(cls): cls for cls in classes}
    if not isinstance(kind, str) or kind not in kinds:
        raise ConfigError(f"unknown {path}.kind {shown_value(kind)}; choose one of {', '.join(map(str, kinds))}")
    return kinds[kind]


def _unknown_setting(path: str, key: str, known: Iterable[str]) -> str:
    """Error message for an unknown setting, with a suggestion."""
    names = [name for name in known if name != "kind" and not name.endswith("_sha256")]
    hint = did_you_mean(key, names, prefix=path.removesuffix(key), otherwise=f"known here: {', '.join(names)}")
    return f"unknown setting {path if key else repr(path)}; {hint}"


def _validated(path: str, cls: type, name: str, value: Any) -> Any:
    """The value of a setting of a config class, converted and validated by its annotation."""
    validate, admits_bool, is_number = _validator(cls, name)
    if isinstance(value, bool) and not admits_bool:
        raise ConfigError(f"{path}: a number or text is needed; got {value}")
    if isinstance(value, str) and is_number:
        raise ConfigError(f"{path}: must be a number, without quotes; got {shown_value(value)}")
    try:
        return validate(value)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ConfigError(f"{path}{place_in(problem)}: {broken_rule(problem)}") from error


@cache
def _validator(cls: type, name: str) -> tuple[Callable[[Any], Any], bool, bool]:
    """The validating function of a setting, built on first use, and whether it admits a truth value or is a number."""
    annotation = setting_types(cls)[name]
    plain_type = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    adapter: TypeAdapter[Any] = TypeAdapter(annotation, config=ConfigDict(extra="forbid"))
    admits_bool = bool in (plain_type, *get_args(plain_type))
    return adapter.validate_python, admits_bool, number_type(annotation) is not None


def _plain(value: Any) -> Any:
    """A config as nested dicts, with tuples as lists."""
    cls = type(value)
    if cls in PLAIN_TYPES:
        return value
    if dataclasses.is_dataclass(cls):
        return {name: _plain(getattr(value, name)) for name in setting_types(cls)}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
