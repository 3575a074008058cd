"""Training steps on noise, to compile kernels ahead of a trial and to estimate its duration."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import get_args

import torch
from torch import Tensor

from core.clips import Clips
from core.losses.build import build_loss
from core.settings.parameterizations import ParameterizationConfig
from core.settings.presets import SMALL
from core.settings.synths import SynthConfig
from core.settings.trial import TrialConfig
from core.training.model import build_model
from core.training.optimizers import build_optimizers
from core.training.resolve import resolve_without_data
from core.training.trainer import evaluation_loss, train_step


def warm_up(config: TrialConfig) -> None:
    """Compile all kernels of a config, resolved or not, by a training step and an evaluation on a clip of noise.

    numba caches the compiled kernels on disk.
    """
    single_clip_config = replace(resolve_without_data(config), trainer=replace(config.trainer, batch_size=1))
    step = step_on_noise(single_clip_config)
    if step is not None:
        step()
    evaluation_loss(
        build_model(single_clip_config),
        _noise(single_clip_config, 1),
        "validation",
        single_clip_config,
        build_loss(single_clip_config.loss),
    )


def warm_up_all() -> None:
    """Compile the kernels of every parameterization and synth."""
    for config in every_kernel():
        warm_up(config)


def every_kernel() -> Iterator[TrialConfig]:
    """Configs that together run every kernel, from the `warm_ups` of all parameterizations and synths."""
    for parameterization_class in get_args(ParameterizationConfig):
        for parameterization in parameterization_class.warm_ups():
            yield replace(SMALL.config, parameterization=parameterization)
    for synth_class in get_args(SynthConfig):
        for synth in synth_class.warm_ups():
            yield replace(SMALL.config, synth=synth)


def step_on_noise(config: TrialConfig) -> Callable[[], Tensor] | None:
    """A function that takes one training step on noise and returns the loss; None if the config trains nothing."""
    model = build_model(config)
    optimizers = build_optimizers(model, config.optimizer)
    if not optimizers or not config.trainer.max_steps:
        return None
    loss_function = build_loss(config.loss)
    clips = _noise(config, config.trainer.batch_size)
    steps = count()
    return lambda: train_step(model, optimizers, clips, loss_function, config, next(steps))


def estimate_seconds(config: TrialConfig, n_steps: int = 3) -> float:
    """Estimated duration of a trial in seconds on one thread of this machine, from the time of a few steps on noise.

    The data need not exist, because the time of a step does not depend on the sounds.
    """
    config = resolve_without_data(config)
    torch.set_num_threads(1)
    step = step_on_noise(config)
    step_s = 0.0
    if step is not None:
        step()
        start = time.perf_counter()
        for _ in range(n_steps):
            step()
        step_s = (time.perf_counter() - start) / n_steps
    model, loss_function = build_model(config), build_loss(config.loss)
    size = config.trainer.batch_size
    clips = _noise(config, size)
    start = time.perf_counter()
    evaluation_loss(model, clips, "validation", config, loss_function)
    clip_s = (time.perf_counter() - start) / size
    _, n_validation, _ = n_clips = config.data.expected_clips
    steps = config.trainer.max_steps if step_s else 0
    validations = 1 + steps / config.trainer.validate_every
    return steps * step_s + clip_s * (n_validation * validations + sum(n_clips))


def _noise(config: TrialConfig, size: int) -> Clips:
    """Clips of white noise."""
    rng = torch.Generator().manual_seed(0)
    return Clips(
        ids=tuple(map(str, range(size))),
        audio=torch.rand(size, config.audio.n_samples, generator=rng) - 0.5,
        f0_hz=torch.full((size,), 220.0),
        q=torch.zeros(size),
        modulation=None,
    )


if __name__ == "__main__":
    warm_up_all()
