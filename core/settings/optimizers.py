"""Settings of the optimizers, one class per kind."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Unit
from typing_extensions import Doc

from core.settings.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFreeConfig(Variant):
    """Schedule-Free AdamW: one optimizer for encoder and adapters, one for the synth's own weights."""

    kind: Literal["schedule_free_adamw"] = "schedule_free_adamw"
    lr: Annotated[float, Interval(gt=0, le=1000), Doc("learning rate of encoder and adapters")] = 5e-3
    synth_lr: Annotated[
        float, Interval(gt=0, le=1000), Doc("learning rate of the synth's own weights, such as a wavetable")
    ] = 5e-2
    beta1: Annotated[
        float, Interval(gt=0, lt=1), Doc("share of the average in the weights at which gradients are computed")
    ] = 0.9
    beta2: Annotated[float, Interval(gt=0, lt=1), Doc("decay of the moving average of squared gradients")] = 0.999
    weight_decay: Annotated[float, Interval(ge=0, le=1000), Doc("decoupled weight decay")] = 0.01
    warmup_steps: Annotated[
        int, Interval(ge=0, le=1_000_000_000), Unit("steps"), Doc("linear warm-up of the learning rate")
    ] = 0
    averaging_power: Annotated[
        float,
        Interval(ge=0, le=20),
        Doc("step k counts k^averaging_power in the averaged weights; 0 counts all steps equally"),
    ] = 2.0


OptimizerConfig = ScheduleFreeConfig
