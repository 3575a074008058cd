"""`summary.json`: the numbers of a report for other programs, as strict JSON without NaN.

Its keys are a public format: change `SCHEMA_VERSION` with them.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.storage.records import STATIC_RANGE
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.comparisons import Comparison, comparisons
from dashboards.analysis.statistics import Estimate, seed_caveat
from dashboards.analysis.study_results import StudyResults, front_statistics
from dashboards.findings import findings

SCHEMA_VERSION = 1


def summary(results: StudyResults) -> dict[str, Any]:
    """The results as plain values, ready for JSON but for numbers that are not finite."""
    plan = results.plan
    return {
        "schema_version": SCHEMA_VERSION,
        "study": plan.name,
        "question": plan.question,
        "split": results.split,
        "objectives": [asdict(objective) for objective in plan.objectives],
        "arms": [_arm(results, arm) for arm in results.arms],
        "counts": results.counts,
        "is_complete": results.is_complete,
        "front": _front(results),
        "comparisons": [_comparison(comparison) for comparison in comparisons(results)],
        "findings": findings(results),
        "caveat": seed_caveat(results.n_pairs),
        "static_range": STATIC_RANGE,
        "data_summary": plan.data_summary,
        "data_notices": [asdict(issue) for issue in plan.data_issues],
        "code_version": plan.code_versions[0] if plan.code_versions else "",
    }


def summary_to_json(values: Mapping[str, Any]) -> bytes:
    """Strict JSON in UTF-8; null in place of NaN and infinity."""
    return json.dumps(_strict(values), indent=1, ensure_ascii=False, allow_nan=False).encode()


# ---------------------------------------------------------------------------------------------------------------------


def _arm(results: StudyResults, arm: ArmResult) -> dict[str, Any]:
    return {
        "name": arm.name,
        "config": arm.config,
        "factors": arm.factors,
        "seeds": list(arm.seeds),
        "metrics": {name: _interval(arm.metrics[name]) for name in results.metrics if name in arm.metrics},
        "values": {name: arm.values[name] for name in results.metrics if name in arm.values},
        "undefined": arm.undefined,
        "on_front": arm.on_front,
        "standing": arm.status,
        "is_baseline": arm.is_baseline,
        "is_static": arm.is_static,
        "lacking": list(arm.lacking),
        "n_finished": len(arm.finished),
    }


def _front(results: StudyResults) -> dict[str, Any]:
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


def _comparison(comparison: Comparison) -> dict[str, Any]:
    difference = comparison.difference
    return {
        "arm": comparison.arm,
        "reference": comparison.reference,
        "metric": comparison.objective.metric,
        "n_pairs": len(difference.seeds),
        "difference": _interval(difference.estimate),
        "p": difference.p_value,
        "p_holm": comparison.adjusted_p,
    }


def _interval(estimate: Estimate) -> dict[str, float | None]:
    """A mean over seeds; no bounds with fewer than two seeds."""
    return {"mean": estimate.mean, "lo": estimate.lo, "hi": estimate.hi}


def _strict(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(key): _strict(item) for key, item in value.items()}
        case list() | tuple():
            return [_strict(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
