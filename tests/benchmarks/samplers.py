"""Benchmark of samplers: how much of the true front a search with a confirmation reaches, at equal numbers of trials.

`python -m tests.benchmarks.samplers` searches a made-up problem with noise: a learning rate, and the cutoff frequency
or number of segments of two of three parameterizations, in the cells of parameterization x synth. It prints the
hypervolume of the true means of the confirmed arms, relative to that of the true front, with 95 % intervals over the
seeds of the search (Student t), and what the noisy values of the search claim for the same arms.
"""

import argparse
import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from core.settings.presets import SMALL
from core.storage.records import Objective
from search_spaces.confirm import Confirm
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.ranges import Integer, LogUniform
from search_spaces.samplers.settings import (
    GaussianProcessSamplerConfig,
    Nsga2SamplerConfig,
    QuasiRandomSamplerConfig,
    RandomSamplerConfig,
    SamplerConfig,
    TpeSamplerConfig,
)
from search_spaces.search import build_search
from search_spaces.strategy import Arm, History, Round, TriedArm, TriedTrial

OBJECTIVES = (
    Objective(metric="audio.mss", direction="minimize"),
    Objective(metric="interpretability.tv", direction="minimize"),
)
REFERENCE = (2.0, 2.0)
"""Reference point of the hypervolume."""
NOISE = 0.06
"""Standard deviation of both objectives over training seeds."""
KIND, SYNTH, LR = "parameterization.kind", "synth.kind", "optimizer.lr"
CUTOFF, SEGMENTS = "parameterization.cutoff_hz", "parameterization.n_segments"
GRID = (
    Dimension(path=KIND, domain=choice(["frame", "low_pass", "spline"])),
    Dimension(path=SYNTH, domain=choice(["mod_synth", "engel"])),
)
SPACE = (
    Dimension(path=LR, domain=LogUniform(low=1e-4, high=1e-1)),
    Dimension(path=CUTOFF, domain=LogUniform(low=1.0, high=16.0), when={KIND: ("low_pass",)}),
    Dimension(path=SEGMENTS, domain=Integer(low=2, high=32, log=True), when={KIND: ("spline",)}),
)
SAMPLERS: Mapping[str, type] = {
    "random": RandomSamplerConfig,
    "quasi_random": QuasiRandomSamplerConfig,
    "tpe": TpeSamplerConfig,
    "nsga2": Nsga2SamplerConfig,
    "gp": GaussianProcessSamplerConfig,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of one search."""

    reached: float
    """Hypervolume of the true means of the confirmed arms, relative to the true front."""
    claimed: float
    """The same of their values in the search."""
    seconds: float
    """Time that all proposals took."""


def true_means(settings: Mapping[str, Any]) -> tuple[float, float]:
    """True means of both objectives: error and roughness.

    A finer curve has a smaller error and is rougher; the best learning rate is lower for a finer one, and differs
    between synths; a higher learning rate makes curves rougher.
    """
    rate = math.log10(settings[LR])
    match settings[KIND]:
        case "low_pass":
            fineness, error, roughness = math.log2(settings[CUTOFF]) / 4, 0.55, 0.9
        case "spline":
            fineness, error, roughness = math.log2(settings[SEGMENTS] / 2) / 4, 0.5, 1.1
        case _:
            fineness, error, roughness = 1.0, 0.45, 1.6
    is_engel = settings[SYNTH] == "engel"
    best_rate = -2.2 - 0.8 * fineness - (0.4 if is_engel else 0.0)
    error += 0.9 * (1 - fineness) ** 2 + (0.1 if is_engel else 0.0)
    return error + 0.35 * (rate - best_rate) ** 2, roughness * fineness**1.5 + 0.1 + 0.12 * (rate + 4)


def noisy_values(settings: Mapping[str, Any], seed: int, problem_seed: int) -> dict[str, float | None]:
    """Values of a trial."""
    text = json.dumps([settings, seed, problem_seed], sort_keys=True)
    noise = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
    means = true_means(settings)
    return {
        objective.metric: mean + NOISE * float(noise.standard_normal())
        for objective, mean in zip(OBJECTIVES, means, strict=True)
    }


def hypervolume(points: Sequence[tuple[float, ...]]) -> float:
    """Area that is dominated by points, up to the reference point."""
    import moocore

    return float(moocore.hypervolume(np.array(points), ref=REFERENCE)) if points else 0.0


def best_hypervolume() -> float:
    """Hypervolume of the true front, from a fine grid."""
    points = []
    for rate in np.linspace(-4, -1, 121):
        for synth in ("mod_synth", "engel"):
            common = {LR: 10**rate, SYNTH: synth}
            points.append(true_means({**common, KIND: "frame"}))
            points += [
                true_means({**common, KIND: "low_pass", CUTOFF: cutoff}) for cutoff in np.geomspace(1.0, 16.0, 121)
            ]
            points += [true_means({**common, KIND: "spline", SEGMENTS: segments}) for segments in range(2, 33)]
    return hypervolume(points)


def searched(sampler: SamplerConfig, arms_per_cell: int, max_arms: int, ideal: float) -> Outcome:
    """The result of a search and its confirmation; the seed of the sampler is also that of the noise."""
    search = build_search(
        grid=GRID,
        dimensions=SPACE,
        preset=SMALL,
        shared={},
        sampler=sampler,
        arms_per_cell=arms_per_cell,
        round_size=None,
        seeds=(1000, 1001),
    )
    history = History(objectives=OBJECTIVES, seeds=(0, 1, 2, 3))
    started = time.perf_counter()
    while proposal := search.propose(history):
        history = after(history, proposal, sampler.seed)
    seconds = time.perf_counter() - started
    assert len(history.arms) == search.n_arms == arms_per_cell * len(search.cells)
    picked = Confirm(seeds=search.seeds, max_arms=max_arms, threshold=0.05).picked(history)
    settings = [history.by_name[name].arm.settings for name in picked]
    claims = [claim(history.by_name[name]) for name in picked]
    return Outcome(
        reached=hypervolume([true_means(each) for each in settings]) / ideal,
        claimed=hypervolume(claims) / ideal,
        seconds=seconds,
    )


def after(history: History, proposal: Round, problem_seed: int) -> History:
    """The history after all trials of a round have ended."""
    arms = {arm.name: arm for arm in proposal.arms}
    new = tuple(
        TriedArm(
            arm=Arm(name, arm.settings),
            trials=tuple(
                TriedTrial(
                    seed=seed,
                    stage="search",
                    outcome="finished",
                    values=noisy_values(arm.settings, seed, problem_seed),
                )
                for planned, seed in proposal.trials
                if planned == name
            ),
        )
        for name, arm in arms.items()
    )
    return History(
        arms=(*history.arms, *new),
        asks=(*history.asks, *proposal.asks),
        objectives=history.objectives,
        seeds=history.seeds,
    )


def claim(tried: TriedArm) -> tuple[float, ...]:
    """Means over the seeds of the search."""
    return tuple(float(np.mean(list(tried.values(objective.metric, ("search",)).values()))) for objective in OBJECTIVES)


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval as text."""
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return f"{np.mean(values):.3f} +- {half:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="number of searches by each sampler")
    parser.add_argument("--arms", type=int, default=10, help="arms per cell, of 6 cells, each with 2 training seeds")
    parser.add_argument("--confirm", type=int, default=12, help="largest number of confirmed arms")
    parser.add_argument("--samplers", nargs="+", choices=list(SAMPLERS), default=list(SAMPLERS))
    options = parser.parse_args()
    ideal = best_hypervolume()
    n_trials = options.arms * 6 * 2
    print(f"{options.seeds} searches of {n_trials} trials; hypervolume relative to the true front")  # noqa: T201
    first = options.samplers[0]
    print(f"| sampler | reached | paired difference to {first} | claimed by the search | s per proposal |")  # noqa: T201
    print("|---|---|---|---|---|")  # noqa: T201
    reference: list[float] = []
    for name in options.samplers:
        config = SAMPLERS[name]
        outcomes = [searched(config(seed=seed), options.arms, options.confirm, ideal) for seed in range(options.seeds)]
        reached, claimed = ([getattr(each, key) for each in outcomes] for key in ("reached", "claimed"))
        seconds = np.mean([each.seconds for each in outcomes]) / (options.arms * 6)
        reference = reference or reached
        gains = [value - of_first for value, of_first in zip(reached, reference, strict=True)]
        gain = "" if name == first else interval(gains)
        line = f"| {name} | {interval(reached)} | {gain} | {interval(claimed)} | {seconds:.3f} |"
        print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
