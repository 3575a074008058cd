"""Settings of training and evaluation: number of steps, batch sizes, intervals and curriculum."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Unit
from typing_extensions import Doc

from core.settings.annotations import UnitRange


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """Number of training steps, batch sizes, intervals, gradient clipping and curriculum."""

    max_steps: Annotated[
        int, Ge(0), Unit("steps"), Doc("optimizer steps; 0 leaves the encoder untrained, as a baseline")
    ] = 300
    batch_size: Annotated[int, Ge(1), Unit("clips"), Doc("clips per training step")] = 4
    evaluation_batch_size: Annotated[int, Ge(1), Unit("clips"), Doc("clips per evaluation batch")] = 64
    validate_every: Annotated[int, Ge(1), Unit("steps"), Doc("steps between validations")] = 60
    checkpoint_every: Annotated[int, Ge(1), Unit("steps"), Doc("steps between checkpoints")] = 60
    gradient_clip: Annotated[float, Gt(0), Doc("largest norm of the gradient; larger ones are scaled down")] = 0.5
    curriculum_share: Annotated[
        float, UnitRange, Doc("share of the training over which the curriculum fades out; 0 disables it")
    ] = 2 / 3
    diverged_above: Annotated[float, Gt(0), Doc("a larger training loss ends the trial as diverged")] = 100.0
    n_audio_clips: Annotated[
        int, Ge(0), Unit("clips"), Doc("test clips, evenly spaced, whose target and estimate are stored as sound")
    ] = 4
