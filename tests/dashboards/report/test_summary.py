"""`summary.json`: its shape and numbers are a public format."""

import math
from pathlib import Path
from typing import Any, get_args

import pytest

from core.storage.records import Outcome
from core.storage.store import Store
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.report.keys import SUMMARY_KEY
from dashboards.report.page import write_report
from dashboards.report.summary import summary, summary_to_json
from tests.dashboards.report.html_page import strict_json
from tests.support.fake_stages import fake_race, fake_search
from tests.support.fake_study import ARMS, FRONT, MakeStudy


def test_the_summary_has_the_promised_shape(written: Store) -> None:
    found = strict_json(written.get(SUMMARY_KEY))
    assert list(found) == [
        "schema_version", "study", "question", "split", "objectives", "arms", "counts", "is_complete", "front",
        "comparisons", "verdict", "findings", "caveat", "static_range", "data_summary", "data_notices", "code_version",
        "race", "search",
    ]  # fmt: skip
    assert found["schema_version"] == 3
    assert found["race"] is None
    assert found["search"] is None
    assert (found["study"], found["split"], found["code_version"]) == ("quickstart", "test", "0.1.0")
    assert found["objectives"][0] == {"metric": "audio.mss", "direction": "minimize"}
    assert found["counts"] == {"planned": 14} | dict.fromkeys((*get_args(Outcome), "missing"), 0) | {"finished": 14}
    assert found["data_summary"]["clips"] == {"train": 512, "validation": 64, "test": 128}
    for arm in found["arms"]:
        assert list(arm) == [
            "name", "config", "factors", "seeds", "metrics", "values", "undefined", "on_front", "standing",
            "is_baseline", "is_static", "hardly_moving", "without_effect", "signatures", "lacking", "n_finished",
        ]  # fmt: skip
    assert list(found["front"]) == ["arms", "size", "hypervolume", "hypervolume_share", "reference", "ideal"]
    for comparison in found["comparisons"]:
        assert list(comparison) == [
            "arm", "reference", "metric", "reference_metric", "direction", "role", "reason", "n_pairs", "difference",
            "p", "p_holm", "improvement", "equivalence", "conclusion", "seeds_needed", "claim", "expected",
        ]  # fmt: skip


def test_the_summary_has_every_arm_with_its_status(written: Store) -> None:
    arms = {arm["name"]: arm for arm in strict_json(written.get(SUMMARY_KEY))["arms"]}
    assert list(arms) == [arm.name for arm in ARMS]
    assert {name for name, arm in arms.items() if arm["on_front"]} == FRONT
    assert [arms[name]["standing"] for name in ("frame", "lpf-4", "constant")] == ["front", "dominated", "baseline"]
    frame, constant = arms["frame"], arms["constant"]
    assert (frame["seeds"], frame["factors"]) == ([0, 1], {"parameterization.kind": "frame"})
    assert frame["config"]["parameterization.kind"] == "frame"
    assert "seed" not in frame["config"]
    assert "interpretability.tv" not in constant["metrics"]
    assert (constant["is_baseline"], constant["is_static"]) == (True, True)
    assert constant["lacking"] == ["interpretability.tv"]
    assert constant["undefined"] == {"interpretability.tv": 768}


