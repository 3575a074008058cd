"""The resources of the trials fit the machine, or are refused before anything starts."""

from typing import Any

import pytest

from core.errors import StudyError
from core.storage.records import StudyPlan
from study.planning.resources import Machine, allocate, needs_gpu, this_machine, usable_cpus
from tests.support.tiny_study import TINY, tiny_plan

CPU = Machine(cpus=4, gpus=0)
GPU = Machine(cpus=16, gpus=1)


@pytest.mark.parametrize(
    ("machine", "options", "expected"),
    [
        (CPU, {}, (4, 1.0, 0.0)),
        (CPU, {"cpus_per_trial": 2}, (2, 2, 0.0)),
        (CPU, {"cpus_per_trial": 3}, (1, 3, 0.0)),
        (CPU, {"cpus_per_trial": 0.5}, (8, 0.5, 0.0)),
        (CPU, {"trials_at_once": 1}, (1, 1.0, 0.0)),
        (GPU, {"needs_gpu": True}, (16, 1.0, 1 / 16)),
        (GPU, {"needs_gpu": True, "trials_at_once": 4}, (4, 1.0, 0.25)),
        (GPU, {"needs_gpu": True, "gpus_per_trial": 0.5}, (2, 1.0, 0.5)),
        (Machine(cpus=8, gpus=2), {"needs_gpu": True, "trials_at_once": 3}, (3, 1.0, 0.5)),
    ],
)
def test_trials_fill_the_machine_and_never_exceed_it(
    machine: Machine, options: dict[str, Any], expected: tuple[int, float, float]
) -> None:
    found = allocate(machine, **{"needs_gpu": False, **options})
    assert (found.trials_at_once, found.cpus_per_trial, found.gpus_per_trial) == expected
    assert found.trials_at_once * found.cpus_per_trial <= machine.cpus
    assert found.trials_at_once * found.gpus_per_trial <= machine.gpus


def test_a_trial_has_one_thread_per_cpu() -> None:
    assert allocate(CPU, needs_gpu=False, cpus_per_trial=3).threads == 3
    assert allocate(CPU, needs_gpu=False, cpus_per_trial=0.5).threads == 1


@pytest.mark.parametrize(
    ("machine", "options", "message"),
    [
        (CPU, {"cpus_per_trial": 5}, "more than the 4 cores"),
        (CPU, {"cpus_per_trial": 0}, "must be above 0; got 0"),
        (CPU, {"cpus_per_trial": 1.5}, "above 1 is a whole number; got 1.5"),
        (CPU, {"gpus_per_trial": 1}, "more than the 0 GPUs"),
        (CPU, {"gpus_per_trial": -1}, "must be 0 or more"),
        (GPU, {"gpus_per_trial": 2}, "more than the 1 GPUs"),
        (CPU, {"trials_at_once": 5}, "--trials-at-once 5 does not fit: 4 trials of 1 CPU fit on 4 cores"),
        (CPU, {"trials_at_once": 0}, "must be 1 or more; got 0"),
        (GPU, {"gpus_per_trial": 0.5, "trials_at_once": 3}, "2 trials of 1 CPU and 0.5 GPUs fit"),
        (CPU, {"needs_gpu": True}, "would get no GPU"),
        (GPU, {"needs_gpu": True, "gpus_per_trial": 0}, "would get no GPU"),
    ],
)
def test_more_than_the_machine_has_is_refused(machine: Machine, options: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        allocate(machine, **{"needs_gpu": False, **options})


def test_this_machine_has_a_core() -> None:
    assert usable_cpus() >= 1
    assert this_machine().cpus == usable_cpus()


def test_a_study_wants_a_gpu_where_a_trial_runs_on_one(plan: StudyPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not needs_gpu(plan)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert needs_gpu(tiny_plan(config={**TINY["config"], "device": "cuda"}))
