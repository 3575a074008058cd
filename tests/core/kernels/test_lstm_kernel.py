"""The LSTMs in one pass against torch's, one after the other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.encoder import recurrence
from core.encoder.recurrence import WIDEST, bidirectional_lstms, bidirectional_lstms_reference
from core.seeding import generator, initialise
from tests.core.kernels.closeness import (
    assert_as_exact_as_reference,
    assert_memory_order_does_not_matter,
    distance,
    value_and_gradients,
)


def lstms_of(n: int, width: int, hidden: int, seed: int, scale: float = 1.0) -> list[nn.LSTM]:
    lstms = [nn.LSTM(width, hidden, batch_first=True, bidirectional=True) for _ in range(n)]
    initialise(nn.ModuleList(lstms), seed)
    with torch.no_grad():
        for lstm in lstms:
            for parameter in lstm.parameters():
                parameter.mul_(scale)
    return lstms


def latent_of(batch: int, n_frames: int, width: int, seed: int) -> Tensor:
    return torch.randn(batch, n_frames, width, generator=generator(seed, "latent"))


def by_parameters(function, lstms: list[nn.LSTM]):
    """The function of latent and all parameters, so that its gradients are those of all of them."""
    names = [name for name, _ in lstms[0].named_parameters()]

    def call(latent: Tensor, *parameters: Tensor) -> Tensor:
        copies = []
        for i, lstm in enumerate(lstms):
            copy = nn.LSTM(lstm.input_size, lstm.hidden_size, batch_first=True, bidirectional=True)
            for name, value in zip(names, parameters[i * len(names) :], strict=False):
                delattr(copy, name)
                setattr(copy, name, value)
            copy._flat_weights = [getattr(copy, name) for name in copy._flat_weights_names]
            copies.append(copy)
        return function(latent, copies)

    return call


def inputs_of(lstms: list[nn.LSTM], latent: Tensor) -> list[Tensor]:
    return [latent, *(parameter.detach() for lstm in lstms for parameter in lstm.parameters())]


def assert_equals_torch(lstms: list[nn.LSTM], latent: Tensor) -> None:
    assert_as_exact_as_reference(
        by_parameters(bidirectional_lstms, lstms),
        by_parameters(bidirectional_lstms_reference, lstms),
        inputs_of(lstms, latent),
    )


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 40), st.integers(1, 20), st.integers(1, WIDEST))
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_torch_at_any_size(n: int, batch: int, n_frames: int, width: int, hidden: int) -> None:
    assert_equals_torch(lstms_of(n, width, hidden, hidden), latent_of(batch, n_frames, width, n_frames))


@pytest.mark.parametrize("hidden", [1, 2, 3, 4, 5, 31, 32])
@pytest.mark.parametrize(("batch", "n_frames"), [(1, 1), (1, 2), (3, 1), (2, 33)])
def test_kernel_equals_torch_at_the_limits_of_its_sizes(hidden: int, batch: int, n_frames: int) -> None:
    assert_equals_torch(lstms_of(3, 7, hidden, 1), latent_of(batch, n_frames, 7, 2))


@pytest.mark.parametrize("scale", [0.0, 30.0, 1e4])
def test_saturated_gates_and_no_weights_at_all_equal_torch(scale: float) -> None:
    lstms = lstms_of(2, 5, 6, 3, scale)
    latent = latent_of(2, 20, 5, 4)
    found, expected = (
        function(latent, lstms).detach() for function in (bidirectional_lstms, bidirectional_lstms_reference)
    )
    exact = bidirectional_lstms_reference(latent.double(), [lstm.double() for lstm in lstms]).detach()
    # Weights this large magnify rounding from frame to frame.
    assert distance(found, exact) <= max(10 * distance(expected, exact), 1e-5)


def test_a_sigmoid_is_exact_to_a_few_units_in_the_last_place() -> None:
    # One frame, no weights of the states: the output is sigmoid(o) tanh(sigmoid(i) tanh(g)), here sigmoid(x) tanh(1).
    x = torch.linspace(-80, 80, 4001)
    lstm = lstms_of(1, 1, 1, 0)[0]
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(torch.tensor([0.0, 0.0, 0.0, 1.0])[:, None])
        lstm.bias_ih_l0.copy_(torch.tensor([100.0, 0.0, 100.0, 0.0]))
        lstm.bias_hh_l0.zero_()
    found = bidirectional_lstms(x[:, None, None], [lstm])[0, :, 0, 0].detach()
    expected = torch.sigmoid(x.double()) * torch.tanh(torch.tensor(1.0).double())
    assert float(((found - expected) / expected).abs().max()) < 1e-6


def test_wider_lstms_and_float64_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the kernel was used")

    monkeypatch.setattr(recurrence._Recurrence, "apply", refuse)
    for hidden, dtype in ((WIDEST + 1, torch.float32), (8, torch.float64)):
        lstms = [lstm.to(dtype) for lstm in lstms_of(2, 5, hidden, 5)]
        latent = latent_of(2, 9, 5, 6).to(dtype)
        found = bidirectional_lstms(latent, lstms)
        assert all(torch.equal(a, lstm(latent)[0]) for a, lstm in zip(found, lstms, strict=True))
    with pytest.raises(AssertionError, match="the kernel was used"):
        bidirectional_lstms(latent_of(2, 9, 5, 6), lstms_of(2, 5, WIDEST, 5))


def test_gradient_equals_finite_differences() -> None:
    lstms, latent = lstms_of(1, 3, 3, 7), latent_of(1, 4, 3, 8)
    function = by_parameters(bidirectional_lstms, lstms)
    inputs = inputs_of(lstms, latent)
    exact = by_parameters(bidirectional_lstms_reference, lstms)
    doubles = [tensor.double().requires_grad_() for tensor in inputs]
    assert torch.autograd.gradcheck(exact, doubles)
    # The kernel is float32 only, so its gradient is compared with the one just checked.
    for found, truth in zip(value_and_gradients(function, inputs), value_and_gradients(exact, doubles), strict=True):
        assert distance(found, truth) < 1e-5


def test_memory_order_does_not_matter() -> None:
    lstms = lstms_of(2, 6, 5, 9)
    latent = latent_of(3, 11, 6, 10)
    assert_memory_order_does_not_matter(lambda latent: bidirectional_lstms(latent, lstms), (latent,))


def test_a_clip_alone_equals_the_clip_in_a_batch() -> None:
    lstms, latent = lstms_of(2, 6, 5, 11), latent_of(4, 30, 6, 12)
    pull = torch.randn(2, 4, 30, 10, generator=generator(4, "pull"))
    together = value_and_gradients(lambda x: bidirectional_lstms(x, lstms), (latent,), pull)
    for clip in range(4):
        i = slice(clip, clip + 1)
        alone = value_and_gradients(lambda x: bidirectional_lstms(x, lstms), (latent[i],), pull[:, i])
        # The inputs' matrix product is the library's, which may sum in another order for another size.
        torch.testing.assert_close(alone[0], together[0][:, i], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(alone[1], together[1][i], atol=1e-6, rtol=1e-5)


def test_a_frame_that_is_not_a_number_is_not_hidden() -> None:
    latent = latent_of(2, 9, 6, 13)
    latent[0, 4, 2] = torch.nan
    for states in bidirectional_lstms(latent, lstms_of(2, 6, 5, 13)):
        assert bool(states[0, 4:, :5].isnan().all())
        assert bool(states[0, :5, 5:].isnan().all())
        assert bool(states[1].isfinite().all())


def test_a_second_derivative_is_refused() -> None:
    latent = latent_of(1, 5, 6, 14).requires_grad_()
    (gradient,) = torch.autograd.grad(
        bidirectional_lstms(latent, lstms_of(1, 6, 5, 14))[0].square().sum(), latent, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
