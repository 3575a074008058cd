"""The encoder's convolution against torch's "same", whatever order of work it chooses."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.encoder import convolution
from core.encoder.convolution import SHORTEST_PHASE, same_conv2d
from core.seeding import generator
from tests.core.kernels.closeness import (
    assert_as_exact_as_reference,
    distance,
    value_and_gradients,
)

FLOATS = (torch.float32, torch.float64)


def inputs_of(
    batch: int, channels: tuple[int, int], n_mels: int, n_frames: int, kernel: tuple[int, int], dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    draw = generator(n_frames, "convolution")
    x = torch.randn(batch, channels[0], n_mels, n_frames, dtype=torch.float64, generator=draw)
    weight = torch.randn(channels[1], channels[0], *kernel, dtype=torch.float64, generator=draw)
    bias = torch.randn(channels[1], dtype=torch.float64, generator=draw)
    return x.to(dtype), weight.to(dtype), bias.to(dtype)


def same(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    return F.conv2d(x, weight, bias, padding="same", dilation=(1, dilation))


def assert_equals_torch(inputs: tuple[Tensor, Tensor, Tensor], dilation: int) -> None:
    assert_as_exact_as_reference(
        lambda *tensors: same_conv2d(*tensors, dilation), lambda *tensors: same(*tensors, dilation), inputs
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("dilation", [1, 2, 3, 4, 8, 16, 31, 32, 64, 128])
def test_convolution_equals_torch_s_for_any_dilation(dilation: int, dtype: torch.dtype) -> None:
    # Around the length from which a dilation is taken apart, with and without a rest; and shorter than the dilation.
    shortest = (SHORTEST_PHASE - 1) * dilation
    for n_frames in {max(1, dilation - 1), dilation + 1, shortest, shortest + 1, shortest + dilation}:
        assert_equals_torch(inputs_of(1, (2, 3), 3, n_frames, (3, 5), dtype), dilation)


@given(
    st.integers(1, 3),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.integers(1, 6),
    st.integers(1, 200),
    st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5, 13])),
    st.integers(1, 20),
    st.sampled_from(FLOATS),
)
@settings(max_examples=25, derandomize=True)
def test_convolution_equals_torch_s_at_any_size(
    batch: int,
    channels: tuple[int, int],
    n_mels: int,
    n_frames: int,
    kernel: tuple[int, int],
    dilation: int,
    dtype: torch.dtype,
) -> None:
    assert_equals_torch(inputs_of(batch, channels, n_mels, n_frames, kernel, dtype), dilation)


@pytest.mark.parametrize("n_frames", [20, 21, 23])
def test_both_orders_of_work_agree_and_have_gradients_equal_to_finite_differences(
    n_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = inputs_of(2, (2, 2), 3, n_frames, (3, 3), torch.float64)
    whole = value_and_gradients(lambda *tensors: same_conv2d(*tensors, 4), inputs)
    monkeypatch.setattr(convolution, "SHORTEST_PHASE", 2)
    apart = value_and_gradients(lambda *tensors: same_conv2d(*tensors, 4), inputs)
    assert all(distance(a, b) < 1e-12 for a, b in zip(apart, whole, strict=True))
    leaves = [tensor.requires_grad_() for tensor in inputs]
    assert torch.autograd.gradcheck(lambda *tensors: same_conv2d(*tensors, 4), leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda *tensors: same_conv2d(*tensors, 4), leaves, fast_mode=True)


@pytest.mark.parametrize("dilation", [1, 3])
def test_memory_order_changes_rounding_at_most(dilation: int) -> None:
    x, weight, bias = inputs_of(2, (4, 5), 6, 50, (3, 5), torch.float32)
    plain = same_conv2d(x, weight, bias, dilation)
    for other in (
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        torch.stack([x, x], -1)[..., 1],
    ):
        torch.testing.assert_close(same_conv2d(other, weight, bias, dilation), plain)


def half(tensor: Tensor) -> Tensor:
    return tensor.bfloat16().float()


def assert_same_but_for_last_bits_of_bfloat16(found: Tensor, expected: Tensor) -> None:
    """float32 sums in another order may round to a neighbour, now and then."""
    assert torch.equal(found, half(found))
    assert float((found == expected).float().mean()) > 0.95
    scale = expected.abs().clamp_min(float(expected.abs().max()) * 1e-3)
    assert float(((found - expected).abs() / scale).max()) <= 2**-7


@pytest.mark.parametrize(("dilation", "n_frames"), [(1, 40), (3, 40), (8, 40)])
def test_bf16_rounds_operands_results_and_gradients_around_float32_sums(
    dilation: int, n_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "has_bf16_units", lambda _: False)
    x, weight, bias = inputs_of(2, (4, 5), 6, n_frames, (3, 5), torch.float32)
    pull = torch.randn(2, 5, 6, n_frames, generator=generator(1, "pull"))
    found = value_and_gradients(lambda *tensors: same_conv2d(*tensors, dilation, "bf16"), (x, weight, bias), pull)
    expected = value_and_gradients(lambda *tensors: same(*tensors, dilation), (half(x), half(weight), bias), half(pull))
    for result, exact in zip(found[:3], expected[:3], strict=True):
        assert_same_but_for_last_bits_of_bfloat16(result, half(exact))
    torch.testing.assert_close(found[3], expected[3], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("units", [False, True])
@pytest.mark.parametrize("dilation", [1, 3])
def test_bf16_costs_less_than_a_hundredth(dilation: int, units: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "has_bf16_units", lambda _: units)
    inputs = inputs_of(2, (8, 8), 6, 60, (3, 5), torch.float32)
    rough = value_and_gradients(lambda *tensors: same_conv2d(*tensors, dilation, "bf16"), inputs)
    fine = value_and_gradients(lambda *tensors: same_conv2d(*tensors, dilation), inputs)
    for a, b in zip(rough, fine, strict=True):
        assert a.dtype == torch.float32
        assert float((a - b).norm() / b.norm()) < 1e-2
    assert not torch.equal(rough[0], fine[0])
