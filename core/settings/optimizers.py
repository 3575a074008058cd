"""Settings of the optimizers, one class per kind."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Unit
from typing_extensions import Doc

from core.settings.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFreeConfig(Variant):
    """Schedule-Free AdamW, one optimizer for encoder and adapters, one for the synth's own weights."""

    kind: Literal["schedule_free_adamw"] = "schedule_free_adamw"
    lr: Annotated[float, Gt(0), Doc("learning rate of encoder and adapters")] = 5e-3
    synth_lr: Annotated[float, Gt(0), Doc("learning rate of the synth's own weights")] = 5e-2
    beta1: Annotated[float, Interval(gt=0, lt=1), Doc("interpolation of the averaged iterate")] = 0.9
    beta2: Annotated[float, Interval(gt=0, lt=1), Doc("decay of the squared gradient")] = 0.999
    weight_decay: Annotated[float, Ge(0), Doc("decoupled weight decay")] = 0.01
    warmup_steps: Annotated[int, Ge(0), Unit("steps"), Doc("linear warm-up")] = 0
    averaging_power: Annotated[
        float, Ge(0), Doc("step k weighs k to this power in the averaged weights; 0 weighs all steps alike")
    ] = 2.0


OptimizerConfig = ScheduleFreeConfig
