"""Resolve a config: nothing is left to chance or to the machine, so that its digest names its numbers."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, assert_never

import torch

from core.config import (
    AudioFolderConfig,
    DataConfig,
    FrozenWavetableConfig,
    ModSynthConfig,
    RendersConfig,
    SignalConfig,
    SynthConfig,
    SyntheticDataConfig,
    TrialConfig,
)
from core.data.audio_folder import scan_folder
from core.data.renders import scan_renders
from core.data.wavetables import wavetable_sha256
from core.errors import ConfigError
from core.losses.mss import standard_resolutions
from core.results import DataNotice
from core.rules import check


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolved config with what a reader should know of its data."""

    config: TrialConfig
    notices: tuple[DataNotice, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)


def resolve(config: TrialConfig) -> Resolved:
    """Check all rules, then fill in the device, content hashes and loss resolutions.

    Resolving a resolved config changes nothing, unless the data behind it changed.

    Raises:
        ConfigError: a rule is broken.
        DataError: a data source cannot be used.
    """
    check(config)
    data, notices, summary = _resolve_data(config.data, config.signal)
    resolutions = config.loss.resolutions or standard_resolutions(config.signal.sample_rate)
    resolved = replace(
        config,
        device=_resolve_device(config.device),
        data=data,
        synth=_resolve_synth(config.synth, data),
        loss=replace(config.loss, resolutions=resolutions),
    )
    return Resolved(resolved, notices, summary)


def _resolve_device(device: str) -> Any:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device=cuda needs a CUDA GPU, and torch sees none here; set device=cpu or device=auto")
    return device


@lru_cache(maxsize=64)
def _resolve_data(
    config: DataConfig, signal: SignalConfig
) -> tuple[DataConfig, tuple[DataNotice, ...], dict[str, Any]]:
    match config:
        case SyntheticDataConfig():
            summary = {"clips": config.n_train + config.n_validation + config.n_test, "pitch": "exact"}
            return replace(config, wavetable_sha256=wavetable_sha256(config.wavetable)), (), summary
        case AudioFolderConfig():
            folder = scan_folder(config, signal)
            return replace(config, manifest_sha256=folder.sha256), folder.notices, folder.summary
        case RendersConfig():
            renders = scan_renders(config, signal)
            return replace(config, manifest_sha256=renders.sha256), renders.notices, renders.summary
        case _:
            assert_never(config)


def _resolve_synth(synth: SynthConfig, data: DataConfig) -> SynthConfig:
    if not (isinstance(synth, ModSynthConfig) and isinstance(synth.oscillator, FrozenWavetableConfig)):
        return synth
    wavetable = synth.oscillator.wavetable
    if wavetable == "data" and isinstance(data, SyntheticDataConfig):
        wavetable = data.wavetable
    oscillator = replace(synth.oscillator, wavetable=wavetable, wavetable_sha256=wavetable_sha256(wavetable))
    return replace(synth, oscillator=oscillator)
