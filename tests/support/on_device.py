"""Every synth and every parameterization, and the parts of a training on a device."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from core.clips import Clips
from core.losses.build import build_loss
from core.settings.synths import ModSynthConfig
from core.settings.trial import TrialConfig
from core.training.model import DiscoveryModel, build_model
from core.training.optimizers import FlatAdamW, build_optimizers
from tests.support.configs import tiny
from tests.support.contracts.parameterizations import every_parameterization
from tests.support.contracts.synths import every_synth

Parts = tuple[DiscoveryModel, list[FlatAdamW], Clips, nn.Module]
"""Model, optimizers, clips and loss, in the order of `train_step`."""


def brief() -> TrialConfig:
    """A tiny config with few encoder frames, since an LSTM without kernels takes most of the time."""
    return tiny("encoder.stride=5")


def every_part() -> list[Any]:
    """A brief config with each synth, and one with each parameterization, as parameters of a test.

    The synth of the latter is learned, so that something is trained with the curves of each baseline too.
    """
    found, names = [], []
    learned = ModSynthConfig.warm_ups()[1]
    configs = [replace(brief(), synth=synth) for synth in every_synth()]
    configs += [replace(brief(), synth=learned, parameterization=each) for each in every_parameterization()]
    for config in configs:
        names.append(f"{config.synth.kind}-{config.parameterization.kind}")
        found.append(pytest.param(config, id=f"{names[-1]}-{names.count(names[-1])}"))
    return found


def parts_on(device: str, config: TrialConfig, clips: Clips, dtype: torch.dtype = torch.float32) -> Parts:
    """The parts of a training in a precision."""
    to = torch.device(device)
    model = build_model(config).to(to, dtype)
    clips = replace(clips, audio=clips.audio.to(dtype), f0_hz=clips.f0_hz.to(dtype), q=clips.q.to(dtype))
    return model, build_optimizers(model, config.optimizer), clips.to(to), build_loss(config.loss).to(to)