def test_the_summarys_numbers_are_those_of_the_first_release(make_study: MakeStudy) -> None:
    """Literals were computed by the code of modstudy 0.1.0 from the same records."""
    found = summary(StudyAnalysis(load_results(make_study(seeds=6, n_clips=0))))
    front = found["front"]
    assert front["hypervolume"] == pytest.approx(168.06896176357375, rel=1e-12)
    assert front["hypervolume_share"] == pytest.approx(0.787823258266752, rel=1e-12)
    assert front["reference"] == pytest.approx({"audio.mss": 5.0, "interpretability.tv": 42.666666666666664})
    assert front["ideal"] == {"audio.mss": 0.0, "interpretability.tv": 0.0}
    frame, low_pass = found["arms"][:2]
    assert frame["values"]["audio.mss"][2] == pytest.approx(0.6958010465003884, rel=1e-12)
    mss = frame["metrics"]["audio.mss"]
    assert {key: mss[key] for key in ("mean", "lo", "hi")} == pytest.approx(
        {"mean": 0.6992137317653616, "lo": 0.6971274899658096, "hi": 0.7012999735649136}, rel=1e-12
    )
    assert low_pass["metrics"]["cost.train_s"] == {
        "mean": 15.0, "lo": 15.0, "hi": 15.0, "n": 6, "median": 15.0, "iqm": 15.0, "method": "t",
    }  # fmt: skip
    last = [comparison for comparison in found["comparisons"] if comparison["role"] == "confirmatory"][-1]
    assert (last["arm"], last["metric"], last["n_pairs"]) == ("spline-16", "interpretability.tv", 6)
    assert last["difference"] == pytest.approx(
        {"mean": -17.503351621574264, "lo": -17.6395015329635, "hi": -17.36720171018503}, rel=1e-12
    )
    assert (last["p"], last["p_holm"]) == (0.03125, 0.25)


def test_the_written_summary_is_the_results(written: Store) -> None:
    assert written.get(SUMMARY_KEY) == summary_to_json(summary(StudyAnalysis(load_results(written))))


def test_one_seed_has_null_bounds_and_a_warning(make_study: MakeStudy) -> None:
    store = make_study(seeds=1, n_clips=0)
    write_report(store)
    found = strict_json(store.get(SUMMARY_KEY))
    assert found["arms"][0]["metrics"]["audio.mss"]["lo"] is None
    assert "not as evidence" in found["caveat"]
    assert found["findings"][-1] == found["caveat"]


def test_numbers_that_are_not_finite_become_null() -> None:
    values: dict[Any, Any] = {"a": math.nan, "b": [math.inf, 1e-5], "c": {"d": (-math.inf, 0.1)}, "e": "ä", 3: True}
    assert strict_json(summary_to_json(values)) == {
        "a": None,
        "b": [None, 1e-5],
        "c": {"d": [None, 0.1]},
        "e": "ä",
        "3": True,
    }


def test_a_race_is_summarised_with_its_rules_and_verdicts(tmp_path: Path) -> None:
    store = fake_race(tmp_path / "race", n_clips=0)
    write_report(store)
    race = strict_json(store.get(SUMMARY_KEY))["race"]
    assert list(race) == [
        "split", "error_rate", "min_seeds", "max_seeds", "give_up_below", "is_over", "n_trials",
        "n_trials_of_full_design", "arms", "orders",
    ]  # fmt: skip
    assert (race["split"], race["error_rate"], race["min_seeds"], race["max_seeds"]) == ("validation", 0.05, 3, 8)
    lpf_4 = race["arms"]["lpf-4"]
    assert list(lpf_4) == ["status", "reason", "decided_at", "dominated_by", "n_seeds"]
    assert (lpf_4["status"], lpf_4["reason"]) == ("dominated", None)
    assert race["arms"]["spline-9"]["status"] == "undecided"
    assert len(race["orders"]) == 2 * 15
    assert list(race["orders"][0]) == ["arm", "other", "objective", "better", "p_value"]


def test_a_search_is_summarised_with_cells_picks_and_optimism(tmp_path: Path) -> None:
    store = fake_search(tmp_path / "search")
    write_report(store)
    search = strict_json(store.get(SUMMARY_KEY))["search"]
    assert list(search) == ["seeds", "n_arms", "n_trials", "cells", "confirmed", "optimism"]
    assert list(search["cells"][0]) == [
        "name", "samplers", "n_asks", "n_arms", "n_infeasible", "n_repeated", "n_trials", "n_finished",
    ]  # fmt: skip
    assert len(search["confirmed"]) == 3
    for arm in search["confirmed"]:
        assert list(arm) == ["name", "cell", "front_probability", "claimed", "confirmed"]
        assert list(arm["confirmed"]) == ["validation", "test"]
    assert list(search["optimism"]) == ["validation", "test"]
    for optimism in search["optimism"].values():
        assert list(optimism) == ["arms", "claimed_share", "confirmed_share", "share", "by_objective"]
