"""Resolving of configs: choices that depend on machine or data are made explicit, so the digest identifies results."""

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, assert_never

import torch

from core.data.base import SourceScan
from core.data.build import build_source
from core.data.vital_lfos import named_shapes_sha256
from core.errors import ConfigError, DataError
from core.settings.annotations import ContentPath
from core.settings.audio import AudioConfig
from core.settings.data import LFO_SHAPES, RANDOM, DataConfig
from core.settings.losses import LossConfig
from core.settings.oscillators import IN_TURN
from core.settings.rules import check
from core.settings.schema import content_path, setting_types
from core.settings.synths import SynthConfig
from core.settings.trial import TrialConfig
from core.settings.user_paths import user_path
from core.storage.records import DataFile, DataIssue
from core.wavetables import BUILTIN_WAVETABLES, wavetable_sha256

Part = TypeVar("Part")
"""A config or a part of one."""
MAX_REMEMBERED = 1000
"""Largest number of combinations of resolved parts that a resolver keeps."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolved config with issues, summary, files and notes of its data."""

    config: TrialConfig
    issues: tuple[DataIssue, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)
    files: tuple[DataFile, ...] = ()
    notes: tuple[str, ...] = ()


def resolve(config: TrialConfig) -> Resolved:
    """Resolve a single config; see `Resolver.resolve`.

    Raises:
        ConfigError, DataError: as for `Resolver.resolve`.
    """
    return Resolver().resolve(config)


class Resolver:
    """Resolves several configs, and what their parts have in common only once: scanning a folder takes time.

    Configs that differ in a few settings share the objects of all other parts. Parts are told apart by identity, since
    equal ones can differ in their digest (8 and 8.0).
    """

    def __init__(self, *, runs_elsewhere: bool = False) -> None:
        """Prepare to resolve configs.

        Args:
            runs_elsewhere: Whether the trials may run on other machines, so that they may have a GPU that is not here.
        """
        self._runs_elsewhere = runs_elsewhere
        self._scans: dict[tuple[DataConfig, AudioConfig], SourceScan] = {}
        self._parts: dict[tuple[int, ...], _ResolvedParts] = {}

    def resolve(self, config: TrialConfig) -> Resolved:
        """Check all rules and fill in device, wavetable, absolute paths, hashes of content and defaults of the loss.

        A resolved config is unchanged, unless its content has changed.

        Raises:
            ConfigError: a rule is broken.
            DataError: a data source cannot be used.
        """
        check(config)
        originals = config.audio, config.data, config.synth, config.loss
        key = tuple(map(id, originals))
        if key not in self._parts:
            if len(self._parts) >= MAX_REMEMBERED:
                self._parts.clear()
            self._parts[key] = self._resolved_parts(config)
        parts = self._parts[key]
        resolved = replace(
            config,
            device=_resolve_device(config.device, needs_gpu_here=not self._runs_elsewhere),
            data=parts.data,
            synth=parts.synth,
            loss=parts.loss,
        )
        scan = parts.scan
        return Resolved(resolved, scan.issues, scan.summary, scan.data_files, scan.notes)

    def _resolved_parts(self, config: TrialConfig) -> "_ResolvedParts":
        """The parts of a config whose resolution depends on each other only."""
        data = _with_absolute_paths(config.data)
        scan = self._scan(data, config.audio)
        synth = config.synth.with_wavetable_of(config.data.true_wavetable)
        return _ResolvedParts(
            originals=(config.audio, config.data, config.synth, config.loss),
            scan=scan,
            data=_with_hashes(data, scan),
            synth=_with_hashes(_with_absolute_paths(synth), scan),
            loss=config.loss.resolved(config.audio),
        )

    def _scan(self, data: DataConfig, audio: AudioConfig) -> SourceScan:
        """Scan of a data source, cached."""
        if (data, audio) not in self._scans:
            self._scans[data, audio] = build_source(data, audio).scan()
        return self._scans[data, audio]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ResolvedParts:
    """Resolved parts of a config."""

    originals: tuple[object, ...]
    """The parts before; while they are kept here, no other object can have their identity."""
    scan: SourceScan
    data: DataConfig
    synth: SynthConfig
    loss: LossConfig


