"""Parameters as parts of one vector: they stay so, and train as they would on their own."""

import copy
from collections.abc import Sequence

import pytest
import torch
from schedulefree import AdamWScheduleFree
from torch import Tensor, nn

from core.seeding import generator
from core.settings.dotted import nest
from core.settings.loading import apply_settings, parse_assignment, preset_named
from core.settings.optimizers import OptimizerConfig
from core.training.model import DiscoveryModel, build_model
from core.training.optimizers import FlatAdamW, averaged_model, build_optimizers, compute_gradients, flattened
from core.training.resolve import resolve

SETTINGS = (
    "audio.duration_s=0.25",
    "audio.hop_length=80",
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
    """Each parameter lies in the vector's memory, at its place."""
    for part, parameter in zip(parts_of(vector.detach(), parameters), parameters, strict=True):
        assert part.data_ptr() == parameter.data_ptr()
        assert part.stride() == parameter.stride()
        assert torch.equal(part, parameter.detach())


def optimizer_of(model: nn.Module, **settings: float) -> FlatAdamW:
    return FlatAdamW(list(model.parameters()), OptimizerConfig(**settings), lr=0.01)


def test_parameters_keep_their_numbers() -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    vector = flattened(list(model.parameters()))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert vector.numel() == sum(value.numel() for value in before.values())
    assert_views(vector, list(model.parameters()))


def test_parameters_stay_views_through_all_that_a_trial_does() -> None:
    model, twin = network(), network()
    optimizer = optimizer_of(model)
    (vector,) = optimizer.trained
    for step in range(3):
        before = vector.detach().clone()
        compute_gradients(loss_of(model, step), [optimizer], 1.0)
        optimizer.step()
        assert_views(vector, optimizer.parameters)
        assert not torch.equal(vector, before)
    model.load_state_dict(twin.state_dict())
    assert_views(vector, optimizer.parameters)
    assert torch.equal(vector.detach(), nn.utils.parameters_to_vector(twin.parameters()).detach())
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert optimizer.trained[0] is vector
    assert_views(vector, optimizer.parameters)


def test_a_parameter_without_a_share_in_the_loss_has_the_gradient_zero() -> None:
    model = network()
    optimizer = optimizer_of(model)
    compute_gradients(model[0](torch.ones(2, 3)).square().mean(), [optimizer], 100.0)
    gradients = parts_of(optimizer.trained[0].grad, optimizer.parameters)
    assert [float(gradient.abs().max()) > 0 for gradient in gradients] == [True, True] + 7 * [False]


def test_gradients_replace_those_of_the_step_before() -> None:
    model, twin = network(), network()
    optimizer = optimizer_of(model)
    for step in range(2):
        compute_gradients(loss_of(model, step), [optimizer], 100.0)
        twin.zero_grad()
        loss_of(twin, step).backward()
        expected = torch.cat([parameter.grad.flatten() for parameter in twin.parameters()])
        torch.testing.assert_close(optimizer.trained[0].grad, expected)


def test_a_copy_of_the_model_is_on_its_own() -> None:
    model = network()
    vector = flattened(list(model.parameters()))
    before = vector.detach().clone()
    other = copy.deepcopy(model)
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), model.parameters(), strict=True))
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    assert torch.equal(vector.detach(), before)
    assert_views(vector, list(model.parameters()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_vector_trains_as_its_parts_would(dtype: torch.dtype) -> None:
    model, twin = network().to(dtype), network().to(dtype)
    whole = optimizer_of(model, weight_decay=0.01, warmup_steps=5, averaging_power=1.0)
    single = AdamWScheduleFree(
        list(twin.parameters()), lr=0.01, betas=(0.9, 0.999), weight_decay=0.01, warmup_steps=5, r=1.0
    )
    single.train()
    x = torch.randn(30, 16, 3, dtype=dtype, generator=generator(1, "data"))
    for step in range(30):
        losses = [(net(x[step])[:, 0] - x[step].prod(1)).square().mean() for net in (model, twin)]
        compute_gradients(losses[0], [whole], 0.5)
        whole.step()
        single.zero_grad()
        losses[1].backward()
        nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        single.step()
    for optimizer in (whole, single):
        optimizer.eval()
    exact = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(
        whole.trained[0].detach(), nn.utils.parameters_to_vector(twin.parameters()).detach(), rtol=exact, atol=exact
    )


@pytest.mark.parametrize("limit", [1e-3, 0.1, 100.0])
def test_clipping_limits_the_norm_over_all_optimizers(limit: float) -> None:
    model, twin = network(), network()
    first, second = list(model[:3].parameters()), list(model[3:].parameters())
    optimizers = [FlatAdamW(parameters, OptimizerConfig(), lr=0.01) for parameters in (first, second)]
    compute_gradients(loss_of(model), optimizers, limit)
    loss_of(twin).backward()
    nn.utils.clip_grad_norm_(twin.parameters(), limit)
    found = torch.cat([optimizer.trained[0].grad for optimizer in optimizers])
    torch.testing.assert_close(found, torch.cat([parameter.grad.flatten() for parameter in twin.parameters()]))


def grey_box() -> tuple[DiscoveryModel, list[FlatAdamW]]:
    settings = nest(map(parse_assignment, SETTINGS))
    config = resolve(apply_settings(preset_named("small"), settings)).config
    model = build_model(config)
    return model, build_optimizers(model, config.optimizer)


def step_of(optimizers: list[FlatAdamW], step: int) -> None:
    for i, optimizer in enumerate(optimizers):
        draw = generator(step, "gradient", i)
        optimizer.take([torch.randn(parameter.shape, generator=draw) for parameter in optimizer.parameters])
        optimizer.step()


def state_of(model: DiscoveryModel, optimizers: list[FlatAdamW]) -> list[Tensor]:
    states = [value for optimizer in optimizers for state in optimizer.state.values() for value in state.values()]
    return [tensor.detach().clone() for tensor in (*model.state_dict().values(), *states)]


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
        step_of(optimizers, step)
        step_of(their_optimizers, step)
        averaged = averaged_model(model, optimizers)
        assert all(optimizer.param_groups[0]["train_mode"] for optimizer in optimizers)
        for mine, theirs in zip(state_of(model, optimizers), state_of(twin, their_optimizers), strict=True):
            assert torch.equal(mine, theirs)
        if step > 1:
            assert not torch.equal(*map(nn.utils.parameters_to_vector, (averaged.parameters(), model.parameters())))
    for optimizer in optimizers:
        optimizer.eval()
    assert all(torch.equal(a, b) for a, b in zip(averaged.parameters(), model.parameters(), strict=True))
