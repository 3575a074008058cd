"""Trials get the memory that they are estimated to need, or are refused before anything starts."""

from dataclasses import replace
from typing import Any

import pytest

from core.errors import StudyError
from core.settings.data import AudioFolderConfig
from core.settings.presets import SMALL
from core.settings.trial import TrialConfig
from core.storage.records import StudyPlan
from core.training.memory_estimate import MemoryEstimate
from search_spaces.resources_entry import ResourcesEntry
from study.planning.memory import (
    GIB,
    MemoryNeed,
    MemoryNeeds,
    gib_text,
    memory_need,
    memory_needs,
    trials_in_memory,
)
from study.planning.resources import Machine, NoRoomError, Resources, allocate
from tests.support.tiny_study import tiny_plan

MACHINE = Machine(cpus=8, gpus=0, memory_gib=16)
NODES = [Machine(name="a", cpus=8, gpus=0, memory_gib=16), Machine(name="b", cpus=8, gpus=0, memory_gib=64)]


def need(gib: float, arm: str = "a") -> MemoryNeed:
    """The need of an arm whose trials take so much each, a part of which they share."""
    own = gib * GIB - 0.4 * GIB
    estimate = MemoryEstimate(
        dataset=0.0, building=0.0, model=own - 0.5 * GIB, step=0.0, evaluation=0.0, shared=0.4 * GIB, own=0.5 * GIB
    )
    config = replace(SMALL.config, trainer=replace(SMALL.config.trainer, batch_size=4096))
    return MemoryNeed(arm=arm, config=config, n_clips=None, estimate=estimate)


def allocated(*needs: MemoryNeed, corners: tuple[MemoryNeed, ...] = (), **options: Any) -> Resources:
    machines = options.pop("machines", [MACHINE])
    needed = MemoryNeeds(arms={need.arm: need for need in needs}, corners=corners)
    return allocate(machines, needs_gpu=False, arms=list(needed.arms), needs=needed, **options)


@pytest.mark.parametrize(("gib", "at_once"), [(1.0, 8), (2.0, 8), (3.0, 5), (5.0, 3), (8.0, 1), (15.9, 1)])
def test_as_many_trials_run_at_once_as_fit_in_memory(gib: float, at_once: int) -> None:
    found = allocated(need(gib))
    assert found.trials_at_once == at_once
    assert found.default.memory_gib == 0, "on one machine nothing is reserved"
    assert [note.partition(":")[0] for note in found.notes] == (
        [f"{at_once} trial{'s' if at_once > 1 else ''} at once instead of 8"] if at_once < 8 else []
    )
    assert found.largest is not None
    assert found.largest.gib == pytest.approx(gib)


def test_the_arm_that_takes_most_decides() -> None:
    found = allocated(need(1.0, "small"), need(5.0, "large"))
    assert found.trials_at_once == 3
    assert "a trial of arm 'large' needs an estimated 5 GiB" in found.notes[0]
    assert found.largest is not None
    assert found.largest.arm == "large"


def test_a_number_at_once_that_the_user_chose_is_refused_if_it_does_not_fit() -> None:
    assert allocated(need(3.0), trials_at_once=5).trials_at_once == 5
    with pytest.raises(
        NoRoomError, match="--trials-at-once 6 does not fit: a trial of arm 'a' needs an estimated 3 GiB"
    ):
        allocated(need(3.0), trials_at_once=6)


def test_a_trial_that_does_not_fit_is_refused_with_a_value_that_does() -> None:
    with pytest.raises(
        StudyError, match="a trial of arm 'a' needs an estimated 40 GiB of memory, and this machine has 8"
    ):
        allocated(need(1.0, "small"), need(40.0), machines=[replace(MACHINE, memory_gib=8.0)])


