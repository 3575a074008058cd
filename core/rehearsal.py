"""A few steps on noise before a trial runs: they compile its kernels, and tell how long it will take."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import torch

from core.config import (
    EngelConfig,
    LearnableWavetableConfig,
    LearnedFilterConfig,
    LowPassConfig,
    ModSynthConfig,
    SplineConfig,
    SyntheticDataConfig,
    TrialConfig,
)
from core.data.clips import Clips
from core.losses.mss import MultiResolutionStft
from core.model import build_model
from core.optimizers import build_optimizers
from core.presets import SMALL
from core.resolve import resolve
from core.trainer import evaluation_loss, train_step


def rehearse(config: TrialConfig) -> None:
    """Take one training step of a resolved config with one clip, so that every kernel it needs is compiled and kept."""
    alone = replace(config, trainer=replace(config.trainer, batch_size=1))
    step = step_on_noise(alone)
    if step is not None:
        step()
    loss_function = MultiResolutionStft(config.loss.resolutions or ())
    evaluation_loss(build_model(alone), _noise(alone, 1), "validation", alone, loss_function)


def rehearse_all() -> None:
    """Compile the kernels of every parameterization and synth."""
    for parameterization in (LowPassConfig(), SplineConfig(), SplineConfig(evaluation="forward_warp")):
        for synth in (
            ModSynthConfig(),
            ModSynthConfig(oscillator=LearnableWavetableConfig(), filter=LearnedFilterConfig()),
            EngelConfig(),
        ):
            rehearse(
                resolve(replace(SMALL.config, parameterization=parameterization, synth=synth, device="cpu")).config
            )


def step_on_noise(config: TrialConfig) -> Callable[[], float] | None:
    """What takes one more training step of a resolved config on a batch of noise; None where nothing is trained."""
    model = build_model(config)
    optimizers = build_optimizers(model, config.optimizer)
    if not optimizers or not config.trainer.max_steps:
        return None
    loss_function = MultiResolutionStft(config.loss.resolutions or ())
    clips = _noise(config, config.trainer.batch_size)
    steps = count()
    return lambda: train_step(model, optimizers, clips, loss_function, config, next(steps))


def estimate_seconds(config: TrialConfig, n_steps: int = 3) -> float:
    """Roughly how long a trial takes on one thread of this machine: a few real steps are timed on noise."""
    config = replace(resolve(config).config, device="cpu")
    torch.set_num_threads(1)
    step = step_on_noise(config)
    step_s = 0.0
    if step is not None:
        step()
        start = time.perf_counter()
        for _ in range(n_steps):
            step()
        step_s = (time.perf_counter() - start) / n_steps
    model, loss_function = build_model(config), MultiResolutionStft(config.loss.resolutions or ())
    size = config.trainer.batch_size
    clips = _noise(config, size)
    start = time.perf_counter()
    evaluation_loss(model, clips, "validation", config, loss_function)
    clip_s = (time.perf_counter() - start) / size
    n_validation, n_all = 100, 500
    if isinstance(config.data, SyntheticDataConfig):
        n_validation = config.data.n_validation
        n_all = n_validation + config.data.n_train + config.data.n_test
    steps = config.trainer.max_steps if step_s else 0
    return steps * step_s + clip_s * (n_validation * (1 + steps / config.trainer.validate_every) + n_all)


def _noise(config: TrialConfig, size: int) -> Clips:
    draw = torch.Generator().manual_seed(0)
    return Clips(
        ids=tuple(map(str, range(size))),
        audio=torch.rand(size, config.signal.n_samples, generator=draw) - 0.5,
        f0_hz=torch.full((size,), 220.0),
        q=torch.zeros(size),
        modulation=None,
    )


if __name__ == "__main__":
    rehearse_all()
