"""Length and rhythm of a trial."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Unit
from typing_extensions import Doc

from core.settings.annotations import UnitRange


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """Length and rhythm of a trial."""

    max_steps: Annotated[
        int, Ge(0), Unit("steps"), Doc("optimizer steps; 0 leaves the encoder untrained, which is a baseline")
    ] = 300
    batch_size: Annotated[int, Ge(1), Unit("clips"), Doc("clips of a training step")] = 4
    evaluation_batch_size: Annotated[int, Ge(1), Unit("clips"), Doc("clips evaluated at once")] = 64
    validate_every: Annotated[int, Ge(1), Unit("steps"), Doc("steps from one validation to the next")] = 60
    checkpoint_every: Annotated[int, Ge(1), Unit("steps"), Doc("steps from one checkpoint to the next")] = 60
    gradient_clip: Annotated[float, Gt(0), Doc("largest gradient norm")] = 0.5
    curriculum_share: Annotated[
        float, UnitRange, Doc("share of the training over which the curriculum fades; 0 is none")
    ] = 2 / 3
    diverged_above: Annotated[float, Gt(0), Doc("a training loss above this ends the trial as diverged")] = 100.0
    n_audio_clips: Annotated[int, Ge(0), Unit("clips"), Doc("test clips whose sounds are kept to listen to")] = 4
