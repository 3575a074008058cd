"""`summary.json`: the numbers of a report for other programs, as strict JSON without NaN.

The keys are a public format: increment `SCHEMA_VERSION` when they change.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.statistics.paired import Estimate
from core.storage.records import STATIC_RANGE
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.comparisons import Comparison, comparisons
from dashboards.analysis.seed_caveat import seed_caveat
from dashboards.analysis.study_results import StudyResults, front_statistics
from dashboards.findings import findings

SCHEMA_VERSION = 1
"""Version of the keys of `summary.json`."""


def summary(results: StudyResults) -> dict[str, Any]:
    """The results as plain values, in which numbers may be NaN or infinite."""
    plan = results.plan
    return {
        "schema_version": SCHEMA_VERSION,
        "study": plan.name,
        "question": plan.question,
        "split": results.split,
        "objectives": [asdict(objective) for objective in plan.objectives],
        "arms": [_arm_summary(results, arm) for arm in results.arms],
        "counts": results.counts,
        "is_complete": results.is_complete,
        "front": _front_summary(results),
        "comparisons": [_comparison_summary(comparison) for comparison in comparisons(results)],
        "findings": findings(results),
        "caveat": seed_caveat(results.n_pairs),
        "static_range": STATIC_RANGE,
        "data_summary": plan.data_summary,
        "data_notices": [asdict(issue) for issue in plan.data_issues],
        "code_version": plan.code_versions[0] if plan.code_versions else "",
    }


def summary_to_json(values: Mapping[str, Any]) -> bytes:
    """The summary as strict JSON in UTF-8, with null instead of NaN and infinity."""
    return json.dumps(_strict_values(values), indent=1, ensure_ascii=False, allow_nan=False).encode()


# ---------------------------------------------------------------------------------------------------------------------


def _arm_summary(results: StudyResults, arm: ArmResult) -> dict[str, Any]:
    """Entry of an arm in the summary."""
    return {
        "name": arm.name,
        "config": arm.config,
        "factors": arm.factors,
        "seeds": list(arm.seeds),
        "metrics": {name: _estimate_summary(arm.metrics[name]) for name in results.metrics if name in arm.metrics},
        "values": {name: arm.values[name] for name in results.metrics if name in arm.values},
        "undefined": arm.undefined,
        "on_front": arm.on_front,
        "standing": arm.status,
        "is_baseline": arm.is_baseline,
        "is_static": arm.is_static,
        "lacking": list(arm.lacking),
        "n_finished": len(arm.finished),
    }


def _front_summary(results: StudyResults) -> dict[str, Any]:
    """Entry of the front in the summary."""
    front = front_statistics(results)
    bounds = dict(zip(front.objectives, front.bounds, strict=True))
    return {
        "arms": list(front.arms),
        "size": front.size,
        "hypervolume": front.hypervolume,
        "hypervolume_share": front.share,
        "reference": {metric: bound.reference for metric, bound in bounds.items()},
        "ideal": {metric: bound.ideal for metric, bound in bounds.items()},
    }


def _comparison_summary(comparison: Comparison) -> dict[str, Any]:
    """Entry of a comparison in the summary."""
    difference = comparison.difference
    return {
        "arm": comparison.arm,
        "reference": comparison.reference,
        "metric": comparison.objective.metric,
        "n_pairs": len(difference.seeds),
        "difference": _estimate_summary(difference.estimate),
        "p": difference.p_value,
        "p_holm": comparison.adjusted_p,
    }


def _estimate_summary(estimate: Estimate) -> dict[str, float | None]:
    """A mean over seeds with its interval; the bounds are None with fewer than two seeds."""
    return {"mean": estimate.mean, "lo": estimate.lo, "hi": estimate.hi}


def _strict_values(value: Any) -> Any:
    """Plain values with string keys, and None instead of NaN and infinity."""
    match value:
        case Mapping():
            return {str(key): _strict_values(item) for key, item in value.items()}
        case list() | tuple():
            return [_strict_values(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
