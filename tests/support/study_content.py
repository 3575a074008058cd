"""What a study has found, in its store and in MLflow, apart from times and numbers of attempts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from core.storage.curves import CURVES_NAME, read_curves
from core.storage.records import TrialRecord
from core.storage.store import Store
from study.tracking.runs import ARM, DIGEST, LEVEL
from tests.support.mlflow_runs import experiment_of, study_id

Content = dict[str, Any]
"""Plain values by name."""
HISTORIES = ("train_loss", "validation_loss")
"""Metrics in MLflow with a row per validation."""


def plan_of(store: Store) -> list[Content]:
    """The definition of the study and the segments of its plan."""
    plan = store.plan()
    return [asdict(plan.definition), *(asdict(replace(segment, created_at="")) for segment in plan.segments)]


def trials_of(store: Store) -> dict[str, Content]:
    """Records, curves and the other files of all trials, by digest."""
    return {record.digest: _trial(store, record) for record in store.ledger()}


def tracked_trials(client: MlflowClient, store: Store) -> dict[str, Content]:
    """Status, parameters, metrics and history in MLflow of all trials, by digest.

    Raises:
        AssertionError: a trial has several runs.
    """
    return {run.data.tags[DIGEST]: _tracked(client, run) for run in _runs(client, store, "seed", DIGEST)}


def tracked_arms(client: MlflowClient, store: Store) -> dict[str, Content]:
    """Status, parameters and metrics in MLflow of all arms, by name.

    Raises:
        AssertionError: an arm has several runs.
    """
    return {
        run.data.tags[ARM]: {"status": run.info.status, "parameters": run.data.params, "metrics": _metrics(run)}
        for run in _runs(client, store, "arm", ARM)
    }


def differences(found: Mapping[str, Content], expected: Mapping[str, Content]) -> list[str]:
    """Where two mappings differ: keys that only one has, and entries with other values, as `<key>: <name>`."""
    only_one = [f"{key}: {'not expected' if key in found else 'missing'}" for key in found.keys() ^ expected.keys()]
    return only_one + [
        f"{key}: {name}"
        for key in found.keys() & expected.keys()
        for name in found[key].keys() | expected[key].keys()
        if name not in found[key] or name not in expected[key] or found[key][name] != expected[key][name]
    ]


def _trial(store: Store, record: TrialRecord) -> Content:
    attempt = store.committed(record.digest)
    assert attempt is not None
    files = [name for name in attempt.all_names() if name != "record.json"]
    without_times = replace(
        record,
        attempt="",
        times_s={},
        started_at="",
        finished_at="",
        # Whoever commits while the test runs changes nothing of the study: the version of the code is compared.
        environment={name: value for name, value in record.environment.items() if name != "git_commit"},
        history=tuple({name: entry[name] for name in entry if name != "elapsed_s"} for entry in record.history),
    )
    return {
        **asdict(without_times),
        "curves": read_curves(store, [record.digest]).to_pylist(),
        "files": {name: attempt.get(name) if name.startswith("audio/") else None for name in files},
        "has_curves": CURVES_NAME in files,
    }


def _tracked(client: MlflowClient, run: Run) -> Content:
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "parameters": run.data.params,
        "metrics": _metrics(run),
        "history": {
            name: [(row.step, row.value) for row in client.get_metric_history(run.info.run_id, name)]
            for name in HISTORIES
        },
    }


def _metrics(run: Run) -> dict[str, float]:
    """The latest values of the metrics of a run, without times."""
    return {
        name: value
        for name, value in run.data.metrics.items()
        if not name.removesuffix(".lo").removesuffix(".hi").endswith("_s")
    }


def _runs(client: MlflowClient, store: Store, level: str, key: str) -> list[Run]:
    """The runs of a level, of which none has the key of another one."""
    wanted = f"tags.`modstudy.study_id` = '{study_id(store)}' and tags.`{LEVEL}` = '{level}'"
    runs: list[Run] = list(client.search_runs([experiment_of(client, store.plan().name)], wanted, max_results=5000))
    counts = Counter(run.data.tags[key] for run in runs)
    assert set(counts.values()) <= {1}, f"runs made twice: {[name for name, n in counts.items() if n > 1]}"
    return runs
