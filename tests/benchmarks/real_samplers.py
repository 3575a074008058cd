"""Benchmark of samplers on the space of the built-in study `search`: real trainings, equal numbers of trials.

`python -m tests.benchmarks.real_samplers --out FOLDER` runs `search` once for each sampler and seed: its search, then
its confirmation with fresh seeds. It prints the share of the box between ideal and reference values that the confirmed
arms dominate on the test split, with 95 % intervals over the seeds of the search (Student t) and the paired difference
to the first sampler. Trials run in processes of one thread each, without Ray; those that are stored are not run again,
so that an interrupted benchmark goes on. A search takes two to three minutes on two idle cores.
"""

import argparse
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from core.settings.loading import from_settings
from core.storage.records import PlannedTrial, StudyPlan
from core.storage.store import Store
from dashboards.analysis.study_results import front_statistics, load_results
from search_spaces.study_parsing import load_study, parse_study
from study.execution.stages import next_segment
from study.execution.worker import clean_start
from study.planning.plan import make_plan
from tests.benchmarks.samplers import interval

SAMPLERS: dict[str, dict[str, Any]] = {
    "random": {"kind": "random"},
    "quasi_random": {"kind": "quasi_random"},
    "tpe": {"kind": "tpe", "n_startup": 4},
    "nsga2": {"kind": "nsga2", "population_size": 4},
    "gp": {"kind": "gp", "n_startup": 4},
}


def searched(sampler: str, seed: int, folder: Path, pool: ProcessPoolExecutor) -> float:
    """Share of the box that the confirmed arms of a search dominate."""
    store = Store(folder / f"{sampler}-{seed}")
    plan = stored_plan(store, sampler, seed)
    while True:
        recorded = store.outcomes()
        open_trials = [trial for trial in plan.trials if trial.digest not in recorded]
        runs = [pool.submit(run, str(store.root), plan.name, trial, plan.config_of(trial)) for trial in open_trials]
        for each in runs:
            each.result()
        segment = next_segment(store, plan)
        if segment is None:
            break
        store.append_segment(segment)
        plan = plan.with_segment(segment)
    return front_statistics(load_results(store)).share


def stored_plan(store: Store, sampler: str, seed: int) -> StudyPlan:
    """The stored plan of a search; a new one if there is none."""
    if store.has_study:
        return store.plan()
    values = load_study("search").to_settings()
    settings = {**values["search"], "sampler": {**SAMPLERS[sampler], "seed": seed}}
    plan = make_plan(parse_study({**values, "name": f"{sampler}-{seed}", "search": settings})).plan
    store.create_study(plan.definition)
    for segment in plan.segments:
        store.append_segment(segment)
    return plan


def run(root: str, study: str, trial: PlannedTrial, config: dict[str, Any]) -> None:
    """Run a trial with one thread."""
    from core.training.trial import run_trial

    clean_start(1)
    run_trial(
        from_settings(config), store=Store(root), study=study, arm=trial.arm, stage=trial.stage, splits=trial.splits
    )


def report(shares: dict[str, list[float]], names: Sequence[str]) -> None:
    """Print a row per sampler, over the seeds that all have ended."""
    n = min(len(shares[name]) for name in names)
    if n < 2:
        return
    print(f"\n{n} searches each\n| sampler | share of the box | paired difference to {names[0]} |\n|---|---|---|")  # noqa: T201
    for name in names:
        gains = [value - first for value, first in zip(shares[name][:n], shares[names[0]][:n], strict=True)]
        gain = "" if name == names[0] else interval(gains)
        print(f"| {name} | {interval(shares[name][:n])} | {gain} |", flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="number of searches by each sampler")
    parser.add_argument("--samplers", nargs="+", choices=list(SAMPLERS), default=["random", "tpe"])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-samplers"))
    options = parser.parse_args()
    shares: dict[str, list[float]] = {name: [] for name in options.samplers}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, mp_context=context) as pool:
        for seed in range(options.seeds):
            for name in options.samplers:
                share = searched(name, seed, options.out, pool)
                shares[name].append(share)
                print(f"{name} seed {seed}: {share:.4f}", flush=True)  # noqa: T201
            report(shares, options.samplers)


if __name__ == "__main__":
    main()
