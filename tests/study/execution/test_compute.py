"""Where trials run: nodes of a cluster and the data of each stage are checked, and one that has died is left out."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.errors import StudyError
from core.storage.records import StudyPlan
from core.storage.store import Store
from study.execution import cluster, node_checks
from study.execution.cluster import Node
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


def node(name: str) -> Node:
    return Node(id=name, machine=Machine(name=name, cpus=2, gpus=0, memory_gib=4.0))


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Nodes of each check of packages, which fails where the node b is among them."""
    found: list[list[str]] = []

    def check(nodes: Sequence[Node]) -> None:
        found.append([each.id for each in nodes])
        if "b" in found[-1]:
            raise StudyError("node b does not answer")

    monkeypatch.setattr(node_checks, "check_packages", check)
    monkeypatch.setattr(node_checks, "check_root", lambda *_: None)
    monkeypatch.setattr(node_checks, "check_data", lambda *_: None)
    return found


def check_cluster(alive: Sequence[str], later: Sequence[str], plan: StudyPlan, folder: Path) -> None:
    """Check a cluster whose nodes are first `alive` and then `later`."""
    answers = iter([alive])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "nodes_of_cluster", lambda: [node(name) for name in next(answers, later)])
        _Cluster(ExitStack(), folder, lambda _: None).check(str(folder), Store(folder), plan, plan.trials)


def test_nodes_that_are_left_are_checked_again_when_one_has_died(
    checked: list[list[str]], plan: StudyPlan, tmp_path: Path
) -> None:
    check_cluster(["a", "b"], ["a"], plan, tmp_path)
    assert checked == [["a", "b"], ["a"]]


def test_a_node_that_is_there_and_fails_is_an_error(checked: list[list[str]], plan: StudyPlan, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="node b does not answer"):
        check_cluster(["a", "b"], ["a", "b"], plan, tmp_path)
    assert len(checked) == 1
