"""`modstudy doctor --bench`: timings of a few training steps, and of compiled kernels against library calls.

All in one process, so a rough figure: `make bench` in a checkout measures whole steps against a composition of library
calls, each in a process of its own.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

TIMED_CALLS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Median milliseconds of one call, forward and backward."""

    what: str
    ours_ms: float
    libraries_ms: float | None
    """The same by library calls, None where there is no such composition."""


def speeds() -> Iterator[Speed]:
    """Time training steps and kernels, one after the other, with one thread."""
    import torch

    from core.training.memory import reuse_freed_memory

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    reuse_freed_memory()
    try:
        yield from _steps()
        yield from _kernels()
    finally:
        torch.set_num_threads(threads)


def _steps() -> Iterator[Speed]:
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
        yield Speed(what=what, ours_ms=_milliseconds(step), libraries_ms=None)


def _kernels() -> Iterator[Speed]:
    """One second at 48 kHz, 8 clips."""
    import torch
    from torch import Tensor

    from core.losses.mss import MultiResolutionStft
    from core.ops.bezier import evaluate_over_time, evaluate_over_time_reference, knots
    from core.ops.biquad import biquad, biquad_reference
    from core.ops.stft_sums import stft_sums_reference
    from core.ops.table_read import read_table, read_table_reference
    from core.settings.losses import standard_resolutions
    from core.synths.filters import stable_poles

    draw = torch.Generator().manual_seed(0)
    batch, n_samples, hop_length, rate = 8, 48_000, 250, 48_000
    n_frames = n_samples // hop_length + 1

    def leaf(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=draw).requires_grad_()

    def both(what: str, ours: Callable[[], Tensor], libraries: Callable[[], Tensor]) -> Speed:
        return Speed(
            what=what,
            ours_ms=_milliseconds(_with_backward(ours)),
            libraries_ms=_milliseconds(_with_backward(libraries)),
        )

    audio, gain, b = leaf(batch, n_samples), leaf(batch, n_frames), leaf(batch, n_frames, 3)
    a = stable_poles(torch.randn(batch, n_frames, 2, generator=draw), 1e-3).requires_grad_()
    yield both(
        "time-varying biquad",
        lambda: biquad(audio, b, a, gain, hop_length),
        lambda: biquad_reference(audio, b, a, gain, hop_length),
    )
    tables, position = leaf(batch, 16, 1024), leaf(batch, n_frames)
    f0_hz, phase = 100 + 300 * torch.rand(batch, generator=draw), torch.rand(batch, generator=draw)
    place = (n_samples, rate, hop_length)
    yield both(
        "wavetable",
        lambda: read_table(tables, position, f0_hz, phase, *place),
        lambda: read_table_reference(tables, position, f0_hz, phase, *place),
    )
    estimate, target = leaf(batch, n_samples), torch.rand(batch, n_samples, generator=draw)
    resolutions = standard_resolutions(rate)
    distance = MultiResolutionStft(resolutions)
    yield both(
        "multi-resolution STFT loss",
        lambda: distance(estimate, target),
        lambda: torch.stack([stft_sums_reference(estimate, target, each) for each in resolutions]),
    )
    x = knots(torch.softmax(torch.randn(batch, 3, 24, generator=draw), -1)).requires_grad_()
    y, time_ = leaf(batch, 3, 25), torch.linspace(0, 1, n_frames, dtype=torch.float64)
    yield both(
        "splines over time",
        lambda: evaluate_over_time(x, y, 3, time_),
        lambda: evaluate_over_time_reference(x, y, 3, time_),
    )


def _with_backward(forward: Callable[[], object]) -> Callable[[], object]:
    import torch

    def call() -> None:
        result = forward()
        assert isinstance(result, torch.Tensor)
        torch.autograd.backward(result.sum())

    return call


def _milliseconds(call: Callable[[], object]) -> float:
    call()
    times = []
    for _ in range(TIMED_CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
