"""Addresses and saved views that land on the arms of a study in MLflow's pages."""

import json
from urllib.parse import parse_qs

import pytest

from core.storage.records import Objective
from study.tracking.views import (
    PRIMARY_METRIC,
    VIEW_TAG,
    arms_address,
    charts_address,
    experiment_address,
    run_address,
    view_id,
    view_tags,
    with_artifact_links,
)

MSS = Objective(metric="audio.mss", direction="minimize")
PCC = Objective(metric="curves.pcc.lls3", direction="maximize")
SERVER = "http://127.0.0.1:5000"


def state_of(*objectives: Objective) -> dict[str, object]:
    view = json.loads(view_tags("id1", objectives, 7)[VIEW_TAG + view_id("id1")])
    state: dict[str, object] = json.loads(view["state"])
    return state


@pytest.mark.parametrize(
    "address",
    [
        experiment_address(SERVER, "3"),
        charts_address(SERVER, "3", "id1"),
        arms_address(SERVER, "3", "id1"),
        run_address(SERVER, "3", "abc"),
        run_address(SERVER, "3", "abc", "report/index.html"),
    ],
)
def test_every_address_opens_the_page_for_trained_models(address: str) -> None:
    place, _, query = address.partition("?")
    assert place.startswith(f"{SERVER}/#/experiments/3/runs")
    assert parse_qs(query)["workflowType"] == ["machine_learning"]


def test_the_saved_view_begins_with_one_objective_against_the_other() -> None:
    charts = state_of(MSS, PCC)["compareRunCharts"]
    assert isinstance(charts, list)
    assert [chart["type"] for chart in charts] == ["SCATTER", "BAR", "BAR"]
    assert (charts[0]["xaxis"]["key"], charts[0]["yaxis"]["key"]) == ("audio.mss", "curves.pcc.lls3")
    assert len({chart["uuid"] for chart in charts}) == 3


def test_the_saved_view_lists_the_arms_of_this_study_by_the_first_objective() -> None:
    state = state_of(MSS, PCC)
    level = "tags.`modstudy.level` = 'arm' and tags.is_baseline = 'false'"
    assert state["searchFilter"] == f"tags.`modstudy.study_id` = 'id1' and {level}"
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`audio.mss`", True)
    assert state_of(PCC, MSS)["orderByAsc"] is False
    columns = state["selectedColumns"]
    assert isinstance(columns, list)
    assert {"metrics.`audio.mss`", "metrics.`curves.pcc.lls3`"} <= set(columns)


def test_a_study_with_one_objective_has_its_bars_only() -> None:
    charts = state_of(MSS)["compareRunCharts"]
    assert isinstance(charts, list)
    assert [(chart["type"], chart["metricKey"]) for chart in charts] == [("BAR", "audio.mss")]


def test_tags_of_a_view_are_the_same_at_each_delivery() -> None:
    assert view_tags("id1", [MSS, PCC], 7) == view_tags("id1", [MSS, PCC], 7)
    assert view_tags("id1", [MSS, PCC], 7)[PRIMARY_METRIC] == "audio.mss"


def test_relative_links_become_those_of_artifacts() -> None:
    text = "**0.8 &#91;0.7, 0.9&#93;** [Report](index.html)\n\n![front](front.png)\n\n[web](https://example.org)"
    assert with_artifact_links(text, "report", "3", "abc") == (
        "**0.8 &#91;0.7, 0.9&#93;** "
        "[Report](#/experiments/3/runs/abc/artifacts/report/index.html?workflowType=machine_learning)\n\n"
        "![front](get-artifact?path=report%2Ffront.png&run_uuid=abc)\n\n[web](https://example.org)"
    )
