"""Importance of searched dimensions in made-up searches."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.storage.records import (
    Ask,
    MetricValues,
    Objective,
    PlannedArm,
    PlannedTrial,
    PlanSegment,
    StudyDefinition,
    StudyPlan,
    TrialRecord,
)
from dashboards.analysis.importance import CellImportance, importance
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, load_results, make_results
from tests.support.fake_stages import fake_search
from tests.support.fake_study import MakeStudy, without_clips

OBJECTIVES = (
    Objective(metric="audio.mss", direction="minimize"),
    Objective(metric="curves.pcc", direction="maximize"),
)
SPACE: list[dict[str, Any]] = [
    {"path": "trainer.learning_rate", "low": 1e-4, "high": 1e-2, "log": True},
    {"path": "trainer.batch_size", "low": 4, "high": 64},
    {
        "path": "optimizer",
        "values": [{"label": "adam", "settings": {"kind": "adam"}}, {"label": "sgd", "settings": {"kind": "sgd"}}],
    },
    {"path": "optimizer.momentum", "low": 0.0, "high": 0.9, "when": {"optimizer": "sgd"}},
    {"path": "loss.kind", "values": ["mss", "mel"]},
    {"path": "trainer.max_steps", "value": 100},
]


def point(rng: np.random.Generator) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "trainer.learning_rate": float(10 ** rng.uniform(-4, -2)),
        "trainer.batch_size": int(rng.integers(4, 65)),
        "optimizer.kind": str(rng.choice(["adam", "sgd"])),
        "loss.kind": str(rng.choice(["mss", "mel"])),
        "trainer.max_steps": 100,
    }
    if settings["optimizer.kind"] == "sgd":
        settings["optimizer.momentum"] = float(rng.uniform(0, 0.9))
    return settings


def searched(
    values: Callable[[dict[str, Any]], tuple[float, float]], *, n_points: int = 80, cells: tuple[str, ...] = ("a",)
) -> StudyResults:
    """A random search whose two validation values are functions of the point, with noise between its two seeds."""
    rng = np.random.default_rng(0)
    asks, arms, trials, records = [], [], [], {}
    for cell in cells:
        for number in range(n_points):
            settings, name = point(rng), f"{cell} {number}"
            asks.append(Ask(number=number, cell=cell, sampler="random", settings=settings, arm=name))
            arms.append(PlannedArm(name=name, settings=settings, config={}, sha256=name))
            for seed in (1000, 1001):
                trial = PlannedTrial(digest=f"{name}-{seed}", arm=name, seed=seed, stage="search")
                mss, pcc = values(settings)
                metrics: MetricValues = {"audio.mss": mss + 0.01 * rng.standard_normal(), "curves.pcc": pcc}
                trials.append(trial)
                records[trial.digest] = TrialRecord(
                    digest=trial.digest, study="s", arm=name, seed=seed, attempt="1", stage="search",
                    outcome="finished", config={}, metrics={"validation": metrics},
                )  # fmt: skip
    definition = StudyDefinition(name="s", question="", objectives=OBJECTIVES, study_file={"search": {"space": SPACE}})
    segment = PlanSegment(stage="search", arms=tuple(arms), trials=tuple(trials), asks=tuple(asks))
    return make_results(StudyPlan(definition=definition, segments=(segment,)), records)


def by_metric(found: tuple[CellImportance, ...] | None) -> dict[str, CellImportance]:
    assert found is not None
    return {each.objective.metric: each for each in found}


def test_the_dimension_that_matters_comes_first_for_each_objective() -> None:
    def values(settings: dict[str, Any]) -> tuple[float, float]:
        return abs(np.log10(settings["trainer.learning_rate"]) + 3), float(settings["loss.kind"] == "mel")

    found = by_metric(StudyAnalysis(searched(values)).importance)
    mss, pcc = found["audio.mss"], found["curves.pcc"]
    assert (mss.cell, mss.n_points, mss.n_best) == ("a", 80, 8)
    assert next(iter(mss.shares)) == "trainer.learning_rate"
    assert mss.shares["trainer.learning_rate"] > 0.5
    assert next(iter(pcc.shares)) == "loss.kind"
    assert list(mss.shares) == sorted(mss.shares, key=lambda path: -mss.shares[path])
    for each in found.values():
        assert sum(each.shares.values()) == pytest.approx(1.0)
        assert each.shares.keys() == {entry["path"] for entry in SPACE} - {"trainer.max_steps"}


def test_a_dimension_that_exists_under_a_condition_can_matter_most() -> None:
    def values(settings: dict[str, Any]) -> tuple[float, float]:
        momentum = settings.get("optimizer.momentum")
        return 1.0 if momentum is None else abs(momentum - 0.8), 0.0

    found = by_metric(importance(searched(values, n_points=120)))
    assert list(found["audio.mss"].shares)[:2] == ["optimizer.momentum", "optimizer"] or list(
        found["audio.mss"].shares
    )[:2] == ["optimizer", "optimizer.momentum"]


def test_cells_are_judged_by_themselves() -> None:
    found = importance(searched(lambda s: (s["trainer.batch_size"], 0.0), cells=("a", "b")))
    assert found is not None
    assert [(each.cell, each.objective.metric) for each in found] == [
        (cell, objective.metric) for cell in ("a", "b") for objective in OBJECTIVES
    ]
    for each in found:
        if each.objective.metric == "audio.mss":
            assert next(iter(each.shares)) == "trainer.batch_size"


def test_few_points_or_no_search_have_no_importance(make_study: MakeStudy, tmp_path: Path) -> None:
    assert importance(searched(lambda _: (0.0, 0.0), n_points=9)) is None
    assert importance(load_results(without_clips(make_study)())) is None
    assert importance(load_results(fake_search(tmp_path / "search"))) is None