@pytest.mark.parametrize(("gib", "hint"), [(20.0, True), (40.0, False)])
def test_only_where_the_estimate_may_be_wrong_may_the_user_know_better(gib: float, hint: bool) -> None:
    with pytest.raises(StudyError) as raised:
        allocated(need(gib))
    assert ("if you know that it fits, give --memory-per-trial GIB" in str(raised.value)) == hint
    if hint:
        found = allocated(need(gib), memory_per_trial=8.0)
        assert found.trials_at_once == 2
        assert "a trial of arm 'a' gets 8 GiB of memory, and needs an estimated 20 GiB" in found.notes[0]
    else:
        with pytest.raises(StudyError, match="needs an estimated 40 GiB"):
            allocated(need(gib), memory_per_trial=8.0)


def test_memory_of_an_arm_in_the_study_file_counts_for_it() -> None:
    entry = ResourcesEntry(arms=("large",), memory_gib=4.0)
    found = allocated(need(1.0, "small"), need(6.0, "large"), overrides=[entry])
    assert found.trials_at_once == 8
    assert found.of("large").memory_gib == 4.0
    (note,) = found.notes
    assert note.startswith(
        "a trial of arm 'large' gets 4 GiB of memory, and needs an estimated 6 GiB, which may be wrong"
    )


def test_on_a_cluster_the_largest_node_counts_and_memory_is_reserved() -> None:
    found = allocated(need(20.0), machines=NODES)
    assert found.trials_at_once == 2
    assert found.default.memory_gib == pytest.approx(20.0)
    assert allocated(need(1.0), machines=NODES).default.memory_gib == 0
    with pytest.raises(NoRoomError, match="b has 64 GiB in all") as raised:
        allocated(need(100.0), machines=NODES)
    assert raised.value.wanted["memory"] == pytest.approx(100 * GIB), "a cluster that grows is asked for such a node"


def test_a_machine_of_unknown_memory_refuses_nothing() -> None:
    assert allocated(need(1e6), machines=[Machine(cpus=4, gpus=0)]).trials_at_once == 4
    assert trials_in_memory([], 16.0) == float("inf")


def test_corners_of_a_space_that_do_not_fit_are_noted_unless_all_are() -> None:
    found = allocated(corners=(need(1.0, ""), need(5.0, ""), need(40.0, "")))
    assert found.trials_at_once == 3
    assert found.notes[0] == (
        "1 of 3 corners of the search space need more memory than the 16 GiB of this machine; such trials end as "
        "out_of_memory"
    )
    with pytest.raises(StudyError, match="a trial needs an estimated 40 GiB"):
        allocated(corners=(need(40.0, ""), need(50.0, "")))


def test_the_needs_of_a_plan_are_those_of_its_arms(plan: StudyPlan) -> None:
    needs = memory_needs(plan)
    assert set(needs.arms) == {arm.name for arm in plan.arms}
    assert needs.corners == ()
    for name, found in needs.arms.items():
        assert found.arm == name
        assert 0.8 < found.gib < 1.2


def test_the_needs_of_many_seeds_and_arms_that_differ_in_little_are_found_once(
    plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []

    def counted(settings: dict[str, Any]) -> TrialConfig:
        read.append(settings)
        return from_settings(settings)

    from core.settings.loading import from_settings

    monkeypatch.setattr("study.planning.memory.from_settings", counted)
    memory_needs(tiny_plan(seeds=list(range(50))))
    n_parts = 7
    assert len(read) <= n_parts + len(plan.arms) - 1


def test_a_folder_has_the_clips_that_were_found() -> None:
    config = replace(SMALL.config, data=AudioFolderConfig(folder="sounds"))
    assert memory_need(config, n_found=1000).n_clips == (600, 200, 200)
    assert memory_need(config).n_clips is None
    assert memory_need(SMALL.config, n_found=1000).n_clips is None


def test_amounts_of_memory_are_short() -> None:
    assert [gib_text(gib) for gib in (0.912345, 12.34, 9999.0, 1e9)] == [
        "0.912 GiB",
        "12.3 GiB",
        "9,999 GiB",
        "more than 10,000 GiB",
    ]
