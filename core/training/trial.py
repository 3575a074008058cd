"""Execution of a trial: from a resolved config to a committed record with curves, sounds and weights."""

import io
import logging
import platform
import socket
import subprocess
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Dataset
from core.data.dataset_cache import cached_dataset
from core.metrics.evaluation import Estimates, Evaluation, evaluate
from core.metrics.signatures import signatures_of
from core.modulations import modulation_names
from core.seeding import generator
from core.settings.loading import flat_config
from core.settings.trial import TrialConfig
from core.storage.clip_values import ValuesPerClip, write_clip_values
from core.storage.code_version import code_version
from core.storage.curves import ModulationCurves, TrialCurves, write_curves
from core.storage.records import Outcome, Signature, Split, Stage, TrialRecord
from core.storage.sounds import audio_name
from core.storage.store import Attempt, Store
from core.storage.values import is_disk_full
from core.synths.diagnostics import diagnose
from core.synths.note import draw_note
from core.training.checkpoint import MODEL_NAME, drop_checkpoints, latest_checkpoint, save_checkpoint, to_bytes
from core.training.memory import usable_memory
from core.training.memory_remedy import check_can_fit
from core.training.model import DiscoveryModel
from core.training.trainer import OnProgress, Progress, estimate_clips, fit, sounds_with_held_curve

OUT_OF_MEMORY_MESSAGES = ("can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")
"""Parts of the messages of those RuntimeErrors of torch that say that memory is exhausted."""
KEEP_CHECKPOINTS: frozenset[Outcome] = frozenset({"timed_out", "out_of_memory"})
"""Outcomes after which checkpoints are kept, so that the trial can be continued with more time or memory."""
N_DIAGNOSED = 16
"""Test clips on which the synth is diagnosed, at most."""
_log = logging.getLogger(__name__)


class TrialTimeoutError(Exception):
    """Raised within a trial that takes longer than it may."""


def run_trial(
    config: TrialConfig,
    *,
    store: Store,
    study: str,
    arm: str,
    stage: Stage = "design",
    splits: Sequence[Split] = ("validation", "test"),
    on_progress: OnProgress = lambda _: None,
    timeout_s: float | None = None,
) -> TrialRecord:
    """Run the trial of a resolved config and commit its record; it resumes from the latest checkpoint of its digest.

    An exception results in a record with the outcome "out_of_memory", "timed_out" or "failed"; a killed process leaves
    no record, nor does a full disk, which says nothing about the trial.

    Args:
        config: The resolved config.
        store: Store of the study.
        study: Name of the study.
        arm: Name of the arm.
        stage: Stage of the study that planned the trial.
        splits: Splits on which the trained model is evaluated. Curves, sounds and weights are written with those of the
            test split only.
        on_progress: Called during training.
        timeout_s: Seconds after which training ends with the outcome "timed_out"; None for no limit.

    Raises:
        StoreError: the store cannot be written, for example because the disk is full.
    """
    name = config.digest
    attempt = store.begin(name)
    watch = _Watch(on_progress, timeout_s)
    record = TrialRecord(
        digest=name,
        study=study,
        arm=arm,
        seed=config.seed,
        attempt=attempt.name,
        stage=stage,
        outcome="failed",
        is_baseline=config.is_baseline,
        config=flat_config(config),
        environment=environment(config.device),
        started_at=_now(),
    )
    try:
        record = _run(config, attempt, record, splits, watch)
    except Exception as error:
        if is_disk_full(error):
            raise
        outcome = outcome_of_error(error)
        text = str(error) if outcome == "timed_out" else f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        record = replace(record, outcome=outcome, error=text, steps=watch.steps, history=watch.history)
        _log.warning("trial %s %s: %s", name, record.outcome, error)
    record = attempt.commit(replace(record, finished_at=_now()))
    if record.outcome not in KEEP_CHECKPOINTS:
        drop_checkpoints(attempt)
    return record


