"""Wavetable oscillator: the kernel against the reference, and the exactness of the phase."""

import math
import re
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.table_read import read_table, read_table_at, read_table_at_reference, read_table_reference
from core.seeding import generator
from tests.support.closeness import (
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_same_bits,
    assert_twice_differentiable,
    value_and_grads,
)

FLOATS = (torch.float32, torch.float64)


def inputs_of(
    batch: int, rows: int, length: int, n_frames: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tables, positions, pitches from 20 Hz to a quarter of 48 kHz, phases."""
    draw = generator(seed, "table")
    tables = torch.randn(batch, rows, length, dtype=torch.float64, generator=draw)
    position = torch.rand(batch, n_frames, dtype=torch.float64, generator=draw)
    f0_hz = 20 * 600 ** torch.rand(batch, generator=draw)
    return tables.to(dtype), position.to(dtype), f0_hz, torch.rand(batch, generator=draw)


@given(
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(1, 40),
    st.integers(1, 200),
    st.integers(1, 50),
    st.sampled_from(FLOATS),
)
@settings(max_examples=25, derandomize=True)
def test_kernel_equals_reference_at_any_size(
    batch: int, rows: int, length: int, n_samples: int, hop_length: int, dtype: torch.dtype
) -> None:
    n_frames = -(-n_samples // hop_length) + 1 + n_samples % 3
    tables, position, f0_hz, phase = inputs_of(batch, rows, length, n_frames, dtype, n_samples)
    arguments = (f0_hz, phase, n_samples, 48_000, hop_length)
    assert_as_exact_as_reference(
        lambda t, p: read_table(t, p, *arguments),
        lambda t, p: read_table_reference(t, p, *arguments),
        (tables, position),
    )


@pytest.mark.parametrize("f0_hz", [20.0, 261.6256, 4000.0, 12_000.0])
@pytest.mark.parametrize("dtype", FLOATS)
def test_phase_is_exact_after_four_seconds(f0_hz: float, dtype: torch.dtype) -> None:
    n_samples, sample_rate, length, hop_length = 4 * 48_000, 48_000, 1024, 375
    ramp = torch.arange(length, dtype=dtype).expand(1, 1, -1) / length
    pitch, phase = torch.tensor([f0_hz]), torch.tensor([0.7])
    audio = read_table(ramp, torch.zeros(1, 513, dtype=dtype), pitch, phase, n_samples, sample_rate, hop_length)[0]
    checked = 0
    for n in [*range(500), *range(n_samples - 4000, n_samples)]:
        cycles = (Fraction(float(phase)) + Fraction(float(pitch)) * n / sample_rate) % 1
        # Between the last value of the table and the first, the ramp falls.
        if cycles * length <= length - 1:
            assert abs(float(audio[n]) - float(cycles)) < 1e-6
            checked += 1
    assert checked > 4000


@pytest.mark.parametrize("f0_hz", [20.0, 12_000.0])
@pytest.mark.parametrize("dtype", FLOATS)
def test_kernel_equals_reference_over_four_seconds_at_the_limits_of_pitch(f0_hz: float, dtype: torch.dtype) -> None:
    tables, position, _, phase = inputs_of(1, 4, 64, 513, dtype, 1)
    arguments = (torch.tensor([f0_hz]), phase, 4 * 48_000, 48_000, 375)
    assert_as_exact_as_reference(
        lambda t, p: read_table(t, p, *arguments),
        lambda t, p: read_table_reference(t, p, *arguments),
        (tables, position),
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_positions_0_and_1_read_the_first_and_last_row(rows: int, dtype: torch.dtype) -> None:
    tables, _, f0_hz, phase = inputs_of(2, rows, 32, 5, dtype, 2)
    arguments = (f0_hz, phase, 40, 16_000, 10)
    for value, row in ((0.0, 0), (1.0, rows - 1)):
        position = torch.full((2, 5), value, dtype=dtype)
        torch.testing.assert_close(
            read_table(tables, position, *arguments), read_table(tables[:, row : row + 1], 0.3 * position, *arguments)
        )
        # Not the gradient of the position: whether clamp has one at its limits depends on the version of torch.
        assert_as_exact_as_reference(
            lambda t, p=position: read_table(t, p.to(t.dtype), *arguments),
            lambda t, p=position: read_table_reference(t, p.to(t.dtype), *arguments),
            (tables,),
        )


def test_position_has_no_gradient_for_a_table_of_one_row() -> None:
    tables, position, f0_hz, phase = inputs_of(2, 1, 32, 5, torch.float32, 3)
    _, _, grad = value_and_grads(lambda t, p: read_table(t, p, f0_hz, phase, 40, 16_000, 10), (tables, position))
    assert float(grad.abs().max()) == 0


@pytest.mark.parametrize("dtype", FLOATS)
def test_positions_outside_0_to_1_read_the_end_rows_and_have_no_gradient(dtype: torch.dtype) -> None:
    tables, _, f0_hz, phase = inputs_of(1, 3, 16, 4, dtype, 4)
    position = torch.tensor([[-0.5, -0.2, 1.5, 1.25]], dtype=dtype)
    arguments = (f0_hz, phase, 30, 16_000, 10)
    assert_as_exact_as_reference(
        lambda t, p: read_table(t, p, *arguments),
        lambda t, p: read_table_reference(t, p, *arguments),
        (tables, position),
    )
    _, _, grad = value_and_grads(
        lambda t, p: read_table(t, p, *arguments), (tables, torch.tensor([[-0.5, -0.2, -0.1, -0.3]], dtype=dtype))
    )
    assert float(grad.abs().max()) == 0


@pytest.mark.parametrize("length", [15, 16])
def test_nan_position_affects_only_its_samples_and_its_table(length: int) -> None:
    tables, position, f0_hz, phase = inputs_of(2, 3, length, 4, torch.float32, 5)
    position[0, 2] = torch.nan
    audio, grad_tables, _ = value_and_grads(
        lambda t, p: read_table(t, p, f0_hz, phase, 30, 16_000, 10), (tables, position), torch.ones(2, 30)
    )
    assert bool(audio[0, 10:].isnan().all())
    assert bool(audio[0, :10].isfinite().all())
    assert bool(audio[1].isfinite().all())
    assert bool(grad_tables[0].isnan().any())
    assert bool(grad_tables[1].isfinite().all())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("n_samples", "hop_length"), [(1, 1), (57, 1), (500, 125), (501, 125)])
def test_kernel_equals_reference_for_incomplete_hops_and_hops_of_one_sample(
    n_samples: int, hop_length: int, dtype: torch.dtype
) -> None:
    tables, position, f0_hz, phase = inputs_of(1, 4, 32, -(-n_samples // hop_length) + 1, dtype, 6)
    arguments = (f0_hz, phase, n_samples, 16_000, hop_length)
    assert_as_exact_as_reference(
        lambda t, p: read_table(t, p, *arguments),
        lambda t, p: read_table_reference(t, p, *arguments),
        (tables, position),
    )


def test_too_few_frames_raise() -> None:
    tables, position, f0_hz, phase = inputs_of(1, 4, 32, 6, torch.float32, 7)
    read_table(tables, position, f0_hz, phase, 50, 16_000, 10)
    with pytest.raises(ValueError, match=re.escape("6 frames at hop_length=10 cover 50 samples")):
        read_table(tables, position, f0_hz, phase, 51, 16_000, 10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout(dtype: torch.dtype) -> None:
    tables, position, f0_hz, phase = inputs_of(3, 4, 32, 11, dtype, 8)
    assert_independent_of_memory_layout(
        lambda t, p: read_table(t, p, f0_hz, phase, 101, 16_000, 11), (tables, position)
    )
    expanded = tables[:1].expand(3, -1, -1)
    assert torch.equal(
        read_table(expanded, position, f0_hz, phase, 101, 16_000, 11),
        read_table(expanded.contiguous(), position, f0_hz, phase, 101, 16_000, 11),
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_clip_has_the_same_result_alone_and_in_a_batch(dtype: torch.dtype) -> None:
    tables, position, f0_hz, phase = inputs_of(4, 4, 32, 11, dtype, 9)
    grad_output = torch.randn(4, 101, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(
        lambda t, p: read_table(t, p, f0_hz, phase, 101, 16_000, 11), (tables, position), grad_output
    )
    for clip in range(4):
        i = slice(clip, clip + 1)
        single = value_and_grads(
            lambda t, p, i=i: read_table(t, p, f0_hz[i], phase[i], 101, 16_000, 11),
            (tables[i], position[i]),
            grad_output[i],
        )
        assert_same_bits(single, [tensor[i] for tensor in batched])


def test_gradient_of_the_position_is_the_same_with_a_constant_table() -> None:
    tables, position, f0_hz, phase = inputs_of(2, 4, 32, 5, torch.float64, 10)
    arguments = (f0_hz, phase, 40, 16_000, 10)
    _, _, expected = value_and_grads(lambda t, p: read_table(t, p, *arguments), (tables, position), torch.ones(2, 40))
    _, result = value_and_grads(lambda p: read_table(tables, p, *arguments), (position,), torch.ones(2, 40))
    assert torch.equal(result, expected)


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    tables, _, _, phase = inputs_of(2, 4, 8, 4, torch.float64, 11)
    # Between rows at every sample: at a row the gradient is discontinuous.
    position = torch.tensor([[0.05, 0.1, 0.2, 0.3], [0.36, 0.6, 0.5, 0.4]], dtype=torch.float64)

    def read(tables: Tensor, position: Tensor) -> Tensor:
        return read_table(tables, position, torch.tensor([2000 / math.pi, 1000.0]), phase, 12, 16_000, 4)

    assert_twice_differentiable(read, (tables, position))


def test_the_gradient_of_given_phases_equals_that_of_the_reference() -> None:
    tables, position, _, _ = inputs_of(2, 4, 16, 6, torch.float64, 7)
    phase = 9 * torch.rand(2, 41, dtype=torch.float64, generator=generator(7, "phase")) - 3
    assert_as_exact_as_reference(
        lambda t, p, x: read_table_at(t, p, x, 10),
        lambda t, p, x: read_table_at_reference(t, p, x, 10),
        (tables, position, phase),
    )
    # Phases in the middle between samples of the table, at which the read has a corner.
    between = ((torch.floor(16 * phase) + 0.5) / 16).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: read_table_at(tables, position, p, 10), (between,))


def test_a_phase_that_is_no_number_makes_its_sample_none() -> None:
    tables, position, _, _ = inputs_of(1, 4, 16, 6, torch.float64, 8)
    phase = torch.linspace(0, 3, 41, dtype=torch.float64)[None]
    phase[0, 5] = torch.nan
    audio, *_ = value_and_grads(lambda t, p, x: read_table_at(t, p, x, 10), (tables, position, phase))
    assert torch.equal(audio.isnan(), phase.isnan())