def resolve_without_data(config: TrialConfig, device: Literal["cpu", "auto"] = "cpu") -> TrialConfig:
    """A config from which a model can be built, without hashes; its data need not exist.

    Args:
        config: A config, resolved or not.
        device: The CPU, or `auto` for a GPU if this machine has one and the config admits it.

    Raises:
        ConfigError: a rule is broken.
    """
    check(config)
    synth = config.synth.with_wavetable_of(config.data.true_wavetable)
    on_gpu = device == "auto" and config.device != "cpu" and torch.cuda.is_available()
    return replace(config, device="cuda" if on_gpu else "cpu", synth=synth, loss=config.loss.resolved(config.audio))


def check_contents(config: TrialConfig) -> None:
    """Check that the data and wavetables of a resolved config are on this machine, and have their recorded content.

    Raises:
        ConfigError, DataError: the content is missing, unusable, or another one.
    """
    source = build_source(config.data, config.audio)
    scan = source.scan()
    source.check_unchanged(scan)
    if _with_hashes(config.synth, scan) != config.synth:
        raise DataError(
            "the wavetable of the synth changed since the trial was planned; restore it, or plan a new study"
        )


def _resolve_device(device: Literal["auto", "cpu", "cuda"], *, needs_gpu_here: bool) -> Literal["cpu", "cuda"]:
    """The device; 'auto' is CUDA if this machine has it.

    Raises:
        ConfigError: CUDA is requested and needed on this machine, but not available.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and needs_gpu_here and not torch.cuda.is_available():
        raise ConfigError("device=cuda needs a CUDA GPU, and torch finds none; set device=cpu or device=auto")
    return device


def _with_absolute_paths(part: Part) -> Part:
    """A part of a config with existing paths made absolute, to resume a study in another working directory."""
    return _replace_contents(part, lambda name, path, mark: {name: _absolute(path, mark)})


def _with_hashes(part: Part, scan: SourceScan) -> Part:
    """A part of a config with the hash of each content filled in."""
    return _replace_contents(part, lambda _, path, mark: {mark.hash_field: _content_sha256(path, mark, scan)})


def _replace_contents(part: Part, changes_of: Callable[[str, str, ContentPath], dict[str, str]]) -> Part:
    """A part of a config with fields changed for each `ContentPath` setting, also in nested parts.

    Args:
        part: The config or part of one.
        changes_of: Function of a setting's field, value and mark; returns new values by field.
    """
    assert dataclasses.is_dataclass(part)
    assert not isinstance(part, type)
    annotations, changes = setting_types(type(part)), dict[str, Any]()
    for entry in dataclasses.fields(part):
        value = getattr(part, entry.name)
        if mark := content_path(annotations[entry.name]):
            changes |= changes_of(entry.name, value, mark)
        elif dataclasses.is_dataclass(value):
            changes[entry.name] = _replace_contents(value, changes_of)
    return replace(part, **changes)


def _absolute(value: str, mark: ContentPath) -> str:
    """An existing path made absolute; other values are unchanged."""
    names: dict[str, Collection[str]] = {
        "wavetable": (*BUILTIN_WAVETABLES, IN_TURN),
        "LFO shapes": (RANDOM, LFO_SHAPES),
    }
    if not value or value in names.get(mark.content, ()):
        return value
    path = user_path(value, f"a {mark.content}")
    return str(path.absolute()) if path.exists() else value


def _content_sha256(value: str, mark: ContentPath, scan: SourceScan) -> str:
    """Hash of the content that a setting names."""
    match mark.content:
        case "wavetable":
            return wavetable_sha256(value)
        case "LFO shapes":
            return named_shapes_sha256(value)
        case "data folder":
            return scan.sha256
        case _:
            assert_never(mark.content)
