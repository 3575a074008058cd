"""Training steps on noise, to compile kernels ahead of a trial and to estimate its duration."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from statistics import median
from typing import get_args

import numba
import torch
from numba.core.codegen import get_host_cpu_features
from torch import Tensor, nn

from core.clips import Clips
from core.losses.build import build_loss
from core.metrics.curves import time_warped_l1
from core.modulations import modulation_names
from core.ops.curve_alignment import frechet_distances
from core.ops.kernel_cache import kernel_folder
from core.settings.parameterizations import ParameterizationConfig
from core.settings.presets import SMALL
from core.settings.synths import SynthConfig
from core.settings.trial import TrialConfig
from core.storage.code_version import code_version
from core.training.model import DiscoveryModel, build_model
from core.training.optimizers import build_optimizers
from core.training.resolve import resolve_without_data
from core.training.trainer import evaluation_loss, train_step


def compile_kernels(config: TrialConfig) -> None:
    """Compile all kernels of a config, resolved or not, unless this code has done so before on such a processor.

    A file beside the kernels tells that. A kernel that was removed since is compiled by the first trial that needs it.
    """
    mark = kernel_folder() / f"compiled-{_kernels_key(config)}"
    if mark.exists():
        return
    warm_up(config)
    # The folder may not be writable.
    with suppress(OSError):
        mark.touch()


def warm_up(config: TrialConfig) -> None:
    """Compile all kernels of a config, resolved or not, by a training step and an evaluation on a clip of noise.

    numba caches the compiled kernels on disk.
    """
    single_clip_config = replace(resolve_without_data(config), trainer=replace(config.trainer, batch_size=1))
    step = step_on_noise(single_clip_config)
    if step is not None:
        step()
    curves = torch.zeros(1, 1, single_clip_config.audio.n_frames)
    for function in (frechet_distances, time_warped_l1):
        function(curves, curves)
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
    model, loss_function = _on_device(config)
    optimizers = build_optimizers(model, config.optimizer)
    if not optimizers or not config.trainer.max_steps:
        return None
    clips = _noise(config, config.trainer.batch_size)
    steps = count()
    return lambda: train_step(model, optimizers, clips, loss_function, config, next(steps))


_LONG_S = 5.0
"""Time in seconds beside which what only the first step takes does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCosts:
    """Measured costs of the trials of a config, which do not depend on its numbers of steps and clips."""

    step_s: float
    """Time of a training step in seconds; 0 if there is nothing to train."""
    clip_s: float
    """Time of the evaluation of a clip in seconds."""
    n_weights: int
    """Number of weights and other stored numbers of the model."""

    def seconds(self, config: TrialConfig, n_clips: tuple[int, int, int]) -> float:
        """Estimated duration in seconds of a trial with these training, validation and test clips."""
        _, n_validation, _ = n_clips
        steps = config.trainer.max_steps if self.step_s else 0
        validations = 1 + steps / config.trainer.validate_every
        return steps * self.step_s + self.clip_s * (n_validation * validations + sum(n_clips))


def measure_costs(config: TrialConfig, n_steps: int = 3) -> TrialCosts:
    """Costs of the trials of a config, from a few steps on noise: on a GPU, or on one thread of this machine.

    The data need not exist, because the time of a step does not depend on the sounds.
    """
    config = resolve_without_data(config, device="auto")
    torch.set_num_threads(1)
    if config.device == "cpu":
        compile_kernels(config)
    step = step_on_noise(config)
    step_s = 0.0 if step is None else _typical_time(step, n_steps)
    model, loss_function = _on_device(config)
    clips = _noise(config, size := config.trainer.batch_size)

    def evaluation() -> float:
        return evaluation_loss(model, clips, "validation", config, loss_function)

    evaluation_s = _typical_time(evaluation, n_steps)
    n_weights = sum(value.numel() for value in model.state_dict().values())
    return TrialCosts(step_s=step_s, clip_s=evaluation_s / size, n_weights=n_weights)


def _kernels_key(config: TrialConfig) -> str:
    """A key of everything that decides which machine code the kernels of a config are compiled to."""
    kernels = config.parameterization.kernels(), config.synth.kernels(), config.encoder, config.loss
    is_trained = config.trainer.max_steps > 0
    processor = get_host_cpu_features()  # type: ignore[no-untyped-call]
    everything = kernels, is_trained, processor, numba.__version__, torch.__version__, code_version()
    return hashlib.sha256(repr(everything).encode()).hexdigest()[:16]


def _typical_time(work: Callable[[], object], n_times: int) -> float:
    """Median time of some work in seconds without the first time, which takes longer; if that is long, its time."""
    first = _timed(work)
    return first if first > _LONG_S else median(_timed(work) for _ in range(n_times))


def _timed(work: Callable[[], object]) -> float:
    """Wall time of some work in seconds, including what it has started on a GPU."""
    is_cuda = torch.cuda.is_available()
    if is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _on_device(config: TrialConfig) -> tuple[DiscoveryModel, nn.Module]:
    """The model and the loss of a config, on its device."""
    device = torch.device(config.device)
    return build_model(config).to(device), build_loss(config.loss).to(device)


def _noise(config: TrialConfig, size: int) -> Clips:
    """Clips of white noise, with random curves for an oracle."""
    rng = torch.Generator().manual_seed(0)
    names = modulation_names(config.synth.modulations)
    return Clips(
        ids=tuple(map(str, range(size))),
        audio=torch.rand(size, config.audio.n_samples, generator=rng) - 0.5,
        f0_hz=torch.full((size,), 220.0),
        q=torch.zeros(size),
        modulation=torch.rand(size, len(names), config.audio.n_frames, generator=rng),
        modulation_names=names,
    ).to(torch.device(config.device))


if __name__ == "__main__":
    warm_up_all()
