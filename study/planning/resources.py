"""Resources of trials and the number of parallel trials, checked against the machine before a study starts."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import StudyError
from core.storage.records import StudyPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Numbers of CPU cores and GPUs of a machine."""

    cpus: int
    gpus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Resources of each trial, and the number of trials that run at once."""

    trials_at_once: int
    cpus_per_trial: float
    gpus_per_trial: float
    """Number of GPUs, or a fraction of one."""

    @property
    def threads(self) -> int:
        """Number of threads of each trial."""
        return max(1, math.floor(self.cpus_per_trial))


def this_machine() -> Machine:
    """The cores and GPUs that this process may use."""
    import torch

    return Machine(cpus=usable_cpus(), gpus=torch.cuda.device_count() if torch.cuda.is_available() else 0)


def usable_cpus() -> int:
    """Number of cores that this process may use, according to its CPU affinity and control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        limit = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return cores
    return max(1, min(cores, limit))


def needs_gpu(plan: StudyPlan) -> bool:
    """Whether any trial of the plan runs on a GPU."""
    return any(arm.config.get("device") == "cuda" for arm in plan.arms)


def allocate(
    machine: Machine,
    *,
    needs_gpu: bool,
    trials_at_once: int | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
) -> Resources:
    """Check the given resources, and choose the others such that the machine is fully used but not overcommitted.

    Args:
        machine: The resources that are available.
        needs_gpu: Whether any trial runs on a GPU.
        trials_at_once: Number of trials that run at once; by default as many as fit.
        cpus_per_trial: CPUs of each trial; 1 by default.
        gpus_per_trial: GPUs of each trial, or a fraction of one; by default an equal share for the trials at once.

    Raises:
        StudyError: a value is invalid, or exceeds the resources of the machine.
    """
    cpus = _checked_count("--cpus-per-trial", 1.0 if cpus_per_trial is None else cpus_per_trial)
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
    if needs_gpu and (machine.gpus == 0 or gpus_per_trial == 0):
        raise StudyError("the trials run on CUDA (device = 'cuda') and would get no GPU; --set device=cpu, or give one")
    n_fitting = math.floor(machine.cpus / cpus + 1e-9)
    if gpus_per_trial:
        n_fitting = min(n_fitting, _n_fitting_on_gpus(machine.gpus, gpus_per_trial))
    at_once = n_fitting if trials_at_once is None else trials_at_once
    if at_once < 1:
        raise StudyError(f"--trials-at-once must be 1 or more; got {at_once}")
    if at_once > n_fitting:
        raise StudyError(
            f"--trials-at-once {at_once} does not fit: {n_fitting} trials of "
            f"{share_text(cpus, gpus_per_trial or 0)} fit on {machine.cpus} cores and {machine.gpus} GPUs; "
            "lower --trials-at-once or what each trial gets"
        )
    gpus = gpus_per_trial
    if gpus is None:
        gpus = 1 / math.ceil(at_once / machine.gpus) if needs_gpu else 0.0
    return Resources(trials_at_once=at_once, cpus_per_trial=cpus, gpus_per_trial=gpus)


def _checked_count(option: str, value: float) -> float:
    """The value of an option, after a check that it is positive, and whole if above 1."""
    if value <= 0:
        raise StudyError(f"{option} must be above 0; got {value:g}")
    if value > 1 and value != int(value):
        raise StudyError(f"{option} above 1 is a whole number; got {value:g}")
    return value


def _n_fitting_on_gpus(gpus: int, share: float) -> int:
    """Number of trials that fit on the GPUs at once, each with `share` GPUs (a fraction, or a whole number)."""
    return gpus * math.floor(1 / share + 1e-9) if share <= 1 else math.floor(gpus / share)


def share_text(cpus: float, gpus: float) -> str:
    """CPUs and GPUs of a trial as text, such as `1 CPU and 0.5 GPUs`."""
    counts = ((cpus, "CPU"), (gpus, "GPU"))
    return " and ".join(f"{count:g} {unit}{'' if count == 1 else 's'}" for count, unit in counts if count)
