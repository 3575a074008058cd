"""The section "Look and listen": curves, spectrograms and sounds of some test clips for all arms."""

from collections.abc import Mapping
from typing import Any

from core.metrics.curves import PEARSON
from dashboards.report.clip_views import gallery
from dashboards.report.section import ReportData, Section


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None if no clip has a stored sound."""
    views = gallery(report.store, report.results)
    if not views.clips:
        return None
    curves = (curve for clip in views.clips for view in clip.arms for curve in view.curves)
    metric_prefix = f"{PEARSON.name}.lls3"
    return {
        "gallery": views,
        "has_missing_curves": any(curve.estimate is None for curve in curves),
        "correlation_metrics": [metric for metric in report.results.metrics if metric.startswith(metric_prefix)],
    }


AUDIO_GALLERY = Section(
    id="listen", title="Look and listen", template="gallery.html.j2", context=_context, scripts=("gallery.js",)
)
