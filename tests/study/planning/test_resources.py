"""The resources of the trials fit the machines, or are refused before anything starts."""

from typing import Any

import pytest

from core.errors import StudyError
from core.storage.records import StudyPlan
from search_spaces.resources_entry import ResourcesEntry
from study.planning.resources import (
    Machine,
    NoRoomError,
    Resources,
    TrialResources,
    allocate,
    needs_gpu,
    overrides_of,
    this_machine,
    usable_cpus,
)
from tests.support.tiny_study import TINY, tiny_plan

CPU = [Machine(cpus=4, gpus=0)]
GPU = [Machine(cpus=16, gpus=1)]
TWO_GPUS = [Machine(cpus=8, gpus=2)]
CLUSTER = [
    Machine(name="a", cpus=4, gpus=0, memory_gib=8),
    Machine(name="b", cpus=8, gpus=2, memory_gib=16),
    Machine(name="c", cpus=1, gpus=1, memory_gib=4),
]
WIDE = ResourcesEntry(arms=("wide*",), cpus=2.0, gpus=0.5, memory_gib=4.0)


@pytest.mark.parametrize(
    ("machines", "options", "expected"),
    [
        (CPU, {}, (4, 1.0, 0.0)),
        (CPU, {"cpus_per_trial": 2}, (2, 2, 0.0)),
        (CPU, {"cpus_per_trial": 3}, (1, 3, 0.0)),
        (CPU, {"cpus_per_trial": 0.5}, (8, 0.5, 0.0)),
        (CPU, {"trials_at_once": 1}, (1, 1.0, 0.0)),
        (GPU, {"needs_gpu": True}, (16, 1.0, 1 / 16)),
        (GPU, {"needs_gpu": True, "trials_at_once": 4}, (4, 1.0, 0.25)),
        (GPU, {"needs_gpu": True, "gpus_per_trial": 0.5}, (2, 1.0, 0.5)),
        (GPU, {"gpus_per_trial": 0.1}, (10, 1.0, 0.1)),
        (TWO_GPUS, {"needs_gpu": True, "trials_at_once": 3}, (3, 1.0, 0.5)),
        (CLUSTER, {}, (13, 1.0, 0.0)),
        (CLUSTER, {"cpus_per_trial": 3}, (3, 3, 0.0)),
        (CLUSTER, {"cpus_per_trial": 8}, (1, 8, 0.0)),
        (CLUSTER, {"gpus_per_trial": 1}, (3, 1.0, 1.0)),
        (CLUSTER, {"gpus_per_trial": 2}, (1, 1.0, 2.0)),
        (CLUSTER, {"needs_gpu": True}, (9, 1.0, 0.25)),
        (CLUSTER, {"memory_per_trial": 4}, (7, 1.0, 0.0)),
        (CLUSTER, {"memory_per_trial": 16}, (1, 1.0, 0.0)),
    ],
)
def test_trials_fill_the_machines_and_never_exceed_them(
    machines: list[Machine], options: dict[str, Any], expected: tuple[int, float, float]
) -> None:
    found = allocate(machines, **{"needs_gpu": False, **options})
    assert (found.trials_at_once, found.default.cpus, found.default.gpus) == expected
    assert found.trials_at_once * found.default.cpus <= sum(machine.cpus for machine in machines)
    assert found.trials_at_once * found.default.gpus <= sum(machine.gpus for machine in machines)


def test_a_trial_has_one_thread_per_cpu() -> None:
    assert TrialResources(cpus=3).threads == 3
    assert TrialResources(cpus=0.5).threads == 1


def test_resources_have_the_names_of_ray_and_those_of_people() -> None:
    share = TrialResources(cpus=2, gpus=0.5, memory_gib=4)
    assert share.request() == {"CPU": 2, "GPU": 0.5, "memory": 4 * 2**30}
    assert str(share) == "2 CPUs and 0.5 GPUs and 4 GiB"
    assert TrialResources(cpus=1).request() == {"CPU": 1}
    assert str(TrialResources(cpus=1)) == "1 CPU"


