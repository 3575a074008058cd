"""Peak memory of the trials of a study, against that of the machines, before anything starts.

What counts is all memory that a machine has (or its control group allows), not what is free at the moment: other
processes may take some of it, so `SPARE` is left to them where trials share a machine.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.errors import StudyError
from core.settings.data import SyntheticDataConfig
from core.settings.loading import from_settings, to_settings
from core.settings.trial import TrialConfig
from core.storage.records import PlannedArm, StudyPlan
from core.training.memory_estimate import UNCERTAINTY, Clips, MemoryEstimate, estimate_memory
from core.training.memory_remedy import memory_remedy
from search_spaces.study_parsing import parse_study

GIB = 2.0**30
SPARE = 0.1
"""Share of a machine's memory that is left to Ray, the driver and other processes."""
_SECTIONS = ("audio", "data", "encoder", "parameterization", "synth", "loss", "trainer")
"""Parts of a config on which the memory of its trials depends."""
_PLAIN = to_settings(TrialConfig(device="cpu"))
"""Settings that complete a part of a config to a whole one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNeed:
    """Estimated peak memory of the trials of an arm."""

    arm: str
    """Name of the arm; empty for a corner of a search space, or a trial alone."""
    config: TrialConfig
    n_clips: Clips | None
    """Numbers of clips, if they do not follow from the config."""
    estimate: MemoryEstimate

    @property
    def gib(self) -> float:
        """Peak memory of a trial in GiB."""
        return self.estimate.peak / GIB

    @property
    def whose(self) -> str:
        """What needs the memory, for messages."""
        return f"a trial of arm {self.arm!r}" if self.arm else "a trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNeeds:
    """Estimated peak memory of the trials of a study."""

    arms: Mapping[str, MemoryNeed]
    """By name of the planned arm."""
    corners: tuple[MemoryNeed, ...] = ()
    """Of the corners of its search space, where arms may be proposed."""

    @property
    def all(self) -> tuple[MemoryNeed, ...]:
        """Of arms and corners."""
        return (*self.arms.values(), *self.corners)


def memory_needs(plan: StudyPlan) -> MemoryNeeds:
    """Estimates for all arms of a plan, and for the corners of the spaces of its searches."""
    sections: dict[tuple[str, str], Any] = {}
    n_found = plan.data_summary.get("n_clips")
    arms = {arm.name: memory_need(_config(arm, sections), arm=arm.name, n_found=n_found) for arm in plan.arms}
    corners: tuple[MemoryNeed, ...] = ()
    if plan.study_file.get("search"):
        checks = (check for search in parse_study(plan.study_file).searches() for check in search.cell_checks)
        corners = tuple(memory_need(config, n_found=n_found) for check in checks for config in check.configs)
    return MemoryNeeds(arms=arms, corners=corners)


def memory_need(config: TrialConfig, *, arm: str = "", n_found: int | None = None) -> MemoryNeed:
    """The estimate for the trials of a config.

    Args:
        config: The config.
        arm: Name of its arm.
        n_found: Number of clips found in its folder, if its data come from one.
    """
    n_clips = None
    if n_found is not None and not isinstance(config.data, SyntheticDataConfig):
        held_out = math.ceil(n_found * config.data.validation_share), math.ceil(n_found * config.data.test_share)
        n_clips = (max(1, n_found - sum(held_out)), *held_out)
    return MemoryNeed(arm=arm, config=config, n_clips=n_clips, estimate=estimate_memory(config, n_clips))


def check_fits(need: MemoryNeed, memory_gib: float, machine: str, *, is_given: bool = False) -> None:
    """Check that a trial fits in the memory of a machine.

    Args:
        need: Its estimate.
        memory_gib: All memory of the machine; infinite if it is unknown.
        machine: Name of the machine.
        is_given: Whether the user has said how much memory a trial takes. Then it is refused only if it would not fit
            even if the estimate were too large by `UNCERTAINTY`.

    Raises:
        StudyError: it does not; the message names the setting that takes most, and a value with which it would.
    """
    needed = need.estimate.peak / (UNCERTAINTY if is_given else 1.0)
    if needed <= memory_gib * GIB:
        return
    raise TooLargeError(need, memory_gib, machine)


class TooLargeError(StudyError):
    """A trial does not fit in the memory of a machine."""

    def __init__(self, need: MemoryNeed, memory_gib: float, machine: str) -> None:
        self.gib = need.gib
        """Memory that the trial needs."""
        remedy = memory_remedy(need.config, memory_gib * GIB, need.n_clips)
        hint = "" if need.gib > UNCERTAINTY * memory_gib else "; if you know that it fits, give --memory-per-trial GIB"
        super().__init__(
            f"{need.whose} needs an estimated {gib_text(need.gib)} of memory, and {machine} has {gib_text(memory_gib)} "
            f"in all: {remedy}{hint}"
        )


def trials_in_memory(needs: Iterable[MemoryNeed], memory_gib: float) -> float:
    """Number of trials that fit in the memory of a machine at once, at least 1; infinite if nothing limits it."""
    room = memory_gib * GIB * (1 - SPARE)
    counts = [
        max(1, math.floor((room - need.estimate.shared - need.estimate.dataset) / need.estimate.per_trial))
        for need in needs
        if not math.isinf(room)
    ]
    return float(min(counts, default=math.inf))


def largest_need(needs: Sequence[MemoryNeed]) -> MemoryNeed | None:
    """The need of the trials that take most; None without needs."""
    return max(needs, key=lambda need: need.estimate.peak, default=None)


def gib_text(gib: float) -> str:
    """An amount of memory as text."""
    if gib < 100:
        return f"{gib:.3g} GiB"
    return f"{gib:,.0f} GiB" if gib < 10_000 else "more than 10,000 GiB"


def _config(arm: PlannedArm, sections: dict[tuple[str, str], Any]) -> TrialConfig:
    """The config of an arm as far as its memory depends on it.

    Args:
        arm: The arm.
        sections: Parts of configs by name and JSON, to which new ones are added: reading one takes a millisecond, and
            arms differ in few of them.
    """
    found = {}
    for name in _SECTIONS:
        key = name, json.dumps(arm.config[name])
        if key not in sections:
            sections[key] = getattr(from_settings({**_PLAIN, name: arm.config[name]}), name)
        found[name] = sections[key]
    return replace(TrialConfig(device=arm.config["device"]), **found)
