"""All-pole filter in chunks: against torchlpc, its CUDA kernel in numba's simulator, scipy and finite differences."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from torch import Tensor
from torchlpc import sample_wise_lpc

from core.ops.all_pole import all_pole, all_pole_in_chunks
from core.ops.linear_recurrence import CHUNK_SAMPLES
from core.seeding import generator
from core.synths.filters import stable_poles
from tests.support.closeness import (
    assert_as_exact_as_reference,
    assert_independent_of_memory_layout,
    assert_twice_differentiable,
)

FLOATS = (torch.float32, torch.float64)
IN_SIMULATOR = """
import sys
import numpy as np
from torchlpc.core import lpc_cuda_kernel_float64

audio, a = np.load(sys.argv[1]).values()
batch, n_samples, order = a.shape
# The kernel works in place, after as many samples of state as its order.
padded = np.concatenate([np.zeros((batch, order)), audio], 1)
# A clip per launch: the kernel's threads start without a barrier, and the simulator, which runs one after the other and
# keeps shared memory from block to block, would begin the second clip with the end of the first.
for clip in range(batch):
    lpc_cuda_kernel_float64[1, order, 0, 8 * order](padded[clip : clip + 1], a[clip : clip + 1], 1, n_samples, order)
np.save(sys.argv[2], padded[:, order:])
"""
"""What `torchlpc.core.lpc_cuda` does, without the arrays on the device, which the simulator does not have."""


def inputs_of(batch: int, n_samples: int, dtype: torch.dtype, seed: int) -> tuple[Tensor, Tensor]:
    """Audio, and coefficients whose poles move slowly enough that the filter does not explode."""
    draw = generator(seed, "all pole")
    audio = 2 * torch.rand(batch, n_samples, generator=draw, dtype=dtype) - 1
    start, end = torch.randn(2, batch, 1, 2, generator=draw, dtype=dtype)
    share = torch.linspace(0, 1, n_samples, dtype=dtype)[:, None]
    return audio, stable_poles(torch.lerp(start, end, share), 1e-3)


@given(st.integers(1, 3), st.integers(1, 5 * CHUNK_SAMPLES), st.sampled_from(FLOATS))
@settings(max_examples=25, derandomize=True)
def test_chunks_equal_torchlpc_at_any_length(batch: int, n_samples: int, dtype: torch.dtype) -> None:
    assert_as_exact_as_reference(all_pole_in_chunks, sample_wise_lpc, inputs_of(batch, n_samples, dtype, n_samples))


@pytest.mark.parametrize("dtype", FLOATS)
def test_chunks_equal_torchlpc_over_a_second(dtype: torch.dtype) -> None:
    assert_as_exact_as_reference(all_pole_in_chunks, sample_wise_lpc, inputs_of(2, 16_000, dtype, 1))


def test_poles_close_to_the_unit_circle_ring_as_in_scipy() -> None:
    a = [1.0, -2 * 0.9999 * np.cos(0.3), 0.9999**2]
    audio = torch.zeros(1, 8_000, dtype=torch.float64)
    audio[0, 0] = 1
    coefficients = torch.tensor(a[1:], dtype=torch.float64).expand(1, 8_000, 2)
    expected = torch.from_numpy(lfilter([1.0], a, audio.numpy()))
    torch.testing.assert_close(all_pole_in_chunks(audio, coefficients), expected, atol=1e-11, rtol=0)


def test_on_the_cpu_the_filter_is_that_of_torchlpc() -> None:
    audio, a = inputs_of(2, 100, torch.float32, 2)
    assert torch.equal(all_pole(audio, a), sample_wise_lpc(audio, a))


def test_chunks_equal_the_cuda_kernel_of_torchlpc_in_the_simulator_of_numba(tmp_path: Path) -> None:
    audio, a = inputs_of(2, 70, torch.float64, 3)
    given_, found = (tmp_path / name for name in ("given.npz", "found.npy"))
    np.savez(given_, audio=audio.numpy(), a=a.numpy())
    subprocess.run(
        [sys.executable, "-c", IN_SIMULATOR, given_, found],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        check=True,
        timeout=120,
    )
    torch.testing.assert_close(all_pole_in_chunks(audio, a), torch.from_numpy(np.load(found)), atol=1e-12, rtol=1e-10)


def test_result_does_not_depend_on_memory_layout() -> None:
    assert_independent_of_memory_layout(all_pole_in_chunks, inputs_of(3, 75, torch.float32, 4))


@pytest.mark.parametrize("n_samples", [1, 2, CHUNK_SAMPLES + 1, 2 * CHUNK_SAMPLES + 3])
def test_first_and_second_derivatives_equal_finite_differences(n_samples: int) -> None:
    assert_twice_differentiable(all_pole_in_chunks, inputs_of(1, n_samples, torch.float64, 5))


def test_nan_propagates_to_all_later_samples() -> None:
    audio, a = inputs_of(1, 4 * CHUNK_SAMPLES, torch.float32, 6)
    position = CHUNK_SAMPLES + 5
    audio[0, position] = torch.nan
    filtered = all_pole_in_chunks(audio, a)
    assert bool(filtered[0, :position].isfinite().all())
    assert bool(filtered[0, position:].isnan().all())
