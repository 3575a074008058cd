"""LSTMs: the kernel for all directions against torch.nn.LSTM, values and gradients."""

from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.ops import lstm
from core.ops.lstm import MAX_HIDDEN, bidirectional_lstms, bidirectional_lstms_reference
from core.seeding import generator, initialise
from tests.support.closeness import (
    Function,
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    distance,
    value_and_grads,
)


def lstms_of(n: int, width: int, hidden: int, seed: int, scale: float = 1.0) -> list[nn.LSTM]:
    lstms = [nn.LSTM(width, hidden, batch_first=True, bidirectional=True) for _ in range(n)]
    initialise(nn.ModuleList(lstms), seed)
    with torch.no_grad():
        for parameter in nn.ModuleList(lstms).parameters():
            parameter.mul_(scale)
    return lstms


def latent_of(batch: int, n_frames: int, width: int, seed: int) -> Tensor:
    return torch.randn(batch, n_frames, width, generator=generator(seed, "latent"))


def with_parameters(function: Callable[[Tensor, Sequence[nn.LSTM]], Tensor], lstms: list[nn.LSTM]) -> Function:
    """`function` as a function of the latent and all parameters, for gradients of all of them."""
    names = [name for name, _ in lstms[0].named_parameters()]

    def call(latent: Tensor, *parameters: Tensor) -> Tensor:
        copies = []
        for i, original in enumerate(lstms):
            copy = nn.LSTM(original.input_size, original.hidden_size, batch_first=True, bidirectional=True)
            for name, value in zip(names, parameters[i * len(names) :], strict=False):
                delattr(copy, name)
                setattr(copy, name, value)
            copy._flat_weights = [getattr(copy, name) for name in copy._flat_weights_names]
            copies.append(copy)
        return function(latent, copies)

    return call


def inputs_of(lstms: list[nn.LSTM], latent: Tensor) -> list[Tensor]:
    return [latent, *(parameter.detach() for parameter in nn.ModuleList(lstms).parameters())]


def assert_equals_torch(lstms: list[nn.LSTM], latent: Tensor) -> None:
    assert_as_exact_as_reference(
        with_parameters(bidirectional_lstms, lstms),
        with_parameters(bidirectional_lstms_reference, lstms),
        inputs_of(lstms, latent),
    )


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 40), st.integers(1, 20), st.integers(1, MAX_HIDDEN))
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_torch_at_any_size(n: int, batch: int, n_frames: int, width: int, hidden: int) -> None:
    assert_equals_torch(lstms_of(n, width, hidden, hidden), latent_of(batch, n_frames, width, n_frames))


@pytest.mark.parametrize("hidden", [1, 2, 3, 4, 5, 31, 32])
@pytest.mark.parametrize(("batch", "n_frames"), [(1, 1), (1, 2), (3, 1), (2, 33)])
def test_kernel_equals_torch_at_the_limits_of_size(hidden: int, batch: int, n_frames: int) -> None:
    assert_equals_torch(lstms_of(3, 7, hidden, 1), latent_of(batch, n_frames, 7, 2))


@pytest.mark.parametrize("scale", [0.0, 30.0, 1e4])
def test_kernel_equals_torch_for_saturated_gates_and_zero_weights(scale: float) -> None:
    lstms = lstms_of(2, 5, 6, 3, scale)
    latent = latent_of(2, 20, 5, 4)
    result, expected = (
        function(latent, lstms).detach() for function in (bidirectional_lstms, bidirectional_lstms_reference)
    )
    exact = bidirectional_lstms_reference(latent.double(), [one.double() for one in lstms]).detach()
    # Weights this large amplify rounding errors from frame to frame.
    assert distance(result, exact) <= max(10 * distance(expected, exact), 1e-5)


