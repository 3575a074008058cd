"""`summary.json`: the numbers of a report for other programs, in strict JSON (what is not known is null, never NaN)."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from core.results import STATIC_RANGE, DataNotice, Objective, Split
from dashboards.analysis.findings import findings
from dashboards.analysis.statistics import Estimate, seed_caveat
from dashboards.analysis.study_results import ArmResult, Standing, StudyResults, comparisons, front_statistics

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over seeds; no bounds with fewer than two seeds."""

    mean: float
    lo: float | None
    hi: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """One arm; its metrics are those of the test split."""

    name: str
    config: dict[str, Any]
    factors: dict[str, Any]
    seeds: tuple[int, ...]
    metrics: dict[str, Interval]
    values: dict[str, dict[int, float]]
    """Metric -> seed -> value."""
    undefined: dict[str, int]
    on_front: bool
    standing: Standing
    is_baseline: bool
    is_static: bool
    lacking: tuple[str, ...]
    n_finished: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontSummary:
    """The front over all objectives; the hypervolume is measured from a reference that the plan fixes."""

    arms: tuple[str, ...]
    size: int
    hypervolume: float
    hypervolume_share: float
    reference: dict[str, float]
    ideal: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonSummary:
    """An arm minus the reference arm in one objective, paired by seed."""

    arm: str
    reference: str
    metric: str
    n_pairs: int
    difference: Interval
    p: float | None
    p_holm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything the report says in numbers."""

    schema_version: int
    study: str
    question: str
    split: Split
    objectives: tuple[Objective, ...]
    arms: tuple[ArmSummary, ...]
    counts: dict[str, int]
    is_complete: bool
    front: FrontSummary
    comparisons: tuple[ComparisonSummary, ...]
    findings: tuple[str, ...]
    caveat: str
    static_range: float
    data_summary: dict[str, Any]
    data_notices: tuple[DataNotice, ...]
    code_version: str


_SUMMARY: TypeAdapter[Summary] = TypeAdapter(Summary)


def summarize(results: StudyResults) -> Summary:
    front = front_statistics(results)
    boxes = dict(zip(front.objectives, front.bounds, strict=True))
    return Summary(
        schema_version=SCHEMA_VERSION,
        study=results.plan.name,
        question=results.plan.question,
        split=results.split,
        objectives=results.objectives,
        arms=tuple(_arm(results, arm) for arm in results.arms),
        counts=results.counts,
        is_complete=results.is_complete,
        front=FrontSummary(
            arms=front.arms,
            size=front.size,
            hypervolume=front.hypervolume,
            hypervolume_share=front.share,
            reference={metric: bound.reference for metric, bound in boxes.items()},
            ideal={metric: bound.ideal for metric, bound in boxes.items()},
        ),
        comparisons=tuple(
            ComparisonSummary(
                arm=comparison.arm,
                reference=comparison.reference,
                metric=comparison.metric,
                n_pairs=len(comparison.difference.seeds),
                difference=_interval(comparison.difference.estimate),
                p=comparison.difference.p_value,
                p_holm=comparison.adjusted_p,
            )
            for comparison in comparisons(results)
        ),
        findings=tuple(findings(results)),
        caveat=seed_caveat(results.n_pairs),
        static_range=STATIC_RANGE,
        data_summary=results.plan.data_summary,
        data_notices=results.plan.data_notices,
        code_version=results.plan.code_version,
    )


def summary_to_json(summary: Summary) -> bytes:
    return _SUMMARY.dump_json(summary, indent=1)


def summary_from_json(data: bytes) -> Summary:
    return _SUMMARY.validate_json(data)


def _arm(results: StudyResults, arm: ArmResult) -> ArmSummary:
    return ArmSummary(
        name=arm.name,
        config=arm.config,
        factors=arm.factors,
        seeds=arm.seeds,
        metrics={name: _interval(arm.metrics[name]) for name in results.metrics if name in arm.metrics},
        values={name: arm.values[name] for name in results.metrics if name in arm.values},
        undefined=arm.undefined,
        on_front=arm.on_front,
        standing=arm.standing,
        is_baseline=arm.is_baseline,
        is_static=arm.is_static,
        lacking=arm.lacking,
        n_finished=len(arm.finished),
    )


def _interval(estimate: Estimate) -> Interval:
    return Interval(mean=estimate.mean, lo=estimate.lo, hi=estimate.hi)
