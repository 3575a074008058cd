"""One measurement in a fresh process: time of a call, and how far it drives up the memory.

Processes come from a fork server that has imported everything and computed nothing: a child starts in some 50 ms with
the allocator as an import leaves it. Before anything is timed, a tiny call of the same kind loads code (compiled
kernels, library code), and the memory it leaves free is given back. The growth of memory is that of the first call of
full size, optimizer state and reused buffers included.
"""

import ctypes
import gc
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
import torch._dynamo  # (optimizers import it when they are made)
from numba.core.registry import cpu_target

from core.ops.convolution import Precision
from core.settings.parameterizations import LowPassConfig, SplineConfig
from core.settings.trial import TrialConfig
from core.training.memory import reuse_freed_memory
from tests.benchmarks.cases import Case
from tests.benchmarks.parts import PARTS

Side = Literal["stock", "ours"]
Found = TypeVar("Found")

MIN_CALLS = 5
MIN_S = 0.4
ENOUGH_S = 2.5
"""Of timed calls, however few they are; a first call that takes so long counts, where it else only warms up."""
TINY_FRAMES = 30

_IMPORTED_BY = os.getpid()
# Numba's own set-up, half a second that every process would pay.
cpu_target.typing_context.refresh()
cpu_target.target_context.refresh()
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Measurement:
    seconds: float
    """Median call."""
    calls: int
    growth_mib: float
    """Peak resident memory during the first call beyond what was resident before it."""


def measure(case: Case, side: Side) -> Measurement:
    """Measure one side of a case in the calling process."""
    if side == "ours":
        # As the trainer does.
        reuse_freed_memory()
    make = getattr(PARTS[case.part], side)
    config = at_precision(case.config(), case.precision if side == "ours" else "fp32")
    first = make(tiny(config))
    first()
    first()
    del first
    gc.collect()
    # Only glibc has it.
    with suppress(AttributeError):
        _LIBC.malloc_trim(0)
    call = make(config)
    before = _status_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    times = [_seconds(call)]
    growth = _status_mib("VmHWM") - before
    if times[0] < ENOUGH_S:
        times = []
    while (len(times) < MIN_CALLS or sum(times) < MIN_S) and sum(times) < ENOUGH_S:
        times.append(_seconds(call))
    return Measurement(statistics.median(times), len(times), growth)


def fork_server() -> ForkServerContext:
    """Where new processes come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.benchmarks.measure", "tests.benchmarks.whole_trials"])
    return context


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_fresh_process(function: Callable[..., Found], *arguments: Any) -> Found:
    """Call a function of a module in a new process and return what it returns.

    Raises:
        RuntimeError: it raised, or its process died.
    """
    context = fork_server()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        outcome, value = receiver.recv()
    except EOFError:
        outcome, value = "error", "the process died"
    process.join()
    if outcome == "error":
        raise RuntimeError(f"{function.__name__}{arguments}: {value}")
    found: Found = value
    return found


def unavailable(case: Case) -> str | None:
    """Why a case cannot be measured here, None where it can."""
    if case.precision == "fp32":
        return None
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if not any(flag in flags for flag in ("avx512_bf16", "amx_bf16")):
        return "bf16 wants a CPU with avx512_bf16 or amx_bf16"
    return None


def at_precision(config: TrialConfig, precision: Precision) -> TrialConfig:
    return replace(config, encoder=replace(config.encoder, precision=precision))


def tiny(config: TrialConfig) -> TrialConfig:
    """The same kind of work at a size that costs nothing."""
    audio, curves = config.audio, config.parameterization
    if isinstance(curves, SplineConfig):
        curves = replace(curves, n_segments=2)
    if isinstance(curves, LowPassConfig):
        curves = replace(curves, cutoff_hz=audio.frame_rate / 16)
    return replace(
        config,
        audio=replace(audio, duration_s=TINY_FRAMES * audio.hop_length / audio.sample_rate),
        encoder=replace(config.encoder, width=4, head_hidden=4),
        parameterization=curves,
        trainer=replace(config.trainer, batch_size=2),
    )


def _child(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    try:
        if os.getppid() != _IMPORTED_BY:
            raise RuntimeError("the fork server could not import the benchmarks; run from the repository's root")
        sender.send(("value", function(*arguments)))
    except Exception as error:  # noqa: BLE001  (goes to the parent, which raises it)
        sender.send(("error", f"{type(error).__name__}: {error}"))


def _status_mib(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {name}; memory is measured on Linux only")
