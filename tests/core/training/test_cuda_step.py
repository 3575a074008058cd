"""Training steps on a GPU that is not there: all tensors meet on one device, and the host never waits for it."""

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import core.ops
from core.clips import Clips
from core.encoder.lfo_net import LfoNet
from core.ops.all_pole import all_pole_in_chunks
from core.settings.filters import LearnedFilterConfig
from core.settings.parameterizations import FrameConfig, SplineConfig
from core.settings.synths import EngelConfig, ModSynthConfig, ShanConfig
from core.settings.trial import TrialConfig
from core.training.model import DiscoveryModel
from core.training.trainer import estimate_clips, train_step
from tests.support.configs import dataset_of
from tests.support.fake_gpu import HostSyncError, backward_in_python, fake_gpu
from tests.support.on_device import brief, every_part, parts_on


@pytest.fixture(scope="module")
def clips() -> Clips:
    return dataset_of(brief()).train


@pytest.mark.parametrize("config", every_part())
def test_a_step_and_an_estimate_need_one_device_and_no_wait(config: TrialConfig, clips: Clips) -> None:
    with fake_gpu() as gpu:
        model, optimizers, on_gpu, loss_function = parts_on("cuda", config, clips)
        losses = []
        with gpu.no_host_syncs():
            # A baseline with a fixed synth trains nothing.
            if optimizers:
                losses = [train_step(model, optimizers, on_gpu, loss_function, config, 0)]
            audio, curves, numbers = estimate_clips(model, on_gpu, "validation", config).results
        for tensor in (*losses, audio, curves, numbers, *model.parameters(), *model.buffers()):
            assert tensor.device.type == "cuda"
        assert audio.shape == on_gpu.audio.shape
        assert curves.shape == (len(clips), len(config.synth.modulations), config.audio.n_frames)
        assert numbers.shape == curves.shape[:2]


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": replace(brief().encoder, stride=1)},
        {"parameterization": SplineConfig(n_segments=3, degree=1)},
        {"parameterization": SplineConfig(n_segments=3, chord_curriculum=False)},
        {"synth": replace(ModSynthConfig.warm_ups()[0], filter=LearnedFilterConfig(interpolate="logits"))},
        {"synth": replace(ModSynthConfig.warm_ups()[0], filter=LearnedFilterConfig(structure="direct"))},
        {"synth": replace(ModSynthConfig.warm_ups()[0], vibrato_semitones=1.0)},
        {"synth": EngelConfig(vibrato_semitones=1.0)},
        {"synth": ShanConfig(control="granular"), "parameterization": FrameConfig()},
    ],
    ids=[
        "every frame",
        "linear spline",
        "no curriculum",
        "interpolated logits",
        "direct form",
        "vibrato",
        "vibrato of harmonics",
        "granular",
    ],
)
def test_other_settings_need_one_device_and_no_wait(change: dict[str, Any], clips: Clips) -> None:
    assert_steps_without_wait(replace(brief(), **change), clips)