def outcome_of_error(error: Exception) -> Outcome:
    """The outcome of a trial that raised an error."""
    match error:
        case TrialTimeoutError():
            return "timed_out"
        case MemoryError() | torch.OutOfMemoryError():
            return "out_of_memory"
        case RuntimeError() if any(message in str(error) for message in OUT_OF_MEMORY_MESSAGES):
            return "out_of_memory"
        case _:
            return "failed"


def environment(device: str) -> dict[str, Any]:
    """Everything besides the config that can affect the results or times of a trial: code, host, versions, threads."""
    return {
        "code_version": code_version(),
        "git_commit": _git_commit(),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        # Asking for a GPU's name starts CUDA, which a trial on the CPU must not do.
        "device_name": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
    }


def _run(
    config: TrialConfig, attempt: Attempt, record: TrialRecord, splits: Sequence[Split], on_progress: OnProgress
) -> TrialRecord:
    """Train, evaluate and write the results; returns the record with outcome and metrics."""
    clock = _Clock()
    check_can_fit(config, usable_memory())
    checkpoint = latest_checkpoint(attempt.store, attempt.digest)
    dataset = cached_dataset(config)
    clock.lap("set_up")
    fitted = fit(
        config,
        attempt.digest,
        dataset,
        resume_from=checkpoint,
        on_checkpoint=lambda checkpoint: save_checkpoint(attempt, checkpoint),
        on_progress=on_progress,
    )
    clock.lap("train")
    steps_record = replace(record, steps=fitted.steps, best_step=fitted.best_step, history=fitted.history)
    if fitted.divergence:
        ended = fitted.divergence
        diverged = (Signature(kind="diverged", part="training", value=float(fitted.steps)),)
        return replace(steps_record, outcome=ended.outcome, error=ended.reason, signatures=diverged, times_s=clock.laps)
    evaluations = {split: _evaluate(fitted.model, dataset, split, config) for split in splits}
    signatures = _signatures(fitted.model, evaluations["test"], config) if "test" in evaluations else None
    clock.lap("evaluate")
    if "test" in evaluations:
        _write_results(attempt, fitted.model, evaluations["test"], config, record)
    clock.lap("write")
    return replace(
        steps_record,
        outcome="finished",
        metrics={split: evaluation.values for split, evaluation in evaluations.items()},
        undefined={split: evaluation.undefined for split, evaluation in evaluations.items()},
        signatures=signatures,
        times_s=clock.laps,
    )


def _evaluate(model: DiscoveryModel, dataset: Dataset, split: Split, config: TrialConfig) -> Evaluation:
    """Estimates of a split and their metrics."""
    clips = dataset.validation if split == "validation" else dataset.test
    on_device = clips.to(torch.device(config.device))
    estimate = estimate_clips(model, on_device, split, config)
    names = modulation_names(config.synth.modulations)

    def held(name: str) -> Tensor:
        return sounds_with_held_curve(model, on_device, estimate.curves, names.index(name), split, config).cpu()

    estimates = Estimates(
        clips=clips,
        audio=estimate.audio.cpu(),
        modulation=estimate.curves.modulation.cpu(),
        numbers=estimate.curves.numbers.cpu(),
        modulation_names=names,
        sample_rate=config.audio.sample_rate,
        frame_rate=config.audio.frame_rate,
        controls=None if (controls := estimate.curves.controls) is None else controls.cpu(),
        held=held if split == "test" else None,
    )
    return evaluate(estimates)


def _signatures(model: DiscoveryModel, evaluation: Evaluation, config: TrialConfig) -> tuple[Signature, ...]:
    """Failure signatures on the test split; the synth is diagnosed on some of its clips."""
    estimates = evaluation.estimates
    device = torch.device(config.device)
    chosen = torch.tensor(evenly_spaced(len(estimates.clips), N_DIAGNOSED))
    clips = estimates.clips[chosen].to(device)
    rng = generator(config.data.seed, "diagnosis")
    note = draw_note(clips, rng, with_noise=model.synth.needs_noise)
    measures = diagnose(model.synth, estimates.inputs[chosen].to(device), note, config.audio.sample_rate)
    return signatures_of(evaluation.values, estimates.modulation_names, measures)