def test_sigmoid_has_a_relative_error_below_1e_6() -> None:
    # For one frame the output is sigmoid(o) tanh(sigmoid(i) tanh(g)), with these parameters sigmoid(x) tanh(1).
    x = torch.linspace(-80, 80, 4001)
    (single,) = lstms_of(1, 1, 1, 0)
    values = {"weight_ih_l0": [[0.0], [0.0], [0.0], [1.0]], "bias_ih_l0": [100.0, 0.0, 100.0, 0.0]}
    single.load_state_dict({name: torch.tensor(value) for name, value in values.items()}, strict=False)
    torch.nn.init.zeros_(dict(single.named_parameters())["bias_hh_l0"])
    result = bidirectional_lstms(x[:, None, None], [single])[0, :, 0, 0].detach()
    expected = torch.sigmoid(x.double()) * torch.tanh(torch.tensor(1.0).double())
    assert float(((result - expected) / expected).abs().max()) < 1e-6


def test_torch_computes_wider_lstms_and_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the kernel was used")

    monkeypatch.setattr(lstm._BidirectionalLstms, "apply", fail)
    for hidden, dtype in ((MAX_HIDDEN + 1, torch.float32), (8, torch.float64)):
        lstms = [one.to(dtype) for one in lstms_of(2, 5, hidden, 5)]
        latent = latent_of(2, 9, 5, 6).to(dtype)
        outputs = bidirectional_lstms(latent, lstms)
        assert_same_bits(list(outputs), [one(latent)[0] for one in lstms])
    with pytest.raises(AssertionError, match="the kernel was used"):
        bidirectional_lstms(latent_of(2, 9, 5, 6), lstms_of(2, 5, MAX_HIDDEN, 5))


def test_first_and_second_derivatives_of_the_reference_equal_finite_differences() -> None:
    lstms, latent = lstms_of(1, 2, 2, 7), latent_of(1, 3, 2, 8)
    doubles = [tensor.double() for tensor in inputs_of(lstms, latent)]
    assert_twice_differentiable(with_parameters(bidirectional_lstms_reference, lstms), doubles)


def test_second_derivative_of_the_kernel_equals_that_of_the_reference() -> None:
    # The kernel is float32 only, so finite differences cannot check it; the reference in float64 can.
    lstms, latent = lstms_of(2, 3, 5, 7), latent_of(2, 6, 3, 8)
    inputs = inputs_of(lstms, latent)

    def squared_grads(function: Callable[[Tensor, Sequence[nn.LSTM]], Tensor]) -> Function:
        def call(*leaves: Tensor) -> Tensor:
            loss = with_parameters(function, lstms)(*leaves).square().sum()
            return torch.stack([grad.square().sum() for grad in torch.autograd.grad(loss, leaves, create_graph=True)])

        return call

    results = value_and_grads(squared_grads(bidirectional_lstms), inputs)
    expected = value_and_grads(squared_grads(bidirectional_lstms_reference), [tensor.double() for tensor in inputs])
    for result, exact in zip(results, expected, strict=True):
        assert distance(result, exact) < 1e-5


def test_result_does_not_depend_on_memory_layout() -> None:
    lstms = lstms_of(2, 6, 5, 9)
    latent = latent_of(3, 11, 6, 10)
    assert_independent_of_memory_layout(lambda latent: bidirectional_lstms(latent, lstms), (latent,))


def test_clip_has_the_same_result_alone_and_in_a_batch() -> None:
    lstms, latent = lstms_of(2, 6, 5, 11), latent_of(4, 30, 6, 12)
    grad_output = torch.randn(2, 4, 30, 10, generator=generator(4, "gradient"))
    batched = value_and_grads(lambda x: bidirectional_lstms(x, lstms), (latent,), grad_output)
    for clip in range(4):
        i = slice(clip, clip + 1)
        single = value_and_grads(lambda x: bidirectional_lstms(x, lstms), (latent[i],), grad_output[:, i])
        # Matrix products of another size may sum in another order.
        torch.testing.assert_close(single[0], batched[0][:, i], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(single[1], batched[1][i], atol=1e-6, rtol=1e-5)


def test_nan_propagates_in_both_directions() -> None:
    latent = latent_of(2, 9, 6, 13)
    latent[0, 4, 2] = torch.nan
    for states in bidirectional_lstms(latent, lstms_of(2, 6, 5, 13)):
        assert bool(states[0, 4:, :5].isnan().all())
        assert bool(states[0, :5, 5:].isnan().all())
        assert bool(states[1].isfinite().all())