@pytest.mark.parametrize(
    ("machines", "options", "message"),
    [
        (CPU, {"cpus_per_trial": 5}, "one machine: the trials take 5 CPUs, and there is no room on this machine: 4"),
        (CPU, {"cpus_per_trial": 0}, "must be above 0; got 0"),
        (CPU, {"cpus_per_trial": 1.5}, "above 1 is a whole number; got 1.5"),
        (CPU, {"gpus_per_trial": 1}, "no room on this machine: 4 cores, 0 GPUs"),
        (CPU, {"gpus_per_trial": -1}, "must be above 0; got -1"),
        (CPU, {"memory_per_trial": 0}, "must be above 0 GiB; got 0"),
        (GPU, {"gpus_per_trial": 2}, "take 1 CPU and 2 GPUs"),
        (CPU, {"trials_at_once": 5}, "--trials-at-once 5 does not fit: 4 trials of 1 CPU fit on this machine: 4 cores"),
        (CPU, {"trials_at_once": 0}, "must be 1 or more; got 0"),
        (GPU, {"gpus_per_trial": 0.5, "trials_at_once": 3}, "2 trials of 1 CPU and 0.5 GPUs fit"),
        (CPU, {"needs_gpu": True}, "would get no GPU"),
        (GPU, {"needs_gpu": True, "gpus_per_trial": 0}, "would get no GPU"),
        (CLUSTER, {"cpus_per_trial": 9}, "no room on a: 4 cores, 0 GPUs, 8 GiB of memory; b: 8 cores"),
        (CLUSTER, {"memory_per_trial": 17}, "take 1 CPU and 17 GiB"),
        (CLUSTER, {"gpus_per_trial": 3}, "a trial must fit on one machine"),
        ([], {}, "no room on a cluster without nodes that have CPUs"),
    ],
)
def test_more_than_the_machines_have_is_refused(machines: list[Machine], options: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        allocate(machines, **{"needs_gpu": False, **options})


def test_what_does_not_fit_says_what_would_be_needed() -> None:
    with pytest.raises(NoRoomError) as raised:
        allocate(CPU, needs_gpu=False, trials_at_once=6, memory_per_trial=1)
    assert (raised.value.wanted, raised.value.count) == ({"CPU": 1.0, "memory": 2**30}, 6)


def test_arms_have_resources_of_their_own() -> None:
    arms = ["wide-32", "narrow"]
    found = allocate(CLUSTER, needs_gpu=False, arms=arms, overrides=[WIDE])
    assert found.of("wide-32") == TrialResources(cpus=2, gpus=0.5, memory_gib=4)
    assert found.of("narrow") == TrialResources(cpus=1)
    assert found.trials_at_once == 13, "as many as fit of the smallest"
    assert allocate(CLUSTER, needs_gpu=False, arms=arms[:1], overrides=[WIDE]).trials_at_once == 4
    with pytest.raises(NoRoomError, match="the trials of arm 'wide-32' take 2 CPUs and 0.5 GPUs and 4 GiB"):
        allocate(CPU, needs_gpu=False, arms=arms, overrides=[WIDE])


def test_of_several_entries_for_an_arm_the_last_one_wins_value_by_value() -> None:
    entries = (
        ResourcesEntry(arms=("*",), cpus=2.0, memory_gib=1.0),
        ResourcesEntry(arms=("a", "b-[0-9]"), cpus=4.0),
    )
    resources = Resources(trials_at_once=1, default=TrialResources(cpus=1, gpus=0.5), overrides=entries)
    assert resources.of("b-7") == TrialResources(cpus=4, gpus=0.5, memory_gib=1)
    assert resources.of("b-x") == TrialResources(cpus=2, gpus=0.5, memory_gib=1)


def test_resources_of_arms_are_part_of_the_stored_study_file(plan: StudyPlan) -> None:
    assert overrides_of(plan) == ()
    stored = tiny_plan(resources=[{"arms": ["lpf-*"], "cpus": 2}])
    assert overrides_of(stored) == (ResourcesEntry(arms=("lpf-*",), cpus=2.0),)
    assert [trial.digest for trial in stored.trials] == [trial.digest for trial in plan.trials]


def test_this_machine_has_a_core_and_memory() -> None:
    assert usable_cpus() >= 1
    assert this_machine().cpus == usable_cpus()
    assert this_machine().memory_gib > 0.5


def test_a_study_wants_a_gpu_where_a_trial_runs_on_one(plan: StudyPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not needs_gpu(plan)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert needs_gpu(tiny_plan(config={**TINY["config"], "device": "cuda"}))
