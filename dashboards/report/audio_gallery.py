"""The section "Look and listen": recovered curves, sounds, spectrograms and synths of the arms for test clips."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.metrics.curves import PEARSON
from core.storage.records import STATIC_RANGE
from dashboards.report.explorer import Explorer, explorer
from dashboards.report.section import ReportData, Section
from dashboards.report.sounds import CEILING_DB, FLOOR_DB, MIN_HZ, STEP_DB


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None if no curve is stored."""
    content = explorer(report.store, report.results)
    if content is None:
        return None
    metric_prefix = f"{PEARSON.name}.lls3"
    return {
        "explorer": content,
        "explorer_data": _script_data(report, content),
        "first_kind": "raw" if report.results.is_white_box or not content.has_truth else "lls3",
        "correlation_metrics": [metric for metric in report.results.metrics if metric.startswith(metric_prefix)],
    }


def _script_data(report: ReportData, content: Explorer) -> dict[str, Any]:
    """Plain values for the scripts."""
    data = asdict(content)
    for arm in data["arms"]:
        arm["colour"] = report.styles[arm["name"]].colour
        arm["is_baseline"] = report.results.arm(arm["name"]).is_baseline
    return data | {
        "shown": _first_arms(report, content),
        "static_range": STATIC_RANGE,
        "spectrogram": {"floor_db": FLOOR_DB, "ceiling_db": CEILING_DB, "step_db": STEP_DB, "min_hz": MIN_HZ},
    }


def _first_arms(report: ReportData, content: Explorer) -> list[str]:
    """Arms that are shown at first: the best of each objective among those on the front, or else the first arm."""
    names = {arm.name for arm in content.arms}
    front = [arm for arm in report.results.front if arm.name in names]
    best = []
    for objective in report.results.objectives:
        sign = -1 if objective.direction == "maximize" else 1
        best += [min(front, key=lambda arm: sign * arm.metrics[objective.metric].mean).name] if front else []
    return list(dict.fromkeys(best)) or [content.arms[0].name]


AUDIO_GALLERY = Section(
    id="listen",
    title="Look and listen",
    template="gallery.html.j2",
    context=_context,
    styles=("explorer.css",),
    scripts=tuple(f"explorer{part}.js" for part in ("", "_curves", "_spectrograms", "_player", "_synths")),
)
