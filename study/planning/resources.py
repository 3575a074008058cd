"""Resources of trials and the number of parallel trials, checked against the machines before a study starts."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import StudyError
from core.storage.records import StudyPlan
from core.training.memory import usable_memory
from core.training.memory_estimate import UNCERTAINTY
from search_spaces.resources_entry import ResourcesEntry
from search_spaces.study_parsing import parse_study
from study.planning.memory import (
    MemoryNeed,
    MemoryNeeds,
    TooLargeError,
    check_fits,
    gib_text,
    largest_need,
    trials_in_memory,
)

MAX_NAMED = 8
"""Maximum number of machines that an error message lists."""
_MAX_WANTED_GIB = 2.0**16
"""Largest memory of a node that a cluster is asked for."""
MAX_FITTING = 100_000
"""Largest number of trials at once that is counted, if they take next to nothing."""
_ROUNDING = 1e-9
"""Tolerance for sums of fractions, such as ten tenths of a GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """CPU cores, GPUs and memory of one machine."""

    name: str = "this machine"
    cpus: float
    gpus: float
    memory_gib: float = math.inf

    def __str__(self) -> str:
        memory = "" if math.isinf(self.memory_gib) else f", {self.memory_gib:.3g} GiB of memory"
        return f"{self.name}: {self.cpus:g} cores, {self.gpus:g} GPUs{memory}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResources:
    """Resources that one trial gets."""

    cpus: float
    gpus: float = 0.0
    """Number of GPUs, or a fraction of one."""
    memory_gib: float = 0.0
    """Memory that is reserved, which Ray does not enforce; 0 to reserve none."""

    @property
    def threads(self) -> int:
        """Number of threads of the trial."""
        return max(1, math.floor(self.cpus))

    def request(self) -> dict[str, float]:
        """The resources by the names that Ray gives them, without those that are 0."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": math.ceil(self.memory_gib * 2**30)}
        return {name: amount for name, amount in wanted.items() if amount}

    def __str__(self) -> str:
        counts = ((self.cpus, "CPU"), (self.gpus, "GPU"))
        parts = [f"{count:.4g} {unit}{'' if count == 1 else 's'}" for count, unit in counts if count]
        return " and ".join([*parts, *([f"{self.memory_gib:g} GiB"] if self.memory_gib else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Resources of each trial, and the number of trials that run at once."""

    trials_at_once: int
    default: TrialResources
    """Resources of trials whose arm has no resources of its own."""
    overrides: tuple[ResourcesEntry, ...] = ()
    """Resources of some arms; later entries take precedence."""
    largest: MemoryNeed | None = None
    """Estimate for the trials that take most memory, of those that fit; None if it is unknown."""
    notes: tuple[str, ...] = ()
    """Sentences for the user on memory."""

    @property
    def are_equal(self) -> bool:
        """Whether all trials get the same resources."""
        return not self.overrides

    def of(self, arm: str) -> TrialResources:
        """Resources of the trials of an arm."""
        return _resources_of(arm, self.default, self.overrides)


class NoRoomError(StudyError):
    """Trials do not fit on the machines."""

    def __init__(self, message: str, wanted: TrialResources, count: int) -> None:
        super().__init__(message)
        self.wanted = wanted.request()
        """Resources of one trial by the names that Ray gives them."""
        self.count = count
        """Number of trials that should fit."""


def this_machine() -> Machine:
    """The cores, GPUs and memory that this process may use."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Machine(cpus=usable_cpus(), gpus=gpus, memory_gib=usable_memory_gib())


def usable_cpus() -> int:
    """Number of cores that this process may use, according to its CPU affinity and control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        limit = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return cores
    return max(1, min(cores, limit))


def usable_memory_gib() -> float:
    """Memory that this process may use, according to the machine and its control group; infinite if it is unknown."""
    return usable_memory() / 2**30


def needs_gpu(plan: StudyPlan) -> bool:
    """Whether any trial of the plan runs on a GPU."""
    return any(arm.config.get("device") == "cuda" for arm in plan.arms)


def overrides_of(plan: StudyPlan) -> tuple[ResourcesEntry, ...]:
    """Resources of some arms in the study file of a plan."""
    return parse_study(plan.study_file).resources if plan.study_file.get("resources") else ()


