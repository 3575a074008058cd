"""Settings of training and evaluation: number of steps, batch sizes, intervals and curriculum."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.settings.annotations import StepRange, UnitRange

ClipScope = Literal["all", "optimizer"]
"""Parameters whose gradients are clipped together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """Number of training steps, batch sizes, intervals, gradient clipping and curriculum."""

    max_steps: Annotated[
        int,
        Interval(ge=0, le=1_000_000_000),
        Unit("steps"),
        Doc("optimizer steps; 0 leaves the encoder untrained, as a baseline"),
    ] = 300
    batch_size: Annotated[int, Interval(ge=1, le=65_536), Unit("clips"), Doc("clips per training step")] = 4
    evaluation_batch_size: Annotated[
        int, Interval(ge=1, le=65_536), Unit("clips"), Doc("clips per evaluation batch")
    ] = 64
    validate_every: Annotated[int, StepRange, Unit("steps"), Doc("steps between validations")] = 60
    checkpoint_every: Annotated[int, StepRange, Unit("steps"), Doc("steps between checkpoints")] = 60
    gradient_clip: Annotated[
        float, Interval(gt=0, le=1e6), Doc("largest norm of the gradient; larger ones are scaled down")
    ] = 0.5
    clip_scope: Annotated[
        ClipScope,
        Doc(
            "norm that gradient_clip limits: 'all', over all parameters; 'optimizer', over those of each optimizer "
            "(encoder and adapters; the synth's own weights)"
        ),
    ] = "all"
    curriculum_share: Annotated[
        float, UnitRange, Doc("share of the training over which the curriculum fades out; 0 disables it")
    ] = 2 / 3
    diverged_above: Annotated[
        float, Interval(gt=0, le=1e12), Doc("a larger training loss ends the trial as diverged")
    ] = 100.0
    refine_steps: Annotated[
        int,
        Interval(ge=0, le=100_000),
        Unit("steps"),
        Doc(
            "gradient steps on the encoder's logits with which the curves of each clip are refined in evaluation, down "
            "the training loss of that clip, without labels; 0 evaluates what the encoder predicts, as in the reference"
        ),
    ] = 0
    refine_lr: Annotated[
        float, Interval(gt=0, le=1000), Doc("size of the first of these steps, in logits; it falls linearly to 0")
    ] = 0.3
    n_audio_clips: Annotated[
        int,
        Interval(ge=0, le=10_000),
        Unit("clips"),
        Doc("test clips, evenly spaced, whose target and estimate are stored as sound"),
    ] = 4
