"""Saved views of a study in MLflow's pages, and addresses that open them.

MLflow 3.17 opens an experiment on an empty page for language models unless its address says `machine_learning`. It
keeps the saved views of an experiment as tags with JSON: name, times and state of the page. The view of a study lists
its arms with their objectives, and its charts begin with one objective against the other.
"""

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from core.storage.records import Objective

VIEW_TAG = "mlflow.sharedViewState."
"""Beginning of the tags of an experiment with its saved views; the id of the view follows."""
PRIMARY_METRIC = "mlflow.experiment.primaryMetric.name"
"""Tag of an experiment with the metric whose chart comes first."""
_TRAINING = ("workflowType", "machine_learning")
"""Parameter of an address that opens the page for trained models."""
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<path>[\w./-]+)\)")
"""A link or an image of Markdown with a relative path."""
_MAX_RUNS = 100
"""Number of arms in a chart."""
_SECTION = "modstudy-trade-off"
"""Id of the section of the charts."""


def arms_filter(study_id: str) -> str:
    """Filter for `search_runs` and MLflow's pages that finds the runs of the arms of a study.

    Without baselines, beside whose values those of the other arms would be one point in a chart.
    """
    level = "tags.`modstudy.level` = 'arm' and tags.is_baseline = 'false'"
    return f"tags.`modstudy.study_id` = '{study_id}' and {level}"


def view_id(study_id: str) -> str:
    """Id of the saved view of a study."""
    return f"modstudy-{study_id}"


def view_tags(study_id: str, objectives: Sequence[Objective], created_ms: int) -> dict[str, str]:
    """Tags of an experiment with the saved view of the arms of a study.

    Args:
        study_id: Id of the study in trackers.
        objectives: Objectives of the study; the first two are the axes of the first chart.
        created_ms: Unix time in milliseconds at which the study was planned.
    """
    metrics = [objective.metric for objective in objectives]
    view = {
        "name": f"Arms: {' against '.join(metrics[:2])}",
        "createdAt": created_ms,
        "updatedAt": created_ms,
        "state": json.dumps(_page_state(study_id, objectives)),
    }
    return {VIEW_TAG + view_id(study_id): json.dumps(view), PRIMARY_METRIC: metrics[0]}


def experiment_address(server: str, experiment_id: str) -> str:
    """Address of the list of all runs of an experiment."""
    return f"{server}/#/experiments/{experiment_id}/runs?{urlencode([_TRAINING])}"


def charts_address(server: str, experiment_id: str, study_id: str) -> str:
    """Address of the saved view of a study with its charts."""
    query = urlencode([_TRAINING, ("compareRunsMode", "CHART"), ("viewStateShareKey", view_id(study_id))])
    return f"{server}/#/experiments/{experiment_id}/runs?{query}"


def arms_address(server: str, experiment_id: str, study_id: str) -> str:
    """Address of the saved view of a study as a table of its arms."""
    query = urlencode([_TRAINING, ("viewStateShareKey", view_id(study_id))])
    return f"{server}/#/experiments/{experiment_id}/runs?{query}"


def run_address(server: str, experiment_id: str, run_id: str, artifact: str | None = None) -> str:
    """Address of the page of a run, or of one of its artifacts."""
    path = f"/artifacts/{artifact}" if artifact else ""
    return f"{server}/#/experiments/{experiment_id}/runs/{run_id}{path}?{urlencode([_TRAINING])}"


def with_artifact_links(markdown: str, folder: str, experiment_id: str, run_id: str) -> str:
    """Markdown whose relative links and images are those of artifacts of a run, as MLflow's pages show them.

    Args:
        markdown: The text; links are relative to the folder.
        folder: Folder among the artifacts.
        experiment_id: Id of the experiment of the run.
        run_id: Id of the run.
    """

    def absolute(match: re.Match[str]) -> str:
        path = f"{folder}/{match['path']}"
        if match["image"]:
            return f"![{match['text']}](get-artifact?{urlencode({'path': path, 'run_uuid': run_id})})"
        return f"[{match['text']}]({run_address('', experiment_id, run_id, path).removeprefix('/')})"

    return _LINK.sub(absolute, markdown)


# ---------------------------------------------------------------------------------------------------------------------


def _page_state(study_id: str, objectives: Sequence[Objective]) -> dict[str, Any]:
    """State of MLflow's page of runs: search, columns and charts."""
    metrics = [objective.metric for objective in objectives]
    charts: list[dict[str, Any]] = [
        _chart("BAR", f"modstudy-{index}", metricKey=metric) for index, metric in enumerate(metrics)
    ]
    if len(metrics) > 1:
        x, y = ({"key": metric, "type": "METRIC"} for metric in metrics[:2])
        charts.insert(0, _chart("SCATTER", _SECTION, xaxis=x, yaxis=y))
    section = {
        "uuid": _SECTION,
        "name": " against ".join(metrics[:2]),
        "display": True,
        "isReordered": False,
        "deleted": False,
        "isGenerated": False,
    }
    return {
        "searchFilter": arms_filter(study_id),
        "orderByKey": f"metrics.`{metrics[0]}`",
        "orderByAsc": objectives[0].direction == "minimize",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [
            *(f"metrics.`{metric}`" for metric in metrics),
            "tags.`front_status`",
        ],
        "columnOrder": [],
        "columnWidths": {},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": charts,
        "compareRunSections": [section],
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }


def _chart(kind: str, uuid: str, **settings: Any) -> dict[str, Any]:
    """A chart of MLflow's page."""
    common = {"runsCountToCompare": _MAX_RUNS, "metricSectionId": _SECTION, "deleted": False, "isGenerated": False}
    return {"uuid": uuid, "type": kind, **common, **settings}