def allocate(
    machines: Sequence[Machine],
    *,
    needs_gpu: bool,
    trials_at_once: int | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
    memory_per_trial: float | None = None,
    arms: Sequence[str] = (),
    overrides: Sequence[ResourcesEntry] = (),
    needs: MemoryNeeds | None = None,
) -> Resources:
    """Check the given resources, and choose the others such that the machines are fully used but not overcommitted.

    Args:
        machines: The machines with their resources; a trial runs on one of them.
        needs_gpu: Whether any trial runs on a GPU.
        trials_at_once: Number of trials that run at once; by default as many as fit.
        cpus_per_trial: CPUs of each trial; 1 by default.
        gpus_per_trial: GPUs of each trial, or a fraction of one; by default an equal share for the trials at once.
        memory_per_trial: Memory of each trial in GiB; by default its estimate counts, and none is reserved.
        arms: Names of the arms known so far.
        overrides: Resources of some arms.
        needs: Estimated memory of the trials; by default nothing is known about it.

    Raises:
        StudyError: a value is invalid, or exceeds the resources of the machines.
    """
    cpus = _checked_count("--cpus-per-trial", 1.0 if cpus_per_trial is None else cpus_per_trial)
    if gpus_per_trial:
        _checked_count("--gpus-per-trial", gpus_per_trial)
    if memory_per_trial is not None and memory_per_trial <= 0:
        raise StudyError(f"--memory-per-trial must be above 0 GiB; got {memory_per_trial:g}")
    if trials_at_once is not None and trials_at_once < 1:
        raise StudyError(f"--trials-at-once must be 1 or more; got {trials_at_once}")
    default = TrialResources(cpus=cpus, gpus=gpus_per_trial or 0.0, memory_gib=memory_per_trial or 0.0)
    if needs_gpu and (gpus_per_trial == 0 or not any(machine.gpus for machine in machines)):
        raise NoRoomError(
            "the trials run on CUDA (device = 'cuda') and would get no GPU; --set device=cpu, or give one",
            replace(default, gpus=1.0),
            1,
        )
    if needs_gpu and gpus_per_trial is None:
        share = _gpu_share(machines, default, trials_at_once)
        default = replace(default, gpus=share)
    by_arm = {arm: _resources_of(arm, default, overrides) for arm in arms}
    kinds: dict[TrialResources, str] = {resources: arm for arm, resources in reversed(by_arm.items())} or {default: ""}
    fitting = {kind: sum(_n_fitting(machine, kind) for machine in machines) for kind in kinds}
    for kind, arm in kinds.items():
        if not fitting[kind]:
            whose, remedy = "the trials", "lower --cpus-per-trial, --gpus-per-trial or --memory-per-trial"
            if kind != default:
                whose, remedy = f"the trials of arm {arm!r}", "lower its [[resources]] in the study file"
            raise NoRoomError(
                f"a trial must fit on one machine: {whose} take {kind}, and there is no room on {_text(machines)}; "
                f"{remedy}",
                kind,
                trials_at_once or 1,
            )
    most = max(fitting.values())
    if trials_at_once is not None and trials_at_once > most:
        smallest = max(kinds, key=fitting.__getitem__)
        raise NoRoomError(
            f"--trials-at-once {trials_at_once} does not fit: {most} trials of {smallest} fit on {_text(machines)}; "
            "lower --trials-at-once or what each trial gets",
            smallest,
            trials_at_once,
        )
    resources = Resources(trials_at_once=trials_at_once or most, default=default, overrides=tuple(overrides))
    if needs is None:
        return resources
    return _within_memory(machines, resources, needs, is_chosen=trials_at_once is not None)


def _within_memory(
    machines: Sequence[Machine], resources: Resources, needs: MemoryNeeds, *, is_chosen: bool
) -> Resources:
    """The resources with so many trials at once as fit in the memory of the machines.

    Args:
        machines: The machines.
        resources: Resources that fit otherwise.
        needs: Estimated memory of the trials.
        is_chosen: Whether the user has chosen the number of trials at once.

    Raises:
        StudyError: a trial does not fit on any machine, or as many as the user has chosen do not fit.
    """
    largest_machine = max(machines, key=lambda machine: machine.memory_gib)
    given = {name: resources.of(name).memory_gib for name in needs.arms}
    try:
        fitting = _check_each(needs, given, largest_machine, is_given=resources.default.memory_gib > 0)
    except TooLargeError as error:
        wanted = replace(resources.default, memory_gib=min(error.gib, _MAX_WANTED_GIB))
        raise NoRoomError(str(error), wanted, 1) from error
    notes = tuple(_memory_notes(needs, given, largest_machine))
    unlimited = [need for name, need in needs.arms.items() if not given[name]]
    unlimited += [] if resources.default.memory_gib else fitting
    counts = [trials_in_memory(unlimited, machine.memory_gib) for machine in machines]
    default = resources.default
    need = largest_need(unlimited)
    is_limited = any(count < _n_fitting(machine, default) for machine, count in zip(machines, counts, strict=True))
    if need is not None and is_limited and len(machines) > 1:
        # Ray must not start more trials on a node than its memory allows.
        default = replace(default, memory_gib=need.gib)
    most = sum(int(min(_n_fitting(machine, default), n)) for machine, n in zip(machines, counts, strict=True)) or 1
    found = replace(resources, default=default, largest=largest_need([*needs.arms.values(), *fitting]), notes=notes)
    if need is None or not is_limited or most >= resources.trials_at_once:
        return found
    estimate = f"{need.whose} needs an estimated {gib_text(need.gib)} of memory"
    if is_chosen:
        raise NoRoomError(
            f"--trials-at-once {resources.trials_at_once} does not fit: {estimate}, and {most} fit on "
            f"{_text(machines)} in all; lower --trials-at-once, or give --memory-per-trial GIB if you know better",
            replace(default, memory_gib=need.gib),
            resources.trials_at_once,
        )
    total = gib_text(sum(machine.memory_gib for machine in machines))
    note = (
        f"{most} trial{'s' if most > 1 else ''} at once instead of {resources.trials_at_once}: {estimate}, of which "
        f"there is {total} in all (--memory-per-trial GIB if you know better)"
    )
    return replace(found, trials_at_once=most, notes=(*notes, note))