def _write_results(
    attempt: Attempt, model: DiscoveryModel, evaluation: Evaluation, config: TrialConfig, record: TrialRecord
) -> None:
    """Write curves, values per clip, sounds of some clips, and weights into the attempt."""
    estimates = evaluation.estimates
    clips = estimates.clips
    curves = TrialCurves(
        clip_ids=clips.ids,
        f0_hz=clips.f0_hz.numpy(),
        frame_rate=estimates.frame_rate,
        audio_mss=evaluation.per_clip["audio.mss"].values.numpy(),
        modulations=tuple(_curves_by_modulation(estimates)),
    )
    write_curves(attempt, curves, study=record.study, arm=record.arm, seed=record.seed)
    write_clip_values(
        attempt,
        clips.ids,
        tuple(curve.modulation for curve in curves.modulations),
        {
            name: ValuesPerClip(values=metric.values.numpy(), modulations=metric.modulations)
            for name, metric in evaluation.per_clip.items()
        },
    )
    for i in evenly_spaced(len(clips.ids), config.trainer.n_audio_clips):
        for role, audio in (("target", clips.audio[i]), ("estimate", estimates.audio[i])):
            attempt.put(audio_name(clips.ids[i], role), _flac(audio.numpy(), config.audio.sample_rate))
    weights = {name: value.cpu() for name, value in model.state_dict().items()}
    attempt.put(MODEL_NAME, to_bytes({"digest": attempt.digest, "weights": weights}))


def evenly_spaced(n_clips: int, n_chosen: int) -> list[int]:
    """Indices of some clips at equal distances, the middles of as many equal parts of the split.

    They depend on the data only, so all arms store the same clips; neighbours in a folder often have the same patch.
    """
    n_chosen = min(n_chosen, n_clips)
    return [(2 * i + 1) * n_clips // (2 * n_chosen) for i in range(n_chosen)]


def _curves_by_modulation(estimates: Estimates) -> Iterator[ModulationCurves]:
    """Curves of the modulations of the synth, followed by those that only the data have."""
    true_curves, projection = estimates.clips.modulation, estimates.projection()
    true_names, names = estimates.clips.modulation_names, estimates.modulation_names
    for name in dict.fromkeys((*names, *true_names)):
        is_true, is_estimated = name in true_names, name in names
        yield ModulationCurves(
            modulation=name,
            target=true_curves[:, true_names.index(name)].numpy() if true_curves is not None and is_true else None,
            estimate=estimates.modulation[:, names.index(name)].numpy() if is_estimated else None,
            projection=projection[:, true_names.index(name)].numpy() if projection is not None and is_true else None,
        )


def _flac(audio: Float[np.ndarray, " sample"], sample_rate: int) -> bytes:
    """A sound as 16-bit FLAC, scaled down if it exceeds full scale."""
    buffer = io.BytesIO()
    gain = min(1.0, 0.999 / max(float(np.abs(audio).max()), 1e-9))
    soundfile.write(buffer, audio * gain, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


class _Watch:
    """Passes progress on, keeps the latest, and raises TrialTimeoutError once the time of the trial is over."""

    def __init__(self, on_progress: OnProgress, timeout_s: float | None) -> None:
        self.steps = 0
        self.history: tuple[dict[str, float], ...] = ()
        self._on_progress = on_progress
        self._timeout_s = timeout_s
        self._started = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        self.steps, self.history = progress.step, tuple(progress.history)
        self._on_progress(progress)
        if self._timeout_s is not None and time.monotonic() - self._started > self._timeout_s:
            raise TrialTimeoutError(
                f"it took longer than {self._timeout_s:g} s: step {progress.step} of {progress.max_steps}; "
                "give it more time (--trial-timeout), or fewer steps"
            )


class _Clock:
    """Wall time in seconds of consecutive phases of a trial."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Record the time since the last call under a name."""
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def _now() -> str:
    """The current time (UTC) in ISO format."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def _git_commit() -> str | None:
    """The git commit of the code; None if it is unknown."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
