"""Parameters as parts of one vector: they stay so, and train as they would on their own."""

import copy
from collections.abc import Sequence

import pytest
import torch
from schedulefree import AdamWScheduleFree
from torch import Tensor, nn

from core.loading import apply_settings, nest, parse_assignment, preset_named
from core.model import DiscoveryModel, build_model
from core.resolve import resolve
from core.seeding import generator
from core.trainer import averaged_model, build_optimizers, flattened

SETTINGS = (
    "signal.duration_s=0.25",
    "signal.hop_length=80",
    "encoder.n_fft=256",
    "encoder.n_mels=16",
    "encoder.width=4",
    "encoder.dilations=[1,2]",
    "encoder.head_hidden=4",
    "synth.oscillator.kind=learnable",
    "synth.oscillator.table_length=64",
    "synth.filter.kind=learned",
    "device=cpu",
)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 7), nn.PReLU(), nn.Linear(7, 5), nn.LayerNorm(5), nn.Linear(5, 1))


def loss_of(model: nn.Module, step: int = 0) -> Tensor:
    x = torch.randn(16, 3, generator=generator(step, "batch"))
    return (model(x)[:, 0] - x.prod(1)).square().mean()


def parts_of(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    sizes = [tensor.numel() for tensor in like]
    return [part.view_as(tensor) for part, tensor in zip(torch.split(vector, sizes), like, strict=True)]


def assert_views(vector: nn.Parameter, parameters: Sequence[nn.Parameter]) -> None:
    """Each parameter and its gradient lie in the vector's memory, at their places."""
    assert vector.grad is not None
    for whole, tensors in ((vector.detach(), parameters), (vector.grad, [p.grad for p in parameters])):
        for part, tensor in zip(parts_of(whole, tensors), tensors, strict=True):
            assert part.data_ptr() == tensor.data_ptr()
            assert part.stride() == tensor.stride()
            assert torch.equal(part, tensor.detach())


def test_parameters_keep_their_numbers_and_begin_with_no_gradient() -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    vector = flattened(list(model.parameters()))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert vector.numel() == sum(value.numel() for value in before.values())
    assert float(vector.grad.abs().max()) == 0
    assert_views(vector, list(model.parameters()))


def test_parameters_and_gradients_stay_views_through_all_that_a_trial_does() -> None:
    model, twin = network(), network()
    parameters = list(model.parameters())
    vector = flattened(parameters)
    optimizer = AdamWScheduleFree([vector], lr=0.01)
    optimizer.train()
    for step in range(3):
        optimizer.zero_grad(set_to_none=False)
        assert_views(vector, parameters)
        loss_of(model, step).backward()
        assert_views(vector, parameters)
        assert float(vector.grad.norm()) > 0
        optimizer.step()
        assert_views(vector, parameters)
    model.load_state_dict(twin.state_dict())
    assert_views(vector, parameters)
    assert torch.equal(vector.detach(), nn.utils.parameters_to_vector(twin.parameters()).detach())
    saved = copy.deepcopy(optimizer.state_dict())
    optimizer.load_state_dict(saved)
    assert_views(vector, parameters)


def test_gradients_are_those_of_single_parameters_and_add_up() -> None:
    model, twin = network(), network()
    vector = flattened(list(model.parameters()))
    for step in range(2):
        loss_of(model, step).backward()
        loss_of(twin, step).backward()
    torch.testing.assert_close(vector.grad, torch.cat([p.grad.flatten() for p in twin.parameters()]), rtol=0, atol=0)


def test_a_copy_of_the_model_is_on_its_own() -> None:
    model = network()
    vector = flattened(list(model.parameters()))
    loss_of(model).backward()
    before, gradient = vector.detach().clone(), vector.grad.clone()
    other = copy.deepcopy(model)
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), model.parameters(), strict=True))
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    assert torch.equal(vector.detach(), before)
    assert torch.equal(vector.grad, gradient)
    assert_views(vector, list(model.parameters()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_vector_trains_as_its_parts_would(dtype: torch.dtype) -> None:
    model, twin = network().to(dtype), network().to(dtype)
    vector = flattened(list(model.parameters()))
    settings = {"lr": 0.02, "betas": (0.9, 0.99), "weight_decay": 0.01, "warmup_steps": 5}
    whole, single = AdamWScheduleFree([vector], **settings), AdamWScheduleFree(list(twin.parameters()), **settings)
    for optimizer in (whole, single):
        optimizer.train()
    x = torch.randn(30, 16, 3, dtype=dtype, generator=generator(1, "data"))
    for step in range(30):
        norms = []
        for net, optimizer, trained in ((model, whole, [vector]), (twin, single, list(twin.parameters()))):
            optimizer.zero_grad(set_to_none=False)
            (net(x[step])[:, 0] - x[step].prod(1)).square().mean().backward()
            norms.append(nn.utils.clip_grad_norm_(trained, 0.5))
            optimizer.step()
        torch.testing.assert_close(norms[0], norms[1])
    for optimizer in (whole, single):
        optimizer.eval()
    exact = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(
        vector.detach(), nn.utils.parameters_to_vector(twin.parameters()).detach(), rtol=exact, atol=exact
    )


@pytest.mark.parametrize("limit", [1e-3, 0.1, 100.0])
def test_clipping_the_vector_clips_its_parts(limit: float) -> None:
    model, twin = network(), network()
    parameters = list(model.parameters())
    vector = flattened(parameters)
    loss_of(model).backward()
    loss_of(twin).backward()
    norm = nn.utils.clip_grad_norm_([vector], limit)
    torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(twin.parameters(), limit))
    for parameter, single in zip(parameters, twin.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, single.grad, rtol=1e-6, atol=1e-9)
    assert_views(vector, parameters)


def grey_box() -> tuple[DiscoveryModel, list[AdamWScheduleFree]]:
    settings = nest(map(parse_assignment, SETTINGS))
    config = resolve(apply_settings(preset_named("small"), settings)).config
    model = build_model(config)
    return model, build_optimizers(model, config.optimizer)


def step_of(model: DiscoveryModel, optimizers: list[AdamWScheduleFree], step: int) -> None:
    for i, parameter in enumerate(model.parameters()):
        assert parameter.grad is not None
        parameter.grad.copy_(torch.randn(parameter.shape, generator=generator(step, "gradient", i)))
    for optimizer in optimizers:
        optimizer.step()


def state_of(model: DiscoveryModel, optimizers: list[AdamWScheduleFree]) -> list[Tensor]:
    states = [value for optimizer in optimizers for state in optimizer.state.values() for value in state.values()]
    gradients = [parameter.grad for parameter in model.parameters()]
    return [tensor.detach().clone() for tensor in (*model.state_dict().values(), *gradients, *states)]


def test_every_parameter_of_a_model_is_trained_by_one_of_two_vectors() -> None:
    model, optimizers = grey_box()
    vectors = [vector for optimizer in optimizers for vector in optimizer.param_groups[0]["params"]]
    assert len(vectors) == 2
    own = {id(parameter) for parameter in model.synth.sound_parameters()}
    assert_views(vectors[0], [parameter for parameter in model.parameters() if id(parameter) not in own])
    assert_views(vectors[1], model.synth.sound_parameters())


def test_averaging_leaves_training_as_it_was_to_the_bit() -> None:
    (model, optimizers), (twin, their_optimizers) = grey_box(), grey_box()
    for step in range(6):
        step_of(model, optimizers, step)
        step_of(twin, their_optimizers, step)
        averaged = averaged_model(model, optimizers)
        assert all(optimizer.param_groups[0]["train_mode"] for optimizer in optimizers)
        for mine, theirs in zip(state_of(model, optimizers), state_of(twin, their_optimizers), strict=True):
            assert torch.equal(mine, theirs)
        if step > 1:
            assert not torch.equal(*map(nn.utils.parameters_to_vector, (averaged.parameters(), model.parameters())))
    for optimizer in optimizers:
        optimizer.eval()
    assert all(torch.equal(a, b) for a, b in zip(averaged.parameters(), model.parameters(), strict=True))
