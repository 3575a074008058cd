"""`modstudy doctor --bench`: timings of training steps, and of compiled kernels compared with library calls.

All measurements run in one process, so they are rough. In a checkout, `make bench` compares whole steps with an
implementation by library calls, each in a separate process.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

TIMED_CALLS = 5
"""Number of timed calls, of which the median is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Median duration of a training step or a kernel, forward and backward."""

    what: str
    """The step or kernel that was measured."""
    kernel_ms: float
    """Duration of the implementation of modstudy."""
    library_ms: float | None
    """Duration of an equivalent implementation by library calls; None if there is none."""


def speeds() -> Iterator[Speed]:
    """Measure training steps and kernels with one thread."""
    import torch

    from core.training.memory import reuse_freed_memory

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    reuse_freed_memory()
    try:
        yield from _step_speeds()
        yield from _kernel_speeds()
    finally:
        torch.set_num_threads(threads)


def _step_speeds() -> Iterator[Speed]:
    """Measure a training step of the small preset for several parameterizations."""
    from core.settings.parameterizations import FrameConfig, LowPassConfig, ParameterizationConfig, SplineConfig
    from core.settings.presets import SMALL
    from core.training.resolve import resolve
    from core.training.warmup import step_on_noise

    kinds: tuple[ParameterizationConfig, ...] = (FrameConfig(), LowPassConfig(), SplineConfig())
    for kind in kinds:
        config = resolve(replace(SMALL.config, parameterization=kind, device="cpu")).config
        step = step_on_noise(config)
        assert step is not None
        what = f"training step, small preset, {kind.kind}"
        yield Speed(what=what, kernel_ms=_median_milliseconds(step), library_ms=None)


def _kernel_speeds() -> Iterator[Speed]:
    """Measure kernels on 8 clips of one second at 48 kHz."""
    import torch
    from torch import Tensor

    from core.losses.mss import MultiResolutionStft
    from core.ops.bezier import evaluate_over_time, evaluate_over_time_reference, knots
    from core.ops.biquad import biquad, biquad_reference
    from core.ops.stft_sums import stft_sums_reference
    from core.ops.table_read import read_table, read_table_reference
    from core.settings.losses import standard_resolutions
    from core.synths.filters import stable_poles

    generator = torch.Generator().manual_seed(0)
    batch, n_samples, hop_length, rate = 8, 48_000, 250, 48_000
    n_frames = n_samples // hop_length + 1

    def random_leaf(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator).requires_grad_()

    def compare(what: str, ours: Callable[[], Tensor], libraries: Callable[[], Tensor]) -> Speed:
        return Speed(
            what=what,
            kernel_ms=_median_milliseconds(_with_backward(ours)),
            library_ms=_median_milliseconds(_with_backward(libraries)),
        )

    audio, gain, b = random_leaf(batch, n_samples), random_leaf(batch, n_frames), random_leaf(batch, n_frames, 3)
    a = stable_poles(torch.randn(batch, n_frames, 2, generator=generator), 1e-3).requires_grad_()
    yield compare(
        "time-varying biquad",
        lambda: biquad(audio, b, a, gain, hop_length),
        lambda: biquad_reference(audio, b, a, gain, hop_length),
    )
    tables, position = random_leaf(batch, 16, 1024), random_leaf(batch, n_frames)
    f0_hz, phase = 100 + 300 * torch.rand(batch, generator=generator), torch.rand(batch, generator=generator)
    sampling = (n_samples, rate, hop_length)
    yield compare(
        "wavetable",
        lambda: read_table(tables, position, f0_hz, phase, *sampling),
        lambda: read_table_reference(tables, position, f0_hz, phase, *sampling),
    )
    estimate, target = random_leaf(batch, n_samples), torch.rand(batch, n_samples, generator=generator)
    resolutions = standard_resolutions(rate)
    distance = MultiResolutionStft(resolutions)
    yield compare(
        "multi-resolution STFT loss",
        lambda: distance(estimate, target),
        lambda: torch.stack([stft_sums_reference(estimate, target, each) for each in resolutions]),
    )
    x = knots(torch.softmax(torch.randn(batch, 3, 24, generator=generator), -1)).requires_grad_()
    y, time_ = random_leaf(batch, 3, 25), torch.linspace(0, 1, n_frames, dtype=torch.float64)
    yield compare(
        "splines over time",
        lambda: evaluate_over_time(x, y, 3, time_),
        lambda: evaluate_over_time_reference(x, y, 3, time_),
    )


def _with_backward(forward: Callable[[], object]) -> Callable[[], object]:
    """A function that calls `forward` and backpropagates the sum of its result."""
    import torch

    def call() -> None:
        result = forward()
        assert isinstance(result, torch.Tensor)
        torch.autograd.backward(result.sum())

    return call


def _median_milliseconds(call: Callable[[], object]) -> float:
    """Median duration of a call in milliseconds, after one call that is not timed."""
    call()
    times = []
    for _ in range(TIMED_CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
