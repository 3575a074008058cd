"""Whole trials, the quickstart study, and the time to a given quality: what a user waits for."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from core.clips import Clips, Dataset
from core.losses.build import build_loss
from core.metrics.audio import mss_distance
from core.settings.loading import apply_settings, from_settings
from core.settings.presets import SMALL
from core.settings.trial import TrialConfig
from core.storage.store import RECORD_NAME, Store
from core.synths.note import note_by_id
from core.training.model import DiscoveryModel, build_model
from core.training.optimizers import averaged_model, build_optimizers
from core.training.resolve import resolve
from core.training.trainer import fit, train_step
from core.training.trial import run_trial
from tests.benchmarks.frozen import FROZEN_SMALL
from tests.benchmarks.stock import StockModel, train_stock
from tests.support.configs import dataset_of

SHORT_STEPS = 60
STOCK_S = 90.0
"""Training that sets the quality to reach."""
GIVE_UP_S = 2 * STOCK_S


# ------------------------------------------------------------------------------------------------------ whole trials


def trial_phases(steps: int) -> list[dict[str, float]]:
    """Seconds by phase, and in all, of two short trials of the small preset: the first also makes the data."""
    with TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        return [_timed_trial(Store(f"{folder}/{seed}"), seed, steps) for seed in (0, 1)]


def _timed_trial(store: Store, seed: int, steps: int) -> dict[str, float]:
    trainer = {"max_steps": steps, "validate_every": steps, "checkpoint_every": steps}
    config = _with(SMALL.config, {"seed": seed, "device": "cpu", "trainer": trainer})
    start = time.perf_counter()
    record = run_trial(config, store=store, study="bench", arm="small")
    whole = time.perf_counter() - start
    if record.outcome != "finished":
        raise RuntimeError(f"a trial must finish; this one {record.outcome}: {record.error}")
    return {**record.times_s, "whole": whole}


def _with(config: TrialConfig, settings: dict[str, Any]) -> TrialConfig:
    return resolve(apply_settings(SMALL, settings, config)).config


# -------------------------------------------------------------------------------------------------------- quickstart


def quickstart_seconds(root: Path, sets: tuple[str, ...] = ()) -> float:
    """From the start of the first trial to the end of the last, through the command line, two trials at a time."""
    command = [sys.executable, "-m", "study.cli", "launch", "quickstart", "--root", str(root), "--trials-at-once", "2"]
    for text in sets:
        command += ["--set", text]
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(command, env={**free, "XDG_CACHE_HOME": f"{root}/cache"}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    store = Store(root / "quickstart")
    spans = []
    for trial in store.plan().trials:
        attempt = store.committed(trial.digest)
        if attempt is None:
            raise RuntimeError(f"trial {trial.arm} of seed {trial.seed} has no record")
        # Times in a record are whole seconds; the record's file is the last thing that a trial writes.
        end = (root / "quickstart" / attempt.key(RECORD_NAME)).stat().st_mtime
        spans.append((end - sum(attempt.record().times_s.values()), end))
    return max(end for _, end in spans) - min(start for start, _ in spans)


def bare_trainings_seconds(root: Path, context: ForkServerContext) -> float:
    """The trainings of the same plan and nothing else, in two processes of one thread that take them in turn."""
    plan = Store(root / "quickstart").plan()
    trials = [plan.config_of(trial) for trial in plan.trials]
    waiting, finished = context.SimpleQueue(), context.SimpleQueue()
    processes = [context.Process(target=_train_waiting, args=(waiting, finished, trials[0])) for _ in range(2)]
    for process in processes:
        process.start()

    def wait_for(count: int) -> None:
        for _ in range(count):
            if (error := finished.get()) is not None:
                for process in processes:
                    process.terminate()
                raise RuntimeError(f"a bare training failed: {error}")

    wait_for(len(processes))
    start = time.perf_counter()
    for settings in [*trials, *[None] * len(processes)]:
        waiting.put(settings)
    wait_for(len(trials))
    seconds = time.perf_counter() - start
    for process in processes:
        process.join()
    return seconds


def _train_waiting(waiting: Any, finished: Any, first: dict[str, Any]) -> None:
    """Answer None once when ready and after each training; a text is an error."""
    torch.set_num_threads(1)
    datasets: dict[tuple[object, object], Dataset] = {}

    def loaded(config: TrialConfig) -> Dataset:
        key = (config.data, config.audio)
        if key not in datasets:
            datasets[key] = dataset_of(config)
        return datasets[key]

    try:
        loaded(from_settings(first))
        finished.put(None)
        while (settings := waiting.get()) is not None:
            config = from_settings(settings)
            fit(config, config.digest, loaded(config))
            finished.put(None)
    except Exception as error:  # noqa: BLE001  (goes to the parent, which raises it)
        finished.put(f"{type(error).__name__}: {error}")


# -------------------------------------------------------------------------------------------------- time to quality


def stock_quality(seed: int, seconds: float) -> float:
    """The best validation `audio.mss` that stock reaches in so many seconds of training with the frozen preset."""
    config = _seeded(FROZEN_SMALL, seed)
    dataset = dataset_of(config)
    # The same start for both sides, in all that the two presets share.
    weights = build_model(config).state_dict()
    history = train_stock(
        config,
        dataset,
        seconds=seconds,
        validate_every=max(1, round(seconds / 2)),
        quality=_quality(dataset.validation),
        weights=weights,
    )
    return min(value for _, _, value in history)


def our_seconds_to(goal: float, seed: int, give_up_s: float) -> float:
    """Seconds of training until the small preset as it is now reaches that quality; infinite where it does not."""
    config = _seeded(resolve(SMALL.config).config, seed)
    if (config.audio.sample_rate, config.audio.n_samples) != (
        FROZEN_SMALL.audio.sample_rate,
        FROZEN_SMALL.audio.n_samples,
    ):
        raise ValueError(
            "the small preset must hear the same clips as the frozen one, or their quality does not compare"
        )
    clips = dataset_of(config).train
    quality = _quality(dataset_of(FROZEN_SMALL).validation)
    model = build_model(config)
    optimizers = build_optimizers(model, config.optimizer)
    loss_function = build_loss(config.loss)
    trained_s, step, every = 0.0, 0, 5
    while trained_s < give_up_s:
        start = time.perf_counter()
        for step in range(step, step + every):  # noqa: B020
            train_step(model, optimizers, clips, loss_function, config, step)
        step += 1
        trained_s += time.perf_counter() - start
        if quality(averaged_model(model, optimizers)) <= goal:
            return trained_s
    return math.inf


def _quality(clips: Clips) -> Callable[[StockModel | DiscoveryModel], float]:
    """`audio.mss` of a model, at the standard resolutions whatever it was trained on, at the phases of the data."""

    @torch.no_grad()
    def quality(model: StockModel | DiscoveryModel) -> float:
        note = note_by_id(clips, FROZEN_SMALL.data.seed, "estimate phase", "validation", with_noise=False)
        estimate = model(clips.audio, note).audio
        return float(mss_distance(clips.audio, estimate, FROZEN_SMALL.audio.sample_rate).mean())

    return quality


def _seeded(config: TrialConfig, seed: int) -> TrialConfig:
    return _with(config, {"seed": seed, "device": "cpu"})
