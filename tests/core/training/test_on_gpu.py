"""Training on a real GPU: the CPU's numbers, no wait within a step, and whole trials. Skipped where there is none."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from core.clips import Clips
from core.settings.trial import TrialConfig
from core.storage.store import Store
from core.training.resolve import resolve
from core.training.trainer import estimate_clips, train_step
from core.training.trial import run_trial
from tests.support.configs import GREY_BOX, TINY, configured, dataset_of
from tests.support.on_device import brief, every_part, parts_on

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU, and torch finds none"),
]

N_STEPS = 3


@pytest.fixture(scope="module")
def clips() -> Clips:
    return dataset_of(brief()).train


@pytest.mark.parametrize("config", every_part())
def test_steps_and_estimates_are_those_of_the_cpu(config: TrialConfig, clips: Clips) -> None:
    """In float64: Adam makes whole steps of gradients that are all rounding."""
    losses, estimates = {}, {}
    for device in ("cpu", "cuda"):
        model, optimizers, on_device, loss_function = parts_on(device, config, clips, torch.float64)
        # A baseline with a fixed synth trains nothing.
        losses[device] = [
            float(train_step(model, optimizers, on_device, loss_function, config, step))
            for step in range(N_STEPS if optimizers else 0)
        ]
        estimates[device] = [tensor.cpu() for tensor in estimate_clips(model, on_device, "validation", config).results]
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=1e-5)
    for on_gpu, on_cpu in zip(estimates["cuda"], estimates["cpu"], strict=True):
        # Nothing describes the curves of an oracle: their numbers are NaN on both.
        torch.testing.assert_close(on_gpu, on_cpu, rtol=1e-3, atol=1e-4, equal_nan=True)


# The warning says that not every wait is detected.
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("config", every_part())
def test_a_step_never_waits_for_the_gpu(config: TrialConfig, clips: Clips) -> None:
    model, optimizers, on_gpu, loss_function = parts_on("cuda", config, clips)
    if not optimizers:
        pytest.skip("a baseline with a fixed synth trains nothing")
    # The first step loads kernels and plans FFTs.
    losses = [train_step(model, optimizers, on_gpu, loss_function, config, 0)]
    with waits_raise():
        losses.append(train_step(model, optimizers, on_gpu, loss_function, config, 1))
    assert all(math.isfinite(float(loss)) for loss in losses)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_a_wait_raises() -> None:
    tensor = torch.ones(3, device="cuda")
    with waits_raise(), pytest.raises(RuntimeError, match="synchroniz"):
        tensor.sum().item()


@pytest.mark.parametrize(
    "assignments",
    [(), ("parameterization.kind=spline", "parameterization.n_segments=3", *GREY_BOX), ("synth.kind=engel",)],
    ids=["white box", "grey-box spline", "engel"],
)
def test_a_trial_finishes(assignments: tuple[str, ...], tmp_path: Path) -> None:
    config = resolve(configured(*TINY, *assignments, "device=cuda")).config
    record = run_trial(config, store=Store(tmp_path), study="study", arm="arm")
    assert record.outcome == "finished", record.error
    assert record.steps == config.trainer.max_steps
    mss = record.metrics["test"]["audio.mss"]
    assert mss is not None
    assert math.isfinite(mss)


@contextmanager
def waits_raise() -> Iterator[None]:
    """In this context an operation that makes the host wait for the GPU raises a RuntimeError."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")
