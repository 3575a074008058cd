"""`make bench`: how much faster we are than stock, case by case, against the floors in `floors.toml`.

Stock and ours run each in a process of its own, in turn, with one thread; a round gives one ratio per case, and the
ratio of a case is the median over rounds. Allocation is part of the cost: run it also with MALLOC_MMAP_THRESHOLD_ and
MALLOC_TRIM_THRESHOLD_ raised to see how much of the difference that is.
"""

import os

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
if __name__ == "__main__":
    # Before anything loads torch, here or in the fork server.
    os.environ.update(dict.fromkeys(THREADS, "1"))

import argparse  # noqa: E402
import fnmatch  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import platform  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import tomllib  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from dataclasses import asdict, dataclass, field  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from tempfile import TemporaryDirectory  # noqa: E402

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.benchmarks.cases import CASES, Case  # noqa: E402
from tests.benchmarks.measure import Side, fork_server, in_fresh_process, measure, unavailable  # noqa: E402
from tests.benchmarks.whole_trials import (  # noqa: E402
    GIVE_UP_S,
    SHORT_STEPS,
    STOCK_S,
    bare_trainings_seconds,
    our_seconds_to,
    quickstart_seconds,
    stock_quality,
    trial_phases,
)

FLOORS = Path(__file__).with_name("floors.toml")
FLOOR_SHARE = 0.85
ROUNDS = 5
MIN_GROWTH_MIB = 8.0
"""Of stock's memory; a smaller growth says more about the allocator than about the step."""


@dataclass(slots=True)
class Result:
    """The figures of one case; larger ratios are better."""

    name: str
    stock_s: float | None = None
    ours_s: float | None = None
    ratios: list[float] = field(default_factory=list)
    """One a round, stock over ours."""
    memory_ratios: list[float] = field(default_factory=list)
    """One a round, growth of memory by ours over that by stock."""
    note: str = ""
    skipped: str | None = None

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def memory_ratio(self) -> float | None:
        return statistics.median(self.memory_ratios) if self.memory_ratios else None


# ------------------------------------------------------------------------------------------------------------ cases


def bench_case(case: Case, rounds: int) -> Result:
    if reason := unavailable(case):
        return Result(case.name, skipped=reason)
    result = Result(case.name)
    seconds: dict[Side, list[float]] = {"stock": [], "ours": []}
    for _ in range(rounds):
        found = {}
        for side in seconds:
            found[side] = in_fresh_process(measure, case, side)
            seconds[side].append(found[side].seconds)
        result.ratios.append(found["stock"].seconds / found["ours"].seconds)
        if found["stock"].growth_mib >= MIN_GROWTH_MIB:
            result.memory_ratios.append(found["ours"].growth_mib / found["stock"].growth_mib)
            result.note = f"memory +{found['stock'].growth_mib:.0f} -> +{found['ours'].growth_mib:.0f} MiB"
    result.stock_s, result.ours_s = (statistics.median(seconds[side]) for side in ("stock", "ours"))
    return result


def bench_trial(rounds: int) -> Result:
    """A whole short trial against its training alone."""
    result = Result("trial/small")
    wholes, trainings = [], []
    for _ in range(min(rounds, 3)):
        first, second = in_fresh_process(trial_phases, SHORT_STEPS)
        wholes.append(second["whole"])
        trainings.append(second["train"])
        result.ratios.append(second["train"] / second["whole"])
        phases = " ".join(f"{name} {seconds:.2f}" for name, seconds in second.items() if name != "whole")
        result.note = (
            f"its training over the whole; {phases} s; the first, which makes the data: {first['whole']:.2f} s"
        )
    result.stock_s, result.ours_s = statistics.median(trainings), statistics.median(wholes)
    return result


def bench_quickstart(rounds: int) -> Result:  # noqa: ARG001
    """The quickstart study against its bare trainings."""
    result = Result("study/quickstart", note="bare trainings, two at a time, over first trial start to last trial end")
    with TemporaryDirectory() as folder:
        root = Path(folder)
        # One thread each is the command line's own choice, not the environment's.
        result.ours_s = quickstart_seconds(root)
        result.stock_s = bare_trainings_seconds(root, fork_server())
    result.ratios.append(result.stock_s / result.ours_s)
    return result


def bench_quality(rounds: int) -> Result:
    """Seconds to the quality that stock reaches with the frozen preset."""
    result = Result("time-to-quality")
    seconds, goals = [], []
    for seed in range(min(rounds, 3)):
        goals.append(in_fresh_process(stock_quality, seed, STOCK_S))
        seconds.append(in_fresh_process(our_seconds_to, goals[-1], seed, GIVE_UP_S))
        result.ratios.append(STOCK_S / seconds[-1])
    result.stock_s, result.ours_s = STOCK_S, statistics.median(seconds)
    goal = statistics.median(goals)
    result.note = f"audio.mss {goal:.3f}; by seed " + ", ".join(f"{value:.1f}" for value in seconds) + " s"
    return result


def benches() -> Iterator[tuple[str, Callable[[int], Result]]]:
    for case in CASES:
        yield case.name, partial(bench_case, case)
    yield "trial/small", bench_trial
    yield "study/quickstart", bench_quickstart
    yield "time-to-quality", bench_quality


