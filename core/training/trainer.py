"""Training loop of a trial, with validation, checkpoints and evaluation.

Progress and checkpoints are passed to callbacks; the loop does not depend on studies or trackers.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from core.clips import Clips, Dataset
from core.losses.build import build_loss
from core.modulations import modulation_names
from core.seeding import generator
from core.settings.trainer import TrainerConfig
from core.settings.trial import TrialConfig
from core.storage.records import Split
from core.synths.base import Synth
from core.synths.note import Note, draw_note, note_by_id
from core.training.checkpoint import Checkpoint
from core.training.memory import reuse_freed_memory
from core.training.model import DiscoveryModel, Estimate, EstimatedCurves, build_model, joined
from core.training.optimizers import FlatAdamW, averaged_model, build_optimizers, compute_gradients
from core.training.refinement import refined_curves

PROGRESS_EVERY = 10
"""Steps between calls of `on_progress`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a trial."""

    step: int
    max_steps: int
    train_loss: float | None
    """Mean since the last validation; None before the first step."""
    validation_loss: float | None
    """Loss of the latest validation, without the penalty of the parameterization."""
    elapsed_s: float
    history: Sequence[dict[str, float]] = ()
    """Entries of all validations so far, see `FitResult.history`."""


OnProgress = Callable[[Progress], None]
"""Callback for the progress of a trial."""
OnCheckpoint = Callable[[Checkpoint], None]
"""Callback that stores a checkpoint."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Why training ended early."""

    outcome: Literal["diverged", "nan"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FitResult:
    """A trained model and its training history."""

    model: DiscoveryModel
    """The model with the averaged weights of the best validation loss."""
    steps: int
    """Number of training steps."""
    best_step: int
    """Step with the best validation loss."""
    history: tuple[dict[str, float], ...]
    """An entry per validation with `step`, `train_loss`, `validation_loss` and `elapsed_s`.

    Only `train_loss` contains the penalty of the parameterization.
    """
    divergence: Divergence | None
    """Why training ended early; None if it reached the last step."""


def fit(
    config: TrialConfig,
    digest: str,
    dataset: Dataset,
    *,
    resume_from: Checkpoint | None = None,
    on_checkpoint: OnCheckpoint = lambda _: None,
    on_progress: OnProgress = lambda _: None,
) -> FitResult:
    """Train the model of a resolved config and return it with the weights of the best validation loss.

    Args:
        config: The resolved config.
        digest: Its digest, stored in checkpoints.
        dataset: The clips to train and validate on.
        resume_from: A checkpoint of an earlier attempt; the result is the same as without the interruption.
        on_checkpoint: Called every `trainer.checkpoint_every` steps.
        on_progress: Called every `PROGRESS_EVERY` steps and after each validation.
    """
    reuse_freed_memory()
    run = _Run(config, digest, dataset)
    if resume_from is None:
        run.validate()
    else:
        run.restore(resume_from)
    trainer = config.trainer
    while run.step < run.max_steps and run.divergence is None:
        run.train()
        is_last = run.step == run.max_steps
        validates = is_last or run.step % trainer.validate_every == 0
        reports = validates or run.step % PROGRESS_EVERY == 0
        saves = run.step % trainer.checkpoint_every == 0 and not is_last
        if reports or saves or not reading_waits(config.device):
            run.read_losses()
        if run.divergence is not None:
            break
        if validates:
            run.validate()
        # First, because on_progress may end the trial, which then goes on from here.
        if saves:
            on_checkpoint(run.checkpoint())
        if reports:
            on_progress(run.progress())
    return run.finish()


class _Run:
    """State of the training of one trial, which can be saved to and restored from a checkpoint."""

    def __init__(self, config: TrialConfig, digest: str, dataset: Dataset) -> None:
        device = torch.device(config.device)
        self.config = config
        self.digest = digest
        self.model = build_model(config).to(device)
        self.optimizers = build_optimizers(self.model, config.optimizer)
        self.loss_function = build_loss(config.loss).to(device)
        self.clips, self.validation_clips = dataset.train.to(device), dataset.validation.to(device)
        self.max_steps = config.trainer.max_steps if self.optimizers else 0
        self.step = 0
        self.best_loss, self.best_step, self.best_model = math.inf, 0, self.model.state_dict()
        self.history: list[dict[str, float]] = []
        self.recent_losses: list[float] = []
        self._unread_losses: list[Tensor] = []
        self.divergence: Divergence | None = None
        self._elapsed_before = 0.0
        self._started = time.perf_counter()

    @property
    def elapsed_s(self) -> float:
        """Wall time of the training in seconds, including earlier attempts."""
        return self._elapsed_before + time.perf_counter() - self._started

    def train(self) -> None:
        """Take one training step; `read_losses` records its loss."""
        loss = train_step(self.model, self.optimizers, self.clips, self.loss_function, self.config, self.step)
        self.step += 1
        self._unread_losses.append(loss)

    def read_losses(self) -> None:
        """Record the losses of the steps since the last call, up to the first that diverged, and that divergence.

        On a GPU this waits for the steps, which is why not every step is followed by it.
        """
        losses, self._unread_losses = torch.stack(self._unread_losses).tolist(), []
        limit = self.config.trainer.diverged_above
        for step, loss in enumerate(losses, self.step - len(losses) + 1):
            # True for NaN as well.
            if not loss <= limit:
                self.divergence = Divergence(
                    "nan" if math.isnan(loss) else "diverged",
                    f"a training loss must stay at most trainer.diverged_above={limit:g}; it was {loss:g} at step "
                    f"{step}; lower optimizer.lr or trainer.gradient_clip",
                )
                return
            self.recent_losses.append(loss)

    def validate(self) -> None:
        """Evaluate the averaged weights, save them if they are the best so far, and add an entry to the history."""
        averaged = averaged_model(self.model, self.optimizers)
        loss = evaluation_loss(averaged, self.validation_clips, "validation", self.config, self.loss_function)
        if not math.isfinite(loss):
            self.divergence = Divergence(
                "nan" if math.isnan(loss) else "diverged",
                f"a validation loss must be a number; it was {loss:g} at step {self.step}",
            )
            return
        if loss < self.best_loss:
            self.best_loss, self.best_step, self.best_model = loss, self.step, averaged.state_dict()
        entry = {"step": float(self.step), "validation_loss": loss, "elapsed_s": self.elapsed_s}
        if self.recent_losses:
            entry["train_loss"] = sum(self.recent_losses) / len(self.recent_losses)
        self.history.append(entry)
        self.recent_losses = []

    def progress(self) -> Progress:
        """The current progress."""
        recent = self.recent_losses
        return Progress(
            step=self.step,
            max_steps=self.max_steps,
            train_loss=sum(recent) / len(recent) if recent else self.history[-1].get("train_loss"),
            validation_loss=self.history[-1]["validation_loss"],
            elapsed_s=self.elapsed_s,
            history=self.history,
        )

    def checkpoint(self) -> Checkpoint:
        """The current state as a checkpoint."""
        return Checkpoint(
            digest=self.digest,
            step=self.step,
            model=self.model.state_dict(),
            optimizers=[optimizer.state_dict() for optimizer in self.optimizers],
            best_model=self.best_model,
            best_step=self.best_step,
            best_loss=self.best_loss,
            history=self.history,
            recent_losses=self.recent_losses,
            elapsed_s=self.elapsed_s,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from the state in a checkpoint."""
        self.model.load_state_dict(checkpoint.model)
        for optimizer, state in zip(self.optimizers, checkpoint.optimizers, strict=True):
            optimizer.load_state_dict(state)
        self.step = checkpoint.step
        self.best_loss, self.best_step = checkpoint.best_loss, checkpoint.best_step
        self.best_model = checkpoint.best_model
        self.history, self.recent_losses = list(checkpoint.history), list(checkpoint.recent_losses)
        self._elapsed_before = checkpoint.elapsed_s

    def finish(self) -> FitResult:
        """The result, with the best weights loaded into the model."""
        self.model.load_state_dict(self.best_model)
        return FitResult(
            model=self.model,
            steps=self.step,
            best_step=self.best_step,
            history=tuple(self.history),
            divergence=self.divergence,
        )


def train_step(
    model: DiscoveryModel,
    optimizers: Sequence[FlatAdamW],
    clips: Clips,
    loss_function: nn.Module,
    config: TrialConfig,
    step: int,
) -> Float[Tensor, ""]:
    """Take one training step and return its loss; all random draws derive from the seed and the step.

    The loss is that of the sounds plus the penalty of the parameterization, which no other loss contains. Nothing in
    the step waits for a GPU, which may still compute it when this returns.
    """
    batch = clips[batch_indices(config.seed, len(clips), config.trainer.batch_size, step)]
    rng = generator(config.seed, "training", step)
    note = draw_note(batch, rng, with_noise=model.synth.needs_noise)
    strength = curriculum_strength(config.trainer, step)
    estimate: Estimate = model(batch.audio, note, strength, rng, "training", true_curves(batch, config))
    loss: Tensor = loss_function(estimate.audio, batch.audio) + estimate.curves.penalty
    compute_gradients(loss, optimizers, config.trainer.gradient_clip, config.trainer.clip_scope)
    for optimizer in optimizers:
        optimizer.step()
    return loss.detach()


def true_curves(clips: Clips, config: TrialConfig) -> Float[Tensor, "clip modulation frame"] | None:
    """The true curves of the synth's modulations, if the parameterization needs them."""
    if not config.parameterization.needs_true_curves:
        return None
    return clips.curves_of(modulation_names(config.synth.modulations))


def reading_waits(device: str) -> bool:
    """Whether reading a tensor's values waits until the device has computed them, as on a GPU."""
    return device != "cpu"


def curriculum_strength(config: TrainerConfig, step: int) -> float:
    """Strength of the curriculum: it falls linearly from 1 at step 0 to 0 after `curriculum_share` of the steps."""
    fading = config.max_steps * config.curriculum_share
    return max(0.0, 1.0 - step / fading) if fading > 0 else 0.0


def batch_indices(seed: int, n_clips: int, batch_size: int, step: int) -> Int[Tensor, " {batch_size}"]:
    """Indices of the clips in a batch; batches run through consecutive shuffled epochs and are all full."""
    positions = range(step * batch_size, (step + 1) * batch_size)
    orders = {
        epoch: torch.randperm(n_clips, generator=generator(seed, "batches", epoch))
        for epoch in range(positions[0] // n_clips, positions[-1] // n_clips + 1)
    }
    return torch.stack([orders[position // n_clips][position % n_clips] for position in positions])


@torch.no_grad()
def estimate_clips(model: DiscoveryModel, clips: Clips, split: Split, config: TrialConfig) -> Estimate:
    """Estimates of all clips for the results of a trial; those of a clip depend neither on the others nor on batches.

    Start phases and noise depend on the seed of the data, not of the trial. With `trainer.refine_steps`, the curves of
    an encoder are refined.
    """
    is_refined = config.trainer.refine_steps > 0 and not config.is_baseline
    estimates: list[Estimate] = []
    for batch, note, draws in _evaluation_batches(model.synth, clips, split, config):
        if is_refined:
            curves = refined_curves(model, batch.audio, note, _refinement_phases(batch, split, config), config)
            estimates.append(Estimate(model.synth(curves.inputs, note), curves))
        else:
            estimates.append(model(batch.audio, note, 0.0, draws, "results", true_curves(batch, config)))
    return joined(estimates)


def _refinement_phases(clips: Clips, split: Split, config: TrialConfig) -> Float[Tensor, "clip step_and_one"]:
    """Start phases in cycles for each step of a refinement, and one more; those of a clip depend on its id only."""
    draws = (generator(config.data.seed, "refinement phase", split, clip_id) for clip_id in clips.ids)
    phases = torch.stack([torch.rand(config.trainer.refine_steps + 1, generator=draw) for draw in draws])
    return phases.to(clips.audio.device, non_blocking=True)


@torch.no_grad()
def sounds_with_held_curve(
    model: DiscoveryModel,
    clips: Clips,
    curves: EstimatedCurves,
    index: int,
    split: Split,
    config: TrialConfig,
) -> Float[Tensor, "clip sample"]:
    """Sounds of the curves of `estimate_clips` with one of them held at its mean over each clip.

    Pitch, resonance, start phase and noise are those of `estimate_clips`.
    """
    held = curves.inputs.clone()
    held[:, index] = curves.modulation[:, index].mean(-1, keepdim=True)
    return sounds_of_inputs(model.synth, clips, held, split, config)


@torch.no_grad()
def sounds_of_inputs(
    synth: Synth[Any],
    clips: Clips,
    inputs: Float[Tensor, "clip channel frame"],
    split: Split,
    config: TrialConfig,
    other_phase: int | None = None,
) -> Float[Tensor, "clip sample"]:
    """Sounds of any inputs of a synth, with the pitch, resonance, start phase and noise of `estimate_clips`.

    Args:
        synth: The synth of a model.
        clips: Clips of the split.
        inputs: What the synth plays: modulation curves, and free controls if it has any.
        split: Name of the split.
        config: The config of the trial.
        other_phase: Number of another start phase of each clip; None for that of `estimate_clips`.
    """
    sounds, start = [], 0
    for batch, note, _ in _evaluation_batches(synth, clips, split, config):
        if other_phase is not None:
            other = note_by_id(batch, config.data.seed, "other phase", other_phase, split, with_noise=False)
            note = replace(note, phase=other.phase)
        sounds.append(synth(inputs[start : start + len(batch)], note))
        start += len(batch)
    return torch.cat(sounds)


@torch.no_grad()
def evaluation_loss(
    model: DiscoveryModel, clips: Clips, split: Split, config: TrialConfig, loss_function: nn.Module
) -> float:
    """Loss over a split that selects a checkpoint, as the mean over batches weighted by their number of clips.

    It is the loss of the sounds alone, without noise and without the penalty of the parameterization.
    """
    total = 0.0
    for batch, note, draws in _evaluation_batches(model.synth, clips, split, config):
        estimate: Estimate = model(batch.audio, note, 0.0, draws, "selection", true_curves(batch, config))
        total += float(loss_function(estimate.audio, batch.audio)) * len(batch)
    return total / len(clips)


def _evaluation_batches(
    synth: Synth[Any], clips: Clips, split: Split, config: TrialConfig
) -> Iterator[tuple[Clips, Note, list[torch.Generator]]]:
    """Batches of a split with their notes, and a generator per clip for the curves of random baselines."""
    size = config.trainer.evaluation_batch_size
    for start in range(0, len(clips), size):
        batch = clips[slice(start, start + size)]
        note = note_by_id(batch, config.data.seed, "estimate phase", split, with_noise=synth.needs_noise)
        # Curves of random baselines depend on the seed of the trial.
        yield batch, note, [generator(config.seed, "curves", split, clip_id) for clip_id in batch.ids]
