"""Resources of each trial, and how many trials run at once, checked against the machine before anything starts."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import StudyError
from core.storage.records import StudyPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The resources of this machine."""

    cpus: int
    gpus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The resources of each trial, and how many trials run at once."""

    trials_at_once: int
    cpus_per_trial: float
    gpus_per_trial: float

    @property
    def threads(self) -> int:
        """Threads of one trial."""
        return max(1, math.floor(self.cpus_per_trial))


def this_machine() -> Machine:
    import torch

    return Machine(cpus=usable_cpus(), gpus=torch.cuda.device_count() if torch.cuda.is_available() else 0)


def usable_cpus() -> int:
    """Cores that this process may use: its affinity, within the limit of its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        limit = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return cores
    return max(1, min(cores, limit))


def wants_gpu(plan: StudyPlan) -> bool:
    return any(trial.config.get("device") == "cuda" for trial in plan.trials)


def allocate(
    machine: Machine,
    *,
    wants_gpu: bool,
    trials_at_once: int | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
) -> Resources:
    """Resources per trial; what is not given is chosen so that the machine is used and not overcommitted.

    Raises:
        StudyError: the machine has less, so that trials would wait for ever.
    """
    cpus = _positive("--cpus-per-trial", 1.0 if cpus_per_trial is None else cpus_per_trial)
    if cpus > machine.cpus:
        raise StudyError(f"--cpus-per-trial {cpus:g} is more than the {machine.cpus} cores of this machine; lower it")
    if gpus_per_trial is not None and gpus_per_trial < 0:
        raise StudyError(f"--gpus-per-trial must be 0 or more; got {gpus_per_trial:g}")
    if gpus_per_trial is not None and gpus_per_trial > machine.gpus:
        raise StudyError(
            f"--gpus-per-trial {gpus_per_trial:g} is more than the {machine.gpus} GPUs of this machine; lower it"
        )
    if gpus_per_trial is not None and gpus_per_trial > 1 and gpus_per_trial != int(gpus_per_trial):
        raise StudyError(f"--gpus-per-trial above 1 is a whole number; got {gpus_per_trial:g}")
    if wants_gpu and (machine.gpus == 0 or gpus_per_trial == 0):
        raise StudyError("the trials run on CUDA (device = 'cuda') and would get no GPU; --set device=cpu, or give one")
    fitting = math.floor(machine.cpus / cpus + 1e-9)
    if gpus_per_trial:
        fitting = min(fitting, _gpu_slots(machine.gpus, gpus_per_trial))
    at_once = fitting if trials_at_once is None else trials_at_once
    if at_once < 1:
        raise StudyError(f"--trials-at-once must be 1 or more; got {at_once}")
    if at_once > fitting:
        raise StudyError(
            f"--trials-at-once {at_once} does not fit: {fitting} trials of {cpus:g} CPUs"
            f"{f' and {gpus_per_trial:g} GPUs' if gpus_per_trial else ''} fit on {machine.cpus} cores and "
            f"{machine.gpus} GPUs; lower --trials-at-once or what each trial gets"
        )
    gpus = gpus_per_trial
    if gpus is None:
        gpus = 1 / math.ceil(at_once / machine.gpus) if wants_gpu else 0.0
    return Resources(trials_at_once=at_once, cpus_per_trial=cpus, gpus_per_trial=gpus)


def _positive(option: str, value: float) -> float:
    if value <= 0:
        raise StudyError(f"{option} must be above 0; got {value:g}")
    if value > 1 and value != int(value):
        raise StudyError(f"{option} above 1 is a whole number; got {value:g}")
    return value


def _gpu_slots(gpus: int, share: float) -> int:
    return gpus * math.floor(1 / share + 1e-9) if share <= 1 else math.floor(gpus / share)