def _check_each(
    needs: MemoryNeeds, given: Mapping[str, float], machine: Machine, *, is_given: bool
) -> list[MemoryNeed]:
    """Check that the trials of each arm, and of some corner of the search space, fit on the largest machine.

    Args:
        needs: Estimated memory of the trials.
        given: Memory that the user has given to the trials of each arm; 0 for none.
        machine: The machine.
        is_given: Whether the user has given an amount to all trials.

    Returns:
        The corners that fit.

    Raises:
        TooLargeError: an arm, or every corner, does not fit.
    """
    for name, need in needs.arms.items():
        check_fits(need, machine.memory_gib, machine.name, is_given=given[name] > 0)
    fitting = [need for need in needs.corners if need.gib <= machine.memory_gib]
    if needs.corners and not fitting:
        smallest = min(needs.corners, key=lambda need: need.gib)
        check_fits(smallest, machine.memory_gib, machine.name, is_given=is_given)
    return fitting


def _memory_notes(needs: MemoryNeeds, given: Mapping[str, float], machine: Machine) -> Iterator[str]:
    """Remarks on arms that get less memory than they need, and on corners of a search space that do not fit."""
    for name, need in needs.arms.items():
        if 0 < given[name] < need.gib:
            yield (
                f"{need.whose} gets {gib_text(given[name])} of memory, and needs an estimated {gib_text(need.gib)}, "
                f"which may be wrong by a factor of {UNCERTAINTY:g}"
            )
    n_large = sum(need.gib > machine.memory_gib for need in needs.corners)
    if n_large:
        yield (
            f"{n_large} of {len(needs.corners)} corners of the search space need more memory than the "
            f"{gib_text(machine.memory_gib)} of {machine.name}; such trials end as out_of_memory"
        )


def _text(machines: Sequence[Machine]) -> str:
    """The machines and their resources, for messages."""
    if len(machines) > MAX_NAMED:
        return f"{'; '.join(map(str, machines[:MAX_NAMED]))}; and {len(machines) - MAX_NAMED} more"
    return "; ".join(map(str, machines)) or "a cluster without nodes that have CPUs"


def _resources_of(arm: str, default: TrialResources, overrides: Sequence[ResourcesEntry]) -> TrialResources:
    """Resources of an arm: the default, with the values of all entries that apply to it, in their order."""
    cpus, gpus, memory_gib = default.cpus, default.gpus, default.memory_gib
    for entry in overrides:
        if entry.applies_to(arm):
            cpus = cpus if entry.cpus is None else entry.cpus
            gpus = gpus if entry.gpus is None else entry.gpus
            memory_gib = memory_gib if entry.memory_gib is None else entry.memory_gib
    return TrialResources(cpus=cpus, gpus=gpus, memory_gib=memory_gib)


def _checked_count(option: str, value: float) -> float:
    """The value of an option, after a check that it is positive, and whole if above 1."""
    if value <= 0:
        raise StudyError(f"{option} must be above 0; got {value:g}")
    if value > 1 and value != int(value):
        raise StudyError(f"{option} above 1 is a whole number; got {value:g}")
    return value


def _gpu_share(machines: Sequence[Machine], share: TrialResources, trials_at_once: int | None) -> float:
    """The largest fraction of a GPU that all trials at once can have, given their CPUs and memory."""
    with_gpus = [machine for machine in machines if machine.gpus]
    if trials_at_once is not None:
        return 1 / math.ceil(trials_at_once / sum(machine.gpus for machine in with_gpus))
    return 1 / max(1, *(math.ceil(_n_fitting(machine, share) / machine.gpus) for machine in with_gpus))


def _n_fitting(machine: Machine, share: TrialResources) -> int:
    """Number of trials that fit on a machine at once."""
    limits = [_whole(machine.cpus / share.cpus)]
    if 0 < share.gpus <= 1:
        limits.append(math.floor(machine.gpus) * _whole(1 / share.gpus))
    elif share.gpus:
        limits.append(math.floor(machine.gpus / share.gpus))
    if share.memory_gib and not math.isinf(machine.memory_gib):
        limits.append(_whole(machine.memory_gib / share.memory_gib))
    return min(limits)


def _whole(ratio: float) -> int:
    """A ratio rounded down, at most `MAX_FITTING`."""
    return math.floor(min(ratio + _ROUNDING, MAX_FITTING))
