"""Where trials run: the data of each stage of a study are checked on the nodes of a cluster, once."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.execution import cluster, node_checks
from study.execution.compute import _Cluster, allocation_for, compute_for
from study.execution.run_options import RunOptions
from study.planning.resources import Machine, TrialResources
from tests.support.tiny_study import tiny_plan


def test_data_of_later_trials_are_checked_when_they_are_prepared(
    plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[float] = []

    def check_data(store: Store, configs: list[dict[str, Any]], *_: object) -> None:
        assert store.root == str(tmp_path)
        checked.extend(config["audio"]["duration_s"] for config in configs)

    monkeypatch.setattr(node_checks, "check_data", check_data)
    monkeypatch.setattr(node_checks, "check_packages", lambda *_: None)
    monkeypatch.setattr(node_checks, "check_root", lambda *_: None)
    monkeypatch.setattr(cluster, "nodes_of_cluster", list)
    compute = _Cluster(ExitStack(), tmp_path, print)
    compute.check("runs", Store(tmp_path), plan, plan.trials)
    assert checked == [1.0], "the arms share their data"
    compute.prepare(plan, plan.trials, 2)
    assert checked == [1.0]
    longer = tiny_plan(arms=[{"name": "long", "config": {"audio": {"duration_s": 2.0}}}])
    compute.prepare(longer, longer.trials, 2)
    assert checked == [1.0, 2.0]


def test_resources_come_from_the_options_and_the_study_file() -> None:
    plan = tiny_plan(resources=[{"arms": ["frame"], "cpus": 2}])
    machines = [Machine(cpus=4, gpus=1)]
    resources = allocation_for(plan, RunOptions(gpus_per_trial=0.5, memory_per_trial=2))(machines)
    assert resources.of("frame") == TrialResources(cpus=2, gpus=0.5, memory_gib=2)
    assert resources.of("constant") == TrialResources(cpus=1, gpus=0.5, memory_gib=2)
    # The study file of a launch takes the place of the stored one.
    assert allocation_for(plan, RunOptions(arm_resources=()))(machines).of("frame").cpus == 1


def test_ray_does_not_start_on_this_machine_before_a_trial_runs() -> None:
    with compute_for(RunOptions(), print) as compute:
        assert compute.allocate(tiny_plan(), RunOptions(trials_at_once=1), has_trials=True).trials_at_once == 1
