"""Settings of early stopping: rules that end a trial whose validation loss is worse than that of other trials.

To add a rule, add its config class to `EarlyStoppingConfig`, and its case to `study/execution/schedulers.py`.

A rule compares a trial with those that have come as far before it, so which trials are stopped depends on the order in
which results arrive: a search with early stopping is not reproducible, unlike one without. Stopped trials have a
history, but no metrics: neither samplers nor fronts see the losses at which they were stopped.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, MaxLen
from typing_extensions import Doc

from core.errors import ConfigError
from core.settings.annotations import StepRange
from core.storage.records import Stage

INCOMPARABLE = ("loss", "audio", "data")
"""Tables of settings whose values decide what a validation loss means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AshaConfig:
    """Asynchronous successive halving (ASHA, Li et al., 2020, arXiv:1810.05934).

    The rungs lie at `grace_steps` times powers of `reduction_factor`. A trial that reaches a rung goes on if its
    validation loss is within the best 1 / `reduction_factor` of those that reached it before.
    """

    kind: Literal["asha"] = "asha"
    grace_steps: Annotated[int, StepRange, Doc("training steps before a trial can be stopped; the first rung")] = 60
    reduction_factor: Annotated[
        float, Interval(gt=1, le=1000), Doc("inverse of the share of trials that pass a rung")
    ] = 3.0
    stages: Annotated[tuple[Stage, ...], MaxLen(10), Doc("stages whose trials can be stopped")] = ("search",)


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianConfig:
    """Median stopping rule (Golovin et al., Google Vizier, 2017).

    A trial is stopped if its best validation loss is worse than the median of the other trials' mean losses up to the
    same step.
    """

    kind: Literal["median"] = "median"
    grace_steps: Annotated[int, StepRange, Doc("training steps before a trial can be stopped")] = 60
    min_trials: Annotated[int, Interval(ge=1, le=100_000), Doc("other trials that must have come as far")] = 5
    stages: Annotated[tuple[Stage, ...], MaxLen(10), Doc("stages whose trials can be stopped")] = ("search",)


EarlyStoppingConfig = AshaConfig | MedianConfig


def check_comparable(settings: EarlyStoppingConfig, paths: dict[Stage, list[str]]) -> None:
    """Check that no stage with early stopping varies a setting that decides what a validation loss means.

    Args:
        settings: The rule.
        paths: Dotted paths of the settings that vary, by stage.

    Raises:
        ConfigError: such a setting varies.
    """
    for stage in settings.stages:
        for path in paths.get(stage, []):
            if path.partition(".")[0] in INCOMPARABLE:
                raise ConfigError(
                    f"early_stopping compares validation losses, which mean different things with different {path}; "
                    f"leave {path} out of what varies, or the stage {stage!r} out of early_stopping.stages"
                )