@pytest.mark.parametrize("has_bf16_units", [False, True])
def test_bfloat16_needs_one_device_and_no_wait(
    has_bf16_units: bool, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.ops.convolution.has_bf16_units", lambda _: has_bf16_units)
    assert_steps_without_wait(replace(brief(), encoder=replace(brief().encoder, precision="bf16")), clips)


def assert_steps_without_wait(config: TrialConfig, clips: Clips) -> None:
    with fake_gpu() as gpu:
        model, optimizers, on_gpu, loss_function = parts_on("cuda", config, clips)
        with gpu.no_host_syncs():
            assert train_step(model, optimizers, on_gpu, loss_function, config, 0).device.type == "cuda"


@pytest.fixture
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU runs the operations that a GPU does."""
    modules = [import_module(f"core.ops.{module.name}") for module in iter_modules(core.ops.__path__)]
    users = [module for module in modules if hasattr(module, "use_kernel")]
    assert len(users) > 10
    for module in users:
        monkeypatch.setattr(module, "use_kernel", lambda *_: False)
    monkeypatch.setattr("core.ops.biquad.all_pole", all_pole_in_chunks)


@pytest.mark.slow
@pytest.mark.parametrize("config", every_part())
def test_the_operations_of_a_gpu_give_the_numbers_of_the_kernels(
    config: TrialConfig, clips: Clips, request: pytest.FixtureRequest
) -> None:
    """In float64: Adam makes whole steps of gradients that are all rounding."""
    results = []
    for fixture in (None, "without_kernels"):
        if fixture:
            request.getfixturevalue(fixture)
        model, optimizers, on_cpu, loss_function = parts_on("cpu", config, clips, torch.float64)
        steps = range(2 if optimizers else 0)
        losses = [float(train_step(model, optimizers, on_cpu, loss_function, config, step)) for step in steps]
        results.append((losses, *estimate_clips(model, on_cpu, "validation", config).results))
    (losses, *estimates), (expected_losses, *expected) = results
    assert losses == pytest.approx(expected_losses, rel=1e-9)
    for tensor, other in zip(estimates, expected, strict=True):
        torch.testing.assert_close(tensor, other, rtol=1e-6, atol=1e-7, equal_nan=True)


class Broken(nn.Module):
    """Stands before the encoder and does something that fails on a GPU."""

    def __init__(self, encoder: nn.Module, fault: str) -> None:
        super().__init__()
        self.encoder = encoder
        self.fault = fault
        # Not a buffer, so it does not move.
        self.gain = torch.ones(brief().audio.n_samples)

    def forward(self, audio: Tensor) -> Tensor:
        match self.fault:
            case "tensor left on the CPU":
                audio = audio * self.gain
            case "value read by the host":
                audio = audio / float(audio.detach().abs().max())
            case "decision on the host":
                audio = audio if bool((audio > 0).any()) else -audio
            case "copy that waits":
                audio = audio + torch.rand(audio.shape).to(audio.device)
            case "values from a list":
                audio = audio * audio.new_tensor([[2.0]])
            case "index on the CPU":
                audio = audio[:, torch.arange(audio.shape[1])]
            case _:
                raise AssertionError(self.fault)
        logits: Tensor = self.encoder(audio)
        return logits


def break_encoder(model: DiscoveryModel, fault: str) -> None:
    encoder = model.curves.encoder
    assert isinstance(encoder, LfoNet)
    model.curves.encoder = Broken(encoder, fault)


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("tensor left on the CPU", RuntimeError, "found at least two devices, cuda:0 and cpu"),
        ("value read by the host", HostSyncError, "read on the host"),
        ("decision on the host", HostSyncError, "read on the host"),
        ("copy that waits", HostSyncError, "non_blocking"),
        ("values from a list", HostSyncError, "non_blocking"),
        ("index on the CPU", HostSyncError, "indexed by one on the CPU"),
    ],
)
def test_a_fault_that_only_a_gpu_shows_is_found(fault: str, error: type[Exception], message: str, clips: Clips) -> None:
    config = brief()
    broken, optimizers, on_cpu, loss_function = parts_on("cpu", config, clips)
    break_encoder(broken, fault)
    assert float(train_step(broken, optimizers, on_cpu, loss_function, config, 0)) > 0, "the CPU does not mind"
    with fake_gpu() as gpu:
        model, optimizers, on_gpu, loss_function = parts_on("cuda", config, clips)
        break_encoder(model, fault)
        with gpu.no_host_syncs(), pytest.raises(error, match=message):
            train_step(model, optimizers, on_gpu, loss_function, config, 0)


def test_a_gradient_on_the_wrong_device_is_found() -> None:
    class OnCpu(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
            return 2 * x

        @staticmethod
        def backward(ctx: Any, grad_output: Tensor) -> Tensor:  # noqa: ARG004
            return torch.full(grad_output.shape, 2.0)

    with fake_gpu():
        weight = torch.ones(3, device="cuda", requires_grad=True)
        loss = OnCpu.apply(weight.square()).sum()
        with pytest.raises(RuntimeError, match="returns a gradient on cpu for a value on cuda:0"):
            torch.autograd.grad(loss, [weight])


def test_backward_in_python_gives_the_gradients_of_torch(clips: Clips) -> None:
    config = replace(brief(), synth=ModSynthConfig.warm_ups()[1], parameterization=SplineConfig(n_segments=3))
    expected, optimizers, on_cpu, loss_function = parts_on("cpu", config, clips)
    train_step(expected, optimizers, on_cpu, loss_function, config, 0)
    found, optimizers, on_cpu, loss_function = parts_on("cpu", config, clips)
    with backward_in_python():
        train_step(found, optimizers, on_cpu, loss_function, config, 0)
    for ours, theirs in zip(found.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
