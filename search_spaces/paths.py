"""Dotted paths of the config types: known paths, the kinds under which they exist, and composition of settings."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from core.errors import ConfigError
from core.settings.dotted import nest
from core.settings.loading import apply_settings
from core.settings.presets import Preset
from core.settings.schema import kind_of, number_type, setting_types, setting_variants
from core.settings.suggestions import did_you_mean
from core.settings.trial import TrialConfig

Branch = Mapping[str, str]
"""Condition for a path to exist: the kind of each tagged union above it, by the path of that `kind`."""


@cache
def known_paths() -> Mapping[str, tuple[Branch, ...]]:
    """The branches under which each dotted path of the config types exists, including paths of parts."""
    branches_of_path: dict[str, list[Branch]] = {}
    for path, branch, _ in _walk(TrialConfig, "", {}):
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
    raise ConfigError(f"unknown setting {path or repr(path)}; {hint}")


@cache
def takes_integers(path: str) -> bool:
    """Whether all settings at this path, under whatever kinds, are whole numbers."""
    types = {number_type(annotation) for found, _, annotation in _walk(TrialConfig, "", {}) if found == path}
    return types == {int}


def annotation_at(config: TrialConfig, path: str) -> Any:
    """The annotation of a setting that exists in a config."""
    *parents, name = path.split(".")
    node: Any = config
    for parent in parents:
        node = getattr(node, parent)
    cls: type = type(node)
    return setting_types(cls)[name]


def is_kind(path: str) -> bool:
    """Whether a path is that of the `kind` of a variant."""
    return path.rpartition(".")[2] == "kind"


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


class Composer:
    """Composes the configs of arms from a preset, shared settings and the arms' own settings.

    Shared settings that do not exist in the config of an arm are ignored: an arm whose parameterization has no degree
    ignores a shared `parameterization.degree`. What arms with the same paths and kinds have in common is computed once.
    """

    def __init__(self, preset: Preset, shared: Mapping[str, Any]) -> None:
        """Check that the shared dotted settings are known.

        Raises:
            ConfigError: a shared setting exists in no config.
        """
        for path in shared:
            check_known(path)
        self._preset = preset
        self._shared = dict(shared)
        self._commons: dict[tuple[str, ...], tuple[TrialConfig, frozenset[str]]] = {}

    def config(self, own: Mapping[str, Any]) -> TrialConfig:
        """The config of an arm: the preset with the shared settings, overridden by the arm's own dotted settings.

        Raises:
            ConfigError: a setting is unknown, out of range, or does not exist under the kinds of the arm.
        """
        common, _ = self._common(own)
        return apply_settings(self._preset, nest(own.items()), common)

    def applied(self, own: Mapping[str, Any]) -> frozenset[str]:
        """Paths of the shared settings that exist in the config of an arm and that it does not set itself."""
        return self._common(own)[1]

    def _common(self, own: Mapping[str, Any]) -> tuple[TrialConfig, frozenset[str]]:
        """The config without the arm's own values, but with its kinds, and the paths of the shared settings in it."""
        key = tuple(f"{path}={value!r}" if is_kind(path) else path for path, value in own.items())
        if key not in self._commons:
            config = self._with_kinds({**self._shared, **own})
            applied = {
                path: value
                for path, value in self._shared.items()
                if not _overlaps(own, path) and has_path(config, path)
            }
            config = apply_settings(self._preset, nest(applied.items()), config)
            self._commons[key] = config, frozenset(applied)
        return self._commons[key]

    def _with_kinds(self, settings: Mapping[str, Any]) -> TrialConfig:
        """The config of the preset with the kinds, but not the other values, of the settings."""
        config = self._preset.config
        for path in sorted(filter(is_kind, settings), key=lambda path: path.count(".")):
            if has_path(config, path):
                config = apply_settings(self._preset, nest([(path, settings[path])]), config)
        return config


def _overlaps(settings: Mapping[str, Any], path: str) -> bool:
    """Whether any of the settings is at the path, above it or below it."""
    return any(other == path or other.startswith(f"{path}.") or path.startswith(f"{other}.") for other in settings)


def _walk(cls: type, prefix: str, branch: Branch) -> Iterator[tuple[str, Branch, Any]]:
    """All paths below a config class, each with its branch and annotation."""
    for name, variants in setting_variants(cls).items():
        path = f"{prefix}{name}"
        annotation = setting_types(cls)[name]
        if name != "kind":
            yield path, branch, annotation
        if any(kind_of(variant) for variant in variants):
            yield f"{path}.kind", branch, str
        for variant in variants:
            kind = kind_of(variant)
            # With a single variant there is no condition on the kind.
            below = {**branch, f"{path}.kind": kind} if kind and len(variants) > 1 else branch
            yield from _walk(variant, f"{path}.", below)