# ----------------------------------------------------------------------------------------------------------- floors


def capability() -> str:
    """Instruction set of the CPU as in `floors.toml`: ratios depend on it."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability()).lower()


def _every_floor() -> dict[str, dict[str, dict[str, float]]]:
    """The content of `floors.toml`, by instruction set and case."""
    return tomllib.loads(FLOORS.read_text(encoding="utf-8")) if FLOORS.exists() else {}


def read_floors() -> dict[str, dict[str, float]]:
    """Floors of all cases: those for this instruction set, and for the other cases those for AVX2."""
    every = _every_floor()
    return {**every.get("avx2", {}), **every.get(capability(), {})}


def write_floors(results: list[Result]) -> None:
    """Floors at a share of what was reached now; those of other cases and other instruction sets stay."""
    every = _every_floor()
    floors = every.setdefault(capability(), {})
    for result in results:
        if result.ratio is not None and math.isfinite(result.ratio):
            floors[result.name] = {"floor": round(FLOOR_SHARE * result.ratio, 3), "reached": round(result.ratio, 3)}
    lines = [
        "# Smallest ratio that `make bench` accepts for each case, and the ratio that was reached when it was set, by",
        "# instruction set of the CPU; those for AVX2 hold for every case that another set does not list.",
        "# Written by `python -m tests.benchmarks.bench --write-floors`.",
    ]
    for name in sorted(every):
        for case in sorted(every[name]):
            lines += ["", f'[{name}."{case}"]', *(f"{key} = {value}" for key, value in every[name][case].items())]
    FLOORS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def below(result: Result, floors: dict[str, dict[str, float]]) -> bool:
    floor = floors.get(result.name, {}).get("floor")
    return floor is not None and result.ratio is not None and not result.ratio >= floor


# ----------------------------------------------------------------------------------------------------------- output


def table_of(results: list[Result], floors: dict[str, dict[str, float]]) -> Table:
    table = Table(title="stock over ours, median of rounds (min..max)", title_justify="left")
    table.add_column("case", no_wrap=True)
    for column in ("stock ms", "ours ms", "ratio", "memory", "floor", ""):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        floor = floors.get(result.name, {}).get("floor")
        if result.skipped is not None:
            table.add_row(result.name, *[""] * 4, _shown(floor), "skipped")
            continue
        verdict = (
            "[red]below[/]" if below(result, floors) else "[yellow]no floor[/]" if floor is None else "[green]ok[/]"
        )
        spread = f" ({min(result.ratios):.2f}..{max(result.ratios):.2f})" if len(result.ratios) > 1 else ""
        table.add_row(
            result.name,
            *(_shown(None if value is None else 1000 * value, 1) for value in (result.stock_s, result.ours_s)),
            _shown(result.ratio) + spread,
            _shown(result.memory_ratio),
            _shown(floor),
            verdict,
        )
    return table


def _shown(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def machine() -> dict[str, object]:
    import torch

    cpu = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cpus": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "malloc": {name: value for name, value in os.environ.items() if name.startswith("MALLOC_")},
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench", description="Speed against stock.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--only", metavar="PATTERN", help="cases whose name contains it, or matches it as a glob")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of each case (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="a measured case without a floor fails too")
    parser.add_argument("--write-floors", action="store_true", help=f"set floors at {FLOOR_SHARE:g} of what is reached")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1; got {options.rounds}")
    pattern = options.only or "*"
    if not set(pattern) & set("*?["):
        pattern = f"*{pattern}*"
    chosen = [(name, run) for name, run in benches() if fnmatch.fnmatchcase(name, pattern)]
    if not chosen:
        parser.error(f"no case matches {options.only!r}; there are {', '.join(name for name, _ in benches())}")
    console = Console() if sys.stdout.isatty() else Console(width=120)
    started = time.monotonic()
    floors = read_floors()
    results = []
    for name, run in chosen:
        with console.status(name):
            results.append(run(options.rounds))
        ratio = results[-1].ratio
        console.print(f"{time.monotonic() - started:6.0f} s  {name}  {'skipped' if ratio is None else f'{ratio:.2f}'}")
    if options.write_floors:
        write_floors(results)
        floors = read_floors()
    console.print(table_of(results, floors))
    for result in results:
        if result.skipped or result.note:
            console.print(
                f"{result.name}: {result.skipped or result.note}", markup=False, highlight=False, soft_wrap=True
            )
    if options.json:
        content = {
            "machine": machine(),
            "rounds": options.rounds,
            "seconds": time.monotonic() - started,
            "cases": [
                {**asdict(r), "ratio": r.ratio, "memory_ratio": r.memory_ratio, **floors.get(r.name, {})}
                for r in results
            ],
        }
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    failed = [result.name for result in results if below(result, floors)]
    if failed:
        console.print(f"[red]below its floor:[/] {', '.join(failed)}")
    missing = [r.name for r in results if options.check and r.skipped is None and r.name not in floors]
    if missing:
        console.print(f"[red]no floor in {FLOORS.name}:[/] {', '.join(missing)}; set them with --write-floors")
    return 1 if failed or missing else 0


if __name__ == "__main__":
    sys.exit(main())
