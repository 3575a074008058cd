"""Flat parameter vectors: parameters remain views, and train exactly as separate tensors."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from schedulefree import AdamWScheduleFree
from torch import Tensor, nn

from core.seeding import generator
from core.settings.optimizers import ScheduleFreeConfig
from core.training.model import DiscoveryModel, build_model
from core.training.optimizers import FlatAdamW, averaged_model, build_optimizers, compute_gradients, flattened
from tests.support.configs import GREY_BOX, tiny


def network() -> nn.Sequential:
    """A small network, always with the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 7), nn.PReLU(), nn.Linear(7, 5), nn.LayerNorm(5), nn.Linear(5, 1))


def loss_of(model: nn.Module, step: int = 0) -> Tensor:
    x = torch.randn(16, 3, generator=generator(step, "batch"))
    loss: Tensor = (model(x)[:, 0] - x.prod(1)).square().mean()
    return loss


def vector_of(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def gradient_of(parameters: Sequence[nn.Parameter]) -> Tensor:
    gradients = [parameter.grad for parameter in parameters]
    return torch.cat([gradient.flatten() for gradient in gradients if gradient is not None])


def parts_of(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    sizes = [tensor.numel() for tensor in like]
    return [part.view_as(tensor) for part, tensor in zip(torch.split(vector, sizes), like, strict=True)]


def assert_views(vector: nn.Parameter, parameters: Sequence[nn.Parameter]) -> None:
    """Each parameter lies in the vector's memory, at its place."""
    for part, parameter in zip(parts_of(vector.detach(), parameters), parameters, strict=True):
        assert part.data_ptr() == parameter.data_ptr()
        assert part.stride() == parameter.stride()
        assert torch.equal(part, parameter.detach())


def optimizer_of(model: nn.Module, **settings: Any) -> FlatAdamW:
    return FlatAdamW(list(model.parameters()), ScheduleFreeConfig(**settings), lr=0.01)


class TestVector:
    def test_parameters_have_the_same_numbers_as_before(self) -> None:
        model = network()
        before = copy.deepcopy(model.state_dict())
        vector = flattened(list(model.parameters()))
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert vector.numel() == sum(value.numel() for value in before.values())
        assert_views(vector, list(model.parameters()))

    def test_parameters_stay_views_through_all_that_a_trial_does(self) -> None:
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
        assert torch.equal(vector.detach(), vector_of(list(twin.parameters())))
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        assert optimizer.trained[0] is vector
        assert_views(vector, optimizer.parameters)

    def test_copy_of_the_model_is_on_its_own(self) -> None:
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
    def test_vector_trains_as_its_parts_would(self, dtype: torch.dtype) -> None:
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
        expected = vector_of(list(twin.parameters()))
        torch.testing.assert_close(whole.trained[0].detach(), expected, rtol=exact, atol=exact)


class TestGradients:
    def test_parameter_without_influence_on_the_loss_has_the_gradient_zero(self) -> None:
        model = network()
        optimizer = optimizer_of(model)
        compute_gradients(model[0](torch.ones(2, 3)).square().mean(), [optimizer], 100.0)
        gradients = parts_of(gradient_of(optimizer.trained), optimizer.parameters)
        assert [float(gradient.abs().max()) > 0 for gradient in gradients] == [True, True] + 7 * [False]

    def test_gradients_replace_those_of_the_step_before(self) -> None:
        model, twin = network(), network()
        optimizer = optimizer_of(model)
        for step in range(2):
            compute_gradients(loss_of(model, step), [optimizer], 100.0)
            twin.zero_grad()
            torch.autograd.backward(loss_of(twin, step))
            torch.testing.assert_close(gradient_of(optimizer.trained), gradient_of(list(twin.parameters())))

    @pytest.mark.parametrize("limit", [1e-3, 0.1, 100.0])
    def test_clipping_limits_the_norm_over_all_optimizers(self, limit: float) -> None:
        model, twin = network(), network()
        first, second = list(model[:3].parameters()), list(model[3:].parameters())
        optimizers = [FlatAdamW(parameters, ScheduleFreeConfig(), lr=0.01) for parameters in (first, second)]
        compute_gradients(loss_of(model), optimizers, limit)
        torch.autograd.backward(loss_of(twin))
        nn.utils.clip_grad_norm_(twin.parameters(), limit)
        found = gradient_of([vector for optimizer in optimizers for vector in optimizer.trained])
        torch.testing.assert_close(found, gradient_of(list(twin.parameters())))

    def test_clipping_by_optimizer_limits_the_norm_of_each_on_its_own(self) -> None:
        model, twin = network(), network()
        groups = [(net[:3].parameters(), net[3:].parameters()) for net in (model, twin)]
        (first, second), twins = ([list(group) for group in pair] for pair in groups)
        optimizers = [FlatAdamW(parameters, ScheduleFreeConfig(), lr=0.01) for parameters in (first, second)]
        torch.autograd.backward(loss_of(twin))
        norms = [float(gradient_of(parameters).norm()) for parameters in twins]
        limit = sum(norms) / 2
        compute_gradients(loss_of(model), optimizers, limit, "optimizer")
        for optimizer, parameters, norm in zip(optimizers, twins, norms, strict=True):
            clipped = gradient_of(parameters) * min(1.0, limit / norm)
            torch.testing.assert_close(gradient_of(optimizer.trained), clipped)
        assert min(norms) < limit < max(norms)


def trained_model(*assignments: str) -> tuple[DiscoveryModel, list[FlatAdamW]]:
    config = tiny(*assignments)
    model = build_model(config)
    return model, build_optimizers(model, config.optimizer)


def take_step(optimizers: Sequence[FlatAdamW], step: int) -> None:
    for i, optimizer in enumerate(optimizers):
        draw = generator(step, "gradient", i)
        optimizer.set_gradients([torch.randn(parameter.shape, generator=draw) for parameter in optimizer.parameters])
        optimizer.step()


def state_of(model: DiscoveryModel, optimizers: Sequence[FlatAdamW]) -> list[Tensor]:
    states = [value for optimizer in optimizers for state in optimizer.state.values() for value in state.values()]
    return [tensor.detach().clone() for tensor in (*model.state_dict().values(), *states)]


class TestModel:
    def test_every_parameter_is_trained_by_one_of_two_vectors(self) -> None:
        model, optimizers = trained_model(*GREY_BOX)
        vectors = [vector for optimizer in optimizers for vector in optimizer.trained]
        assert len(vectors) == 2
        own = {id(parameter) for parameter in model.synth.sound_parameters()}
        assert_views(vectors[0], [parameter for parameter in model.parameters() if id(parameter) not in own])
        assert_views(vectors[1], model.synth.sound_parameters())

    def test_model_without_parameters_has_no_optimizer(self) -> None:
        assert trained_model("parameterization.kind=constant")[1] == []

    def test_averaging_leaves_training_as_it_was_to_the_bit(self) -> None:
        (model, optimizers), (twin, their_optimizers) = trained_model(*GREY_BOX), trained_model(*GREY_BOX)
        for step in range(6):
            take_step(optimizers, step)
            take_step(their_optimizers, step)
            averaged = averaged_model(model, optimizers)
            assert all(optimizer.param_groups[0]["train_mode"] for optimizer in optimizers)
            for mine, theirs in zip(state_of(model, optimizers), state_of(twin, their_optimizers), strict=True):
                assert torch.equal(mine, theirs)
            if step > 1:
                assert not torch.equal(vector_of(list(averaged.parameters())), vector_of(list(model.parameters())))
        for optimizer in optimizers:
            optimizer.eval()
        assert all(torch.equal(a, b) for a, b in zip(averaged.parameters(), model.parameters(), strict=True))

    def test_averaged_copy_has_the_average_of_schedule_free(self) -> None:
        model, (optimizer,) = trained_model()
        optimizer.set_gradients([torch.ones_like(parameter) for parameter in optimizer.parameters])
        # After a single step the average is that step's weights.
        for _ in range(3):
            optimizer.step()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        averaged = averaged_model(model, [optimizer])
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        ((vector, state),) = optimizer.state.items()
        mean = vector_of(list(averaged.parameters()))
        torch.testing.assert_close(mean, torch.lerp(vector.detach(), state["z"], 1 - 1 / 0.9))
        assert not torch.equal(mean, vector.detach())
