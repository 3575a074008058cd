"""Convolution, directly and by phases, against torch's "same" convolution."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops import convolution
from core.ops.convolution import MIN_PHASE_FRAMES, Precision, same_conv2d
from core.seeding import generator
from tests.support.closeness import (
    Function,
    assert_as_exact_as_reference,
    assert_twice_differentiable,
    distance,
    value_and_grads,
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


def fast(dilation: int, precision: Precision = "fp32") -> Function:
    return lambda x, weight, bias: same_conv2d(x, weight, bias, dilation, precision)


def reference(dilation: int) -> Function:
    return lambda x, weight, bias: F.conv2d(x, weight, bias, padding="same", dilation=(1, dilation))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("dilation", [1, 2, 3, 4, 8, 16, 31, 32, 64, 128])
def test_convolution_equals_torch_for_any_dilation(dilation: int, dtype: torch.dtype) -> None:
    # Around the length from which phases are used, with and without padding, and around the dilation.
    longest_direct = (MIN_PHASE_FRAMES - 1) * dilation
    lengths = {max(1, dilation - 1), dilation + 1, longest_direct, longest_direct + 1, longest_direct + dilation}
    for n_frames in lengths:
        inputs = inputs_of(1, (2, 3), 3, n_frames, (3, 5), dtype)
        assert_as_exact_as_reference(fast(dilation), reference(dilation), inputs)


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
def test_convolution_equals_torch_at_any_size(
    batch: int,
    channels: tuple[int, int],
    n_mels: int,
    n_frames: int,
    kernel: tuple[int, int],
    dilation: int,
    dtype: torch.dtype,
) -> None:
    inputs = inputs_of(batch, channels, n_mels, n_frames, kernel, dtype)
    assert_as_exact_as_reference(fast(dilation), reference(dilation), inputs)


@pytest.mark.parametrize("n_frames", [20, 21, 23])
def test_direct_convolution_and_convolution_by_phases_agree(n_frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = inputs_of(2, (2, 2), 3, n_frames, (3, 3), torch.float64)
    direct = value_and_grads(fast(4), inputs)
    monkeypatch.setattr(convolution, "MIN_PHASE_FRAMES", 2)
    by_phases = value_and_grads(fast(4), inputs)
    assert all(distance(a, b) < 1e-12 for a, b in zip(by_phases, direct, strict=True))


@pytest.mark.parametrize("min_phase_frames", [1, 12])
def test_first_and_second_derivatives_equal_finite_differences(
    min_phase_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "MIN_PHASE_FRAMES", min_phase_frames)
    assert_twice_differentiable(fast(2), inputs_of(1, (1, 2), 2, 5, (1, 3), torch.float64))


@pytest.mark.parametrize("dilation", [1, 3])
def test_memory_layout_changes_the_result_by_rounding_only(dilation: int) -> None:
    x, weight, bias = inputs_of(2, (4, 5), 6, 50, (3, 5), torch.float32)
    contiguous = same_conv2d(x, weight, bias, dilation)
    for strided in (
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        torch.stack([x, x], -1)[..., 1],
    ):
        torch.testing.assert_close(same_conv2d(strided, weight, bias, dilation), contiguous)


def rounded(tensor: Tensor) -> Tensor:
    """The float32 tensor rounded to bfloat16."""
    return tensor.bfloat16().float()


def assert_equal_up_to_the_last_bit_of_bfloat16(result: Tensor, expected: Tensor) -> None:
    """A float32 sum in another order may round to the neighbouring bfloat16, in at most 5 % of the values."""
    assert torch.equal(result, rounded(result))
    assert float((result == expected).float().mean()) > 0.95
    scale = expected.abs().clamp_min(float(expected.abs().max()) * 1e-3)
    assert float(((result - expected).abs() / scale).max()) <= 2**-7


@pytest.mark.parametrize(("dilation", "n_frames"), [(1, 40), (3, 40), (8, 40)])
def test_bf16_rounds_operands_results_and_gradients_and_sums_in_float32(
    dilation: int, n_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "has_bf16_units", lambda _: False)
    x, weight, bias = inputs_of(2, (4, 5), 6, n_frames, (3, 5), torch.float32)
    grad_output = torch.randn(2, 5, 6, n_frames, generator=generator(1, "gradient"))
    results = value_and_grads(fast(dilation, "bf16"), (x, weight, bias), grad_output)
    expected = value_and_grads(reference(dilation), (rounded(x), rounded(weight), bias), rounded(grad_output))
    for result, exact in zip(results[:3], expected[:3], strict=True):
        assert_equal_up_to_the_last_bit_of_bfloat16(result, rounded(exact))
    torch.testing.assert_close(results[3], expected[3], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("has_units", [False, True])
@pytest.mark.parametrize("dilation", [1, 3])
def test_relative_error_of_bf16_is_below_one_percent(
    dilation: int, has_units: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "has_bf16_units", lambda _: has_units)
    inputs = inputs_of(2, (8, 8), 6, 60, (3, 5), torch.float32)
    bf16 = value_and_grads(fast(dilation, "bf16"), inputs)
    fp32 = value_and_grads(fast(dilation), inputs)
    for result, exact in zip(bf16, fp32, strict=True):
        assert result.dtype == torch.float32
        assert float((result - exact).norm() / exact.norm()) < 1e-2
    assert not torch.equal(bf16[0], fp32[0])
