"""Dotted paths of the config types: known paths, the kinds under which they exist, and composition of settings."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from core.errors import ConfigError
from core.settings.dotted import nest
from core.settings.loading import apply_settings
from core.settings.presets import Preset
from core.settings.schema import kind_of, setting_types, variants_of
from core.settings.suggestions import did_you_mean
from core.settings.trial import TrialConfig

Branch = Mapping[str, str]
"""Condition for a path to exist: the kind of each tagged union above it, by the path of that `kind`."""


@cache
def known_paths() -> Mapping[str, tuple[Branch, ...]]:
    """The branches under which each dotted path of the config types exists, including paths of parts."""
    branches_of_path: dict[str, list[Branch]] = {}
    for path, branch in _walk(TrialConfig, "", {}):
        branches = branches_of_path.setdefault(path, [])
        if branch not in branches:
            branches.append(branch)
    return {path: tuple(branches) for path, branches in branches_of_path.items()}


def check_known(path: str) -> None:
    """Check that a path exists in some config.

    Raises:
        ConfigError: no config has this path.
    """
    known = known_paths()
    if path in known:
        return
    last = path.rpartition(".")[2]
    path_with_same_end = next((name for name in known if name.rpartition(".")[2] == last), None)
    otherwise = (
        f"did you mean {path_with_same_end}?" if path_with_same_end else "`modstudy catalog` lists every setting"
    )
    hint = did_you_mean(path, known, otherwise=otherwise)
    raise ConfigError(f"unknown setting {path}; {hint}")


def has_path(config: TrialConfig, path: str) -> bool:
    """Whether the path exists in a config."""
    node: Any = config
    for name in path.split("."):
        if name not in getattr(type(node), "__dataclass_fields__", {}):
            return False
        node = getattr(node, name)
    return True


def describe_branches(path: str) -> str:
    """The kinds under which a path exists, as text for error messages."""
    kinds: dict[str, list[str]] = {}
    for branch in known_paths()[path]:
        for union, kind in branch.items():
            if kind not in kinds.setdefault(union, []):
                kinds[union].append(kind)
    return " and ".join(f"{union} = {' or '.join(names)}" for union, names in kinds.items())


def compose(preset: Preset, shared: Mapping[str, Any], own: Mapping[str, Any]) -> TrialConfig:
    """Config of an arm: the preset with the shared dotted settings, overridden by the arm's own ones.

    Shared settings that do not exist in the arm's config are ignored: an arm whose parameterization has no degree
    ignores a shared `parameterization.degree`. The arm's own settings must exist.

    Raises:
        ConfigError: a setting is unknown, out of range, or does not exist under the kinds of the arm.
    """
    for path in shared:
        check_known(path)
    return apply_settings(preset, nest((*_applied_settings(preset, shared, own).items(), *own.items())))


def applied_paths(preset: Preset, shared: Mapping[str, Any], own: Mapping[str, Any]) -> frozenset[str]:
    """Paths of the shared settings that exist in the config of an arm and that it does not set itself."""
    return frozenset(_applied_settings(preset, shared, own))


def _applied_settings(preset: Preset, shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The shared settings that exist in the config of an arm and that it does not set itself."""
    config = _with_kinds_of(preset, {**shared, **own})
    return {path: value for path, value in shared.items() if not _overlaps(own, path) and has_path(config, path)}


def _with_kinds_of(preset: Preset, settings: Mapping[str, Any]) -> TrialConfig:
    """The config of a preset with the kinds, but not the other values, of the settings."""
    config = preset.config
    kinds = [path for path in settings if path.rpartition(".")[2] == "kind"]
    for path in sorted(kinds, key=lambda path: path.count(".")):
        if has_path(config, path):
            config = apply_settings(preset, nest([(path, settings[path])]), config)
    return config


def _overlaps(settings: Mapping[str, Any], path: str) -> bool:
    """Whether any of the settings is at the path, above it or below it."""
    return any(other == path or other.startswith(f"{path}.") or path.startswith(f"{other}.") for other in settings)


def _walk(cls: type, prefix: str, branch: Branch) -> Iterator[tuple[str, Branch]]:
    """All paths below a config class, each with its branch."""
    for name, annotation in setting_types(cls).items():
        path = f"{prefix}{name}"
        if name != "kind":
            yield path, branch
        variants: Sequence[type] = variants_of(annotation)
        if any(kind_of(variant) for variant in variants):
            yield f"{path}.kind", branch
        for variant in variants:
            kind = kind_of(variant)
            # With a single variant there is no condition on the kind.
            below = {**branch, f"{path}.kind": kind} if kind and len(variants) > 1 else branch
            yield from _walk(variant, f"{path}.", below)
