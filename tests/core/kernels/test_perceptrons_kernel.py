"""Perceptrons side by side against the same by torch operations."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.encoder.perceptrons import N_PARAMETERS, perceptrons, perceptrons_reference
from core.seeding import generator, initialise
from tests.core.kernels.closeness import (
    Function,
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
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
    with torch.no_grad():
        for i, network in enumerate(networks):
            network[1].weight.fill_(slope)
            network[3].weight.fill_(slope + 0.1 * i)
    return networks


def by_parameters(function: Function, networks: list[nn.Sequential]) -> Function:
    """The function of the rows and all parameters, so that its gradients are those of all of them."""

    def call(x: Tensor, *parameters: Tensor) -> Tensor:
        copies = []
        for i, network in enumerate(networks):
            layers = [nn.Module() if isinstance(layer, nn.Linear) else nn.PReLU() for layer in network]
            values = iter(parameters[i * N_PARAMETERS : (i + 1) * N_PARAMETERS])
            for layer in layers:
                for name in ("weight",) if isinstance(layer, nn.PReLU) else ("weight", "bias"):
                    if name in layer._parameters:
                        del layer._parameters[name]
                    # As a parameter it would be a leaf of its own.
                    layer._parameters[name] = next(values)
            copies.append(nn.Sequential(*layers))
        return function(x, copies)

    return call


def inputs_of(networks: list[nn.Sequential], rows: int, dtype: torch.dtype) -> list[Tensor]:
    n_in = networks[0][0].in_features
    x = torch.randn(len(networks), rows, n_in, dtype=torch.float64, generator=generator(rows, "rows"))
    parameters = (parameter.detach() for network in networks for parameter in network.parameters())
    return [tensor.to(dtype) for tensor in (x, *parameters)]


def assert_equals_reference(networks: list[nn.Sequential], rows: int, dtype: torch.dtype) -> None:
    assert_as_exact_as_reference(
        by_parameters(perceptrons, networks),
        by_parameters(perceptrons_reference, networks),
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
def test_kernel_equals_its_reference_at_any_size(
    n: int, rows: int, n_in: int, middle: int, n_out: int, dtype: torch.dtype
) -> None:
    assert_equals_reference(networks_of(n, n_in, middle, n_out), rows, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("slope", [-0.5, 0.0, 1.0, 3.0])
def test_any_slope_equals_the_reference(slope: float, dtype: torch.dtype) -> None:
    assert_equals_reference(networks_of(3, 32, 16, 1, slope), 129, dtype)


def test_gradient_equals_finite_differences() -> None:
    networks = networks_of(2, 3, 4, 2)
    inputs = [tensor.requires_grad_() for tensor in inputs_of(networks, 5, torch.float64)]
    assert torch.autograd.gradcheck(by_parameters(perceptrons, networks), inputs)


def test_memory_order_does_not_matter() -> None:
    networks = networks_of(2, 6, 5, 3)
    assert_memory_order_does_not_matter(lambda x: perceptrons(x, networks), inputs_of(networks, 11, torch.float32)[:1])


def test_a_row_alone_equals_the_row_among_others() -> None:
    networks = networks_of(2, 6, 5, 3)
    x = inputs_of(networks, 7, torch.float64)[0]
    for network in networks:
        network.double()
    together = perceptrons(x, networks)
    for row in range(7):
        alone = perceptrons(x[:, row : row + 1], networks)
        assert distance(alone.detach(), together[:, row : row + 1].detach()) < 1e-12


def test_what_is_not_a_number_is_not_hidden() -> None:
    networks = networks_of(2, 6, 5, 3)
    x = inputs_of(networks, 4, torch.float32)[0]
    x[0, 2, 1] = torch.nan
    y = perceptrons(x, networks)
    assert bool(y[0, 2].isnan().all())
    assert int(y.isnan().sum()) == 3


def test_gradients_can_be_taken_twice_from_one_forward() -> None:
    networks = networks_of(2, 6, 5, 3)
    x = inputs_of(networks, 9, torch.float32)[0].requires_grad_()
    total = perceptrons(x, networks).square().sum()
    first, second = (torch.autograd.grad(total, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_a_second_derivative_is_refused() -> None:
    networks = networks_of(1, 3, 4, 1)
    x = inputs_of(networks, 5, torch.float32)[0].requires_grad_()
    (gradient,) = torch.autograd.grad(perceptrons(x, networks).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
