"""`make equivalence`: whether the fast step trains to the same quality as stock, in fp32 and in bf16.

Both train the small preset from the same initial weights on the same batches for the same number of steps, seed by
seed. Two one-sided t-tests on the paired differences of the test distance (TOST, Schuirmann 1987) say whether the mean
difference lies within a margin: the larger of 1 % of stock's mean and one standard deviation of stock over seeds. Seeds
are added until the test has a power of 0.8 at a true difference of zero, or 20 are reached. The result is written to
`equivalence.json` in this folder.
"""

import os

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
if __name__ == "__main__":
    # Before anything loads torch, here or in a worker.
    os.environ.update(dict.fromkeys(THREADS, "1"))

import argparse  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
from concurrent.futures import ProcessPoolExecutor  # noqa: E402
from dataclasses import asdict, dataclass, replace  # noqa: E402
from multiprocessing import get_context  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Literal, cast  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from rich.console import Console  # noqa: E402
from scipy import stats  # noqa: E402

from core.data.dataset_cache import cached_dataset  # noqa: E402
from core.losses.mss import MultiResolutionStft  # noqa: E402
from core.ops.convolution import Precision, has_bf16_units  # noqa: E402
from core.settings.losses import standard_resolutions  # noqa: E402
from core.settings.parameterizations import LowPassConfig  # noqa: E402
from core.settings.presets import SMALL  # noqa: E402
from core.settings.trial import TrialConfig  # noqa: E402
from core.storage.code_version import code_version  # noqa: E402
from core.training.model import DiscoveryModel, build_model  # noqa: E402
from core.training.optimizers import averaged_model, build_optimizers  # noqa: E402
from core.training.resolve import resolve  # noqa: E402
from core.training.trainer import estimate_clips, train_step  # noqa: E402
from tests.benchmarks.stock import StockModel, stock_loss, stock_optimizers, stock_step  # noqa: E402

RESULT = Path(__file__).with_name("equivalence.json")
STEPS = 240
FEWEST_SEEDS, MOST_SEEDS = 5, 20
ALPHA, POWER = 0.05, 0.8
Side = Literal["stock", "fp32", "bf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalence:
    """One precision against stock."""

    precision: str
    arithmetic: str
    """What the convolutions were computed with."""
    seeds: list[int]
    stock: list[float]
    """Test distance per seed."""
    ours: list[float]
    margin: float
    mean_difference: float
    interval: tuple[float, float]
    """90 % interval of the mean difference: equivalent where it lies within the margin."""
    p_value: float
    power: float
    is_equivalent: bool


def compare(precision: Side, seeds: list[int], stock: list[float], ours: list[float]) -> Equivalence:
    """TOST on paired values."""
    difference = np.array(ours) - np.array(stock)
    n, mean = len(difference), float(difference.mean())
    error = float(difference.std(ddof=1)) / n**0.5
    margin = max(0.01 * float(np.mean(stock)), float(np.std(stock, ddof=1)))
    p_value = max(float(stats.t.sf((mean + margin) / error, n - 1)), float(stats.t.cdf((mean - margin) / error, n - 1)))
    critical = float(stats.t.ppf(1 - ALPHA, n - 1))
    power = max(0.0, 2 * float(stats.nct.sf(critical, n - 1, margin / error)) - 1)
    return Equivalence(
        precision=precision,
        arithmetic=(
            "fp32" if precision == "fp32" else "bf16 units" if has_bf16_units("cpu") else "rounding to bf16 around fp32"
        ),
        seeds=seeds,
        stock=stock,
        ours=ours,
        margin=margin,
        mean_difference=mean,
        interval=(mean - critical * error, mean + critical * error),
        p_value=p_value,
        power=power,
        is_equivalent=p_value < ALPHA,
    )


def trained_distance(side: Side, seed: int, steps: int) -> float:
    """Train one side with one seed and return the mean test distance of the averaged weights."""
    torch.set_num_threads(1)
    precision: Precision = "bf16" if side == "bf16" else "fp32"
    config = SMALL.config
    config = replace(
        config,
        seed=seed,
        device="cpu",
        encoder=replace(config.encoder, precision=precision),
        parameterization=LowPassConfig(cutoff_hz=8.0),
        trainer=replace(config.trainer, max_steps=steps),
    )
    config = resolve(config).config
    dataset = cached_dataset(config)
    resolutions = config.loss.resolutions
    assert resolutions is not None
    ours = build_model(config)
    model: StockModel | DiscoveryModel
    if side == "stock":
        # The same definition (float64 phase, coefficients at frame rate): only the implementation differs.
        model = StockModel(config, reference=True)
        model.load_state_dict(ours.state_dict())
        optimizers, auraloss = stock_optimizers(model, config), stock_loss(resolutions)
        for step in range(steps):
            stock_step(model, optimizers, dataset.train, auraloss, config, step)
        for optimizer in optimizers:
            optimizer.eval()
    else:
        our_optimizers, loss_function = build_optimizers(ours, config.optimizer), MultiResolutionStft(resolutions)
        for step in range(steps):
            train_step(ours, our_optimizers, dataset.train, loss_function, config, step)
        model = averaged_model(ours, our_optimizers)
    # Stock's model is called in the same way.
    audio = estimate_clips(cast(DiscoveryModel, model), dataset.test, "test", config).audio
    distance = MultiResolutionStft(standard_resolutions(config.audio.sample_rate))
    return float(distance.per_clip(audio, dataset.test.audio).mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--most-seeds", type=int, default=MOST_SEEDS)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    console = Console()
    code = code_version()
    sides: tuple[Side, ...] = ("stock", "fp32", "bf16")
    distances: dict[Side, list[float]] = {side: [] for side in sides}
    found: list[Equivalence] = []
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        while len(distances["stock"]) < arguments.most_seeds:
            done = len(distances["stock"])
            wanted = range(done, max(FEWEST_SEEDS, min(done + 2, arguments.most_seeds)))
            running = [
                (side, pool.submit(trained_distance, side, seed, arguments.steps)) for seed in wanted for side in sides
            ]
            for side, future in running:
                distances[side].append(future.result())
            seeds = list(range(len(distances["stock"])))
            found = [compare(side, seeds, distances["stock"], distances[side]) for side in sides[1:]]
            for result in found:
                console.print(
                    f"{len(seeds)} seeds, {result.precision} against stock ({np.mean(result.stock):.4f}): difference "
                    f"{result.mean_difference:+.4f} ({result.interval[0]:+.4f} to {result.interval[1]:+.4f}), margin "
                    f"{result.margin:.4f}, p {result.p_value:.2g}, power {result.power:.2f}",
                    highlight=False,
                )
            if all(result.power >= POWER for result in found):
                break
    content = {
        "steps": arguments.steps,
        "config": _described(SMALL.config),
        "code_version": code,
        "machine": platform.machine(),
        "torch": torch.__version__,
        "results": [asdict(result) for result in found],
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0 if all(result.is_equivalent for result in found) else 1


def _described(config: TrialConfig) -> str:
    return (
        f"small preset, white box, low-pass 8 Hz, {config.data.n_train} training and {config.data.n_test} test clips"
        if config.data.kind == "synthetic"
        else "small preset"
    )


if __name__ == "__main__":
    sys.exit(main())
