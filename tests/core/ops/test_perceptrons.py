"""Perceptrons side by side: the kernel against the reference, values and gradients."""

import copy
from collections.abc import Callable, Sequence
from typing import cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.ops.perceptrons import perceptrons, perceptrons_reference
from core.seeding import generator, initialise
from tests.support.closeness import (
    Function,
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_twice_differentiable,
    distance,
)

FLOATS = (torch.float32, torch.float64)


def networks_of(n: int, n_in: int, middle: int, n_out: int, slope: float = 0.25) -> list[nn.Sequential]:
    networks = [
        nn.Sequential(
            nn.Linear(n_in, middle), nn.PReLU(), nn.Linear(middle, middle), nn.PReLU(), nn.Linear(middle, n_out)
        )
        for _ in range(n)
    ]
    initialise(nn.ModuleList(networks), n_in)
    for i, network in enumerate(networks):
        for j, layer in enumerate(layer for layer in network if isinstance(layer, nn.PReLU)):
            nn.init.constant_(layer.weight, slope + 0.1 * i * j)
    return networks


def with_parameters(
    function: Callable[[Tensor, Sequence[nn.Sequential]], Tensor], networks: list[nn.Sequential]
) -> Function:
    """`function` as a function of the rows and all parameters, for gradients of all of them."""

    def call(x: Tensor, *parameters: Tensor) -> Tensor:
        copies = copy.deepcopy(networks)
        values = iter(parameters)
        for layer in (layer for network in copies for layer in network):
            for name in list(layer._parameters):
                # Assigned as an attribute, a tensor would have to be a leaf.
                layer._parameters[name] = cast(nn.Parameter, next(values))
        return function(x, copies)

    return call


def inputs_of(networks: list[nn.Sequential], rows: int, dtype: torch.dtype) -> list[Tensor]:
    parameters = [parameter.detach() for parameter in nn.ModuleList(networks).parameters()]
    n_in = parameters[0].shape[1]
    x = torch.randn(len(networks), rows, n_in, dtype=torch.float64, generator=generator(rows, "rows"))
    return [tensor.to(dtype) for tensor in (x, *parameters)]


def assert_equals_reference(networks: list[nn.Sequential], rows: int, dtype: torch.dtype) -> None:
    assert_as_exact_as_reference(
        with_parameters(perceptrons, networks),
        with_parameters(perceptrons_reference, networks),
        inputs_of(networks, rows, dtype),
    )


@given(
    st.integers(1, 4),
    st.integers(1, 70),
    st.integers(1, 33),
    st.integers(1, 20),
    st.integers(1, 3),
    st.sampled_from(FLOATS),
)
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    n: int, rows: int, n_in: int, middle: int, n_out: int, dtype: torch.dtype
) -> None:
    assert_equals_reference(networks_of(n, n_in, middle, n_out), rows, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("slope", [-0.5, 0.0, 1.0, 3.0])
def test_kernel_equals_reference_for_any_slope(slope: float, dtype: torch.dtype) -> None:
    assert_equals_reference(networks_of(3, 32, 16, 1, slope), 129, dtype)


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    networks = networks_of(2, 2, 3, 1)
    assert_twice_differentiable(with_parameters(perceptrons, networks), inputs_of(networks, 3, torch.float64))


def test_result_does_not_depend_on_memory_layout() -> None:
    networks = networks_of(2, 6, 5, 3)
    assert_independent_of_memory_layout(lambda x: perceptrons(x, networks), inputs_of(networks, 11, torch.float32)[:1])


def test_row_has_the_same_result_alone_and_among_others() -> None:
    networks = networks_of(2, 6, 5, 3)
    x = inputs_of(networks, 7, torch.float64)[0]
    for network in networks:
        network.double()
    batched = perceptrons(x, networks)
    for row in range(7):
        single = perceptrons(x[:, row : row + 1], networks)
        assert distance(single.detach(), batched[:, row : row + 1].detach()) < 1e-12


def test_nan_stays_in_its_row() -> None:
    networks = networks_of(2, 6, 5, 3)
    x = inputs_of(networks, 4, torch.float32)[0]
    x[0, 2, 1] = torch.nan
    y = perceptrons(x, networks)
    assert bool(y[0, 2].isnan().all())
    assert int(y.isnan().sum()) == 3


def test_backward_can_run_twice_with_retain_graph() -> None:
    networks = networks_of(2, 6, 5, 3)
    x = inputs_of(networks, 9, torch.float32)[0].requires_grad_()
    loss = perceptrons(x, networks).square().sum()
    first, second = (torch.autograd.grad(loss, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
