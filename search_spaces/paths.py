"""Dotted paths over the config types: which exist, under which kinds, and how layers of settings meet in one config."""

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
"""What must be chosen for a path to exist: the kind at each tagged union above it, by the path of that `kind`."""


@cache
def known_paths() -> Mapping[str, tuple[Branch, ...]]:
    """Every dotted path of the config types, parts included, with the branches under which it exists."""
    found: dict[str, list[Branch]] = {}
    for path, branch in _walk(TrialConfig, "", {}):
        branches = found.setdefault(path, [])
        if branch not in branches:
            branches.append(branch)
    return {path: tuple(branches) for path, branches in found.items()}


def check_known(path: str) -> None:
    """
    Raises:
        ConfigError: no config has this path, whatever its kinds.
    """
    known = known_paths()
    if path in known:
        return
    last = path.rpartition(".")[2]
    namesake = next((name for name in known if name.rpartition(".")[2] == last), None)
    otherwise = f"did you mean {namesake}?" if namesake else "`modstudy catalog` lists every setting"
    hint = did_you_mean(path, known, otherwise=otherwise)
    raise ConfigError(f"unknown setting {path}; {hint}")


def has_path(config: TrialConfig, path: str) -> bool:
    """Whether this config, with the kinds it has, holds the path."""
    node: Any = config
    for name in path.split("."):
        if name not in getattr(type(node), "__dataclass_fields__", {}):
            return False
        node = getattr(node, name)
    return True


def describe_branches(path: str) -> str:
    """The kinds under which a path exists, in words."""
    kinds: dict[str, list[str]] = {}
    for branch in known_paths()[path]:
        for union, kind in branch.items():
            if kind not in kinds.setdefault(union, []):
                kinds[union].append(kind)
    return " and ".join(f"{union} = {' or '.join(found)}" for union, found in kinds.items())


def compose(preset: Preset, shared: Mapping[str, Any], own: Mapping[str, Any]) -> TrialConfig:
    """One arm's config: `own` dotted settings over `shared` ones over the preset.

    A shared setting applies to the arms that have it: an arm whose parameterization has no degree ignores a shared
    `parameterization.degree`. The arm's own settings must all exist.

    Raises:
        ConfigError: a setting is unknown, out of range, or does not exist under the kinds the arm chose.
    """
    for path in shared:
        check_known(path)
    return apply_settings(preset, nest((*_fitting(preset, shared, own).items(), *own.items())))


def applied_paths(preset: Preset, shared: Mapping[str, Any], own: Mapping[str, Any]) -> frozenset[str]:
    """The shared settings that apply to an arm: those that it has and does not set itself."""
    return frozenset(_fitting(preset, shared, own))


def _fitting(preset: Preset, shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    with_kinds = _kinds_only(preset, {**shared, **own})
    return {path: value for path, value in shared.items() if not _sets(own, path) and has_path(with_kinds, path)}


def _kinds_only(preset: Preset, settings: Mapping[str, Any]) -> TrialConfig:
    config = preset.config
    kinds = [path for path in settings if path.rpartition(".")[2] == "kind"]
    for path in sorted(kinds, key=lambda path: path.count(".")):
        if has_path(config, path):
            config = apply_settings(preset, nest([(path, settings[path])]), config)
    return config


def _sets(settings: Mapping[str, Any], path: str) -> bool:
    return any(other == path or other.startswith(f"{path}.") or path.startswith(f"{other}.") for other in settings)


def _walk(cls: type, prefix: str, branch: Branch) -> Iterator[tuple[str, Branch]]:
    for name, annotation in setting_types(cls).items():
        path = f"{prefix}{name}"
        if name != "kind":
            yield path, branch
        variants: Sequence[type] = variants_of(annotation)
        if any(kind_of(variant) for variant in variants):
            yield f"{path}.kind", branch
        for variant in variants:
            kind = kind_of(variant)
            # A part with one variant so far is no choice, so that nothing has to ask for it.
            below = {**branch, f"{path}.kind": kind} if kind and len(variants) > 1 else branch
            yield from _walk(variant, f"{path}.", below)
