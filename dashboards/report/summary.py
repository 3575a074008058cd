"""`summary.json`: the numbers of a report for other programs, as strict JSON without NaN.

The keys are a public format: increment `SCHEMA_VERSION` when they change.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic_core import to_json

from core.statistics.paired import Estimate
from core.statistics.summaries import Summary
from core.storage.records import STATIC_RANGE
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.comparisons import Comparison, Equivalence
from dashboards.analysis.search_results import SearchedArm
from dashboards.analysis.seed_caveat import study_caveat
from dashboards.analysis.signature_counts import signature_counts, without_effect
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, front_statistics
from dashboards.analysis.verdict import Change, OpenQuestion
from dashboards.finding_sentences import findings, verdict_sentence

SCHEMA_VERSION = 3
"""Version of the keys of `summary.json`."""


def summary(analysis: StudyAnalysis) -> dict[str, Any]:
    """Results and analysis as plain values, in which numbers may be NaN or infinite."""
    results = analysis.results
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
        "comparisons": [_comparison_summary(comparison) for comparison in analysis.comparisons],
        "verdict": _verdict_summary(analysis),
        "findings": findings(analysis),
        "caveat": study_caveat(results),
        "static_range": STATIC_RANGE,
        "data_summary": plan.data_summary,
        "data_notices": [asdict(issue) for issue in plan.data_issues],
        "code_version": plan.code_versions[0] if plan.code_versions else "",
        "race": _race_summary(results),
        "search": _search_summary(results),
    }


def summary_to_json(values: Mapping[str, Any]) -> bytes:
    """The summary as strict JSON in UTF-8, with null instead of NaN and infinity."""
    return to_json(values, inf_nan_mode="null")


# ---------------------------------------------------------------------------------------------------------------------


def _verdict_summary(analysis: StudyAnalysis) -> dict[str, Any]:
    """Entry of the verdict: its sentence, the picks, and what is open."""
    verdict = analysis.verdict
    return {
        "sentence": verdict_sentence(analysis),
        "state": verdict.state,
        "tolerance": verdict.tolerance,
        "pick": verdict.pick,
        "most_accurate": verdict.most_accurate,
        "most_interpretable": verdict.most_interpretable,
        "knee": verdict.knee,
        "ties": list(verdict.ties),
        "loss": _change_summary(verdict.loss),
        "gain": _change_summary(verdict.gain),
        "questions": [_question_summary(question) for question in verdict.questions],
    }


def _change_summary(change: Change | None) -> dict[str, Any] | None:
    """Entry of the difference between the pick and the most accurate arm in an objective."""
    if change is None:
        return None
    return {
        "arm": change.arm,
        "reference": change.reference,
        "metric": change.objective.metric,
        "n_pairs": len(change.difference.seeds),
        "difference": _estimate_summary(change.difference.estimate),
    }


def _question_summary(question: OpenQuestion) -> dict[str, Any]:
    """Entry of a comparison that the seeds leave open."""
    return {
        "change": _change_summary(question.change),
        "margin": question.margin,
        "seeds_needed": question.seeds_needed,
        "cost_s": question.cost_s,
    }


def _arm_summary(results: StudyResults, arm: ArmResult) -> dict[str, Any]:
    """Entry of an arm in the summary."""
    return {
        "name": arm.name,
        "config": arm.config,
        "factors": arm.factors,
        "seeds": list(arm.seeds),
        "metrics": {name: _mean_summary(arm.metrics[name]) for name in results.metrics if name in arm.metrics},
        "values": {name: arm.values[name] for name in results.metrics if name in arm.values},
        "undefined": arm.undefined,
        "on_front": arm.on_front,
        "standing": arm.status,
        "is_baseline": arm.is_baseline,
        "is_static": arm.is_static,
        "hardly_moving": list(results.hardly_moving(arm)),
        "without_effect": list(without_effect(arm)),
        "signatures": [asdict(count) for count in signature_counts(arm)],
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
        "reference_metric": comparison.reference_metric,
        "direction": comparison.objective.direction,
        "role": comparison.role,
        "reason": comparison.reason,
        "n_pairs": len(difference.seeds),
        "difference": _estimate_summary(difference.estimate),
        "p": difference.p_value,
        "p_holm": comparison.adjusted_p,
        "improvement": _estimate_summary(comparison.improvement),
        "equivalence": _equivalence_summary(comparison.equivalence),
        "conclusion": comparison.conclusion,
        "seeds_needed": comparison.seeds_needed,
        "claim": comparison.claim,
        "expected": comparison.expected,
    }


def _equivalence_summary(equivalence: Equivalence | None) -> dict[str, float | None] | None:
    """Entry of the equivalence test of a comparison; None without a margin."""
    if equivalence is None:
        return None
    return {"margin": equivalence.margin, "p": equivalence.p_value, "p_holm": equivalence.adjusted_p}


def _race_summary(results: StudyResults) -> dict[str, Any] | None:
    """Entry of the race: its rules, numbers of trials, verdict on each arm and decided orders; None without a race.

    `n_seeds` is the number of seeds that the race has used or waits for; `better` is None for an undecided order.
    """
    race = results.race
    if race is None:
        return None
    rules, verdict = race.rules, race.verdict
    return {
        "split": "validation",
        "error_rate": rules.alpha,
        "min_seeds": rules.peeks[0],
        "max_seeds": rules.peeks[-1],
        "give_up_below": rules.give_up_below,
        "is_over": verdict.is_over,
        "n_trials": race.n_trials,
        "n_trials_of_full_design": race.n_trials_of_full_design,
        "arms": {name: asdict(arm) for name, arm in verdict.arms.items()},
        "orders": [asdict(order) for order in verdict.orders],
    }


def _search_summary(results: StudyResults) -> dict[str, Any] | None:
    """Entry of the search: its cells, the arms that were confirmed, and its optimism by split; None without a search.

    Claims are means over the seeds of the search on validation. Optimism is positive where a claim was too good: of the
    hypervolume as a share of the box between ideal and reference, and of each objective in the unit of its metric.
    """
    search = results.search
    if search is None:
        return None
    return {
        "seeds": list(search.seeds),
        "n_arms": len(search.arms),
        "n_trials": search.n_trials,
        "cells": [asdict(cell) for cell in search.cells],
        "confirmed": [_searched_arm_summary(arm) for arm in search.confirmed],
        "optimism": {
            split: {
                "arms": list(optimism.arms),
                "claimed_share": optimism.claimed_share,
                "confirmed_share": optimism.confirmed_share,
                "share": _estimate_summary(optimism.share),
                "by_objective": {name: _estimate_summary(each) for name, each in optimism.by_objective.items()},
            }
            for split, optimism in search.optimism.items()
        },
    }


def _searched_arm_summary(arm: SearchedArm) -> dict[str, Any]:
    """Entry of an arm that a search proposed and that was confirmed."""
    return {
        "name": arm.name,
        "cell": arm.cell,
        "front_probability": arm.front_probability,
        "claimed": arm.claimed,
        "confirmed": {
            split: {name: _estimate_summary(each) for name, each in means.items()}
            for split, means in arm.confirmed.items()
        },
    }


def _estimate_summary(estimate: Estimate) -> dict[str, float | None]:
    """A mean over seeds with its interval; the bounds are None with fewer than two seeds."""
    return {"mean": estimate.mean, "lo": estimate.lo, "hi": estimate.hi}


def _mean_summary(summary: Summary) -> dict[str, Any]:
    """A summary over seeds; bounds and method are None for a single seed."""
    return {
        **_estimate_summary(summary),
        "n": summary.n,
        "median": summary.median,
        "iqm": summary.iqm,
        "method": summary.method,
    }
