"""A weighted sum of wavetables: the kernel against the reference, known answers and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.ops.table_mix import mix_tables, mix_tables_reference
from core.ops.table_read import read_table
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
    batch: int, n_tables: int, length: int, n_frames: int, n_samples: int, dtype: torch.dtype, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Tables, weights, and phases over some cycles on both sides of zero."""
    draw = generator(seed, "mix")
    tables = torch.randn(batch, n_tables, length, dtype=torch.float64, generator=draw)
    weights = torch.rand(batch, n_frames, n_tables, dtype=torch.float64, generator=draw)
    phase = 9 * torch.rand(batch, n_samples, dtype=torch.float64, generator=draw) - 3
    return tables.to(dtype), weights.to(dtype), phase


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 40), st.integers(1, 90), st.integers(1, 30), st.data())
@settings(max_examples=30, derandomize=True)
def test_it_equals_the_reference_at_any_size(
    batch: int, n_tables: int, length: int, n_samples: int, hop_length: int, data: st.DataObject
) -> None:
    n_frames = -(-n_samples // hop_length) + 1 + data.draw(st.integers(0, 2))
    dtype = data.draw(st.sampled_from(FLOATS))
    tables, weights, phase = inputs_of(batch, n_tables, length, n_frames, n_samples, dtype, n_samples)
    assert_as_exact_as_reference(
        lambda t, w: mix_tables(t, w, phase, hop_length),
        lambda t, w: mix_tables_reference(t, w, phase, hop_length),
        (tables, weights),
    )


def test_the_gradient_of_the_phase_equals_that_of_the_reference() -> None:
    inputs = inputs_of(2, 4, 16, 6, 41, torch.float64, 1)
    assert_as_exact_as_reference(
        lambda t, w, p: mix_tables(t, w, p, 10), lambda t, w, p: mix_tables_reference(t, w, p, 10), inputs
    )


def test_two_tables_are_a_wavetable_of_two_positions() -> None:
    tables, _, _ = inputs_of(2, 2, 32, 5, 40, torch.float64, 2)
    position = torch.rand(2, 5, dtype=torch.float64, generator=generator(2, "position"))
    start, f0_hz = torch.tensor([0.3, 0.8]), torch.tensor([700.0, 111.0])
    phase = start.double()[:, None] + f0_hz.double()[:, None] * torch.arange(40) / 8000
    weights = torch.stack([1 - position, position], -1)
    expected = read_table(tables, position, f0_hz, start, 40, 8000, 10)
    torch.testing.assert_close(mix_tables(tables, weights, phase, 10), expected)


def test_first_and_second_derivatives_equal_finite_differences() -> None:
    tables, weights, phase = inputs_of(2, 3, 8, 3, 7, torch.float64, 3)
    assert_twice_differentiable(lambda t, w: mix_tables(t, w, phase, 4), (tables, weights))
    # Phases in the middle between samples of the table, at which the read has a corner.
    phase = (torch.floor(8 * phase) + 0.5) / 8
    assert torch.autograd.gradcheck(lambda p: mix_tables(tables, weights, p, 4), (phase.requires_grad_(),))


@pytest.mark.parametrize("dtype", FLOATS)
def test_result_does_not_depend_on_memory_layout_or_batch(dtype: torch.dtype) -> None:
    tables, weights, phase = inputs_of(3, 4, 16, 6, 41, dtype, 4)
    assert_independent_of_memory_layout(lambda t, w: mix_tables(t, w, phase, 10), (tables, weights))
    grad_output = torch.randn(3, 41, generator=generator(4, "gradient")).to(dtype)
    batched = value_and_grads(lambda t, w: mix_tables(t, w, phase, 10), (tables, weights), grad_output)
    for clip in range(3):
        i = slice(clip, clip + 1)
        single = value_and_grads(
            lambda t, w, i=i: mix_tables(t, w, phase[i], 10), (tables[i], weights[i]), grad_output[i]
        )
        assert_same_bits(single, [tensor[i] for tensor in batched])


def test_a_phase_that_is_no_number_makes_its_sample_none() -> None:
    tables, weights, phase = inputs_of(1, 3, 8, 3, 7, torch.float64, 5)
    phase[0, 2] = torch.nan
    audio, *_ = value_and_grads(lambda t, w, p: mix_tables(t, w, p, 4), (tables, weights, phase))
    assert audio.isnan().tolist() == phase.isnan().tolist()
