"""Every synth with every parameterization, and the parts of a training on a device."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import nn

from core.clips import Clips
from core.losses.build import build_loss
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


def every_pair() -> list[Any]:
    """A brief config of each pair, as a parameter of a test."""
    found, names = [], []
    for synth, parameterization in product(every_synth(), every_parameterization()):
        names.append(f"{synth.kind}-{parameterization.kind}")
        config = replace(brief(), synth=synth, parameterization=parameterization)
        found.append(pytest.param(config, id=f"{names[-1]}-{names.count(names[-1])}"))
    return found


def parts_on(device: str, config: TrialConfig, clips: Clips, dtype: torch.dtype = torch.float32) -> Parts:
    """The parts of a training in a precision."""
    to = torch.device(device)
    model = build_model(config).to(to, dtype)
    clips = replace(clips, audio=clips.audio.to(dtype), f0_hz=clips.f0_hz.to(dtype), q=clips.q.to(dtype))
    return model, build_optimizers(model, config.optimizer), clips.to(to), build_loss(config.loss).to(to)
