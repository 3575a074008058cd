"""The section "Look and listen": curves, spectrograms and sounds of a few test clips, arm beside arm."""

from collections.abc import Mapping
from typing import Any

from core.metrics.curves import PEARSON
from dashboards.report.clip_views import gallery
from dashboards.report.section import ReportData, Section


def _context(report: ReportData) -> Mapping[str, Any] | None:
    shown = gallery(report.store, report.results)
    if not shown.clips:
        return None
    curves = (curve for clip in shown.clips for view in clip.arms for curve in view.curves)
    name = f"{PEARSON.name}.lls3"
    return {
        "gallery": shown,
        "has_missing_curves": any(curve.estimate is None for curve in curves),
        "correlation_metrics": [metric for metric in report.results.metrics if metric.startswith(name)],
    }


AUDIO_GALLERY = Section(
    id="listen", title="Look and listen", template="gallery.html.j2", context=_context, scripts=("gallery.js",)
)
