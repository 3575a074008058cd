"""What the numbers say, in sentences made from them, and no more than the seeds can carry."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from core.results import Objective
from dashboards.analysis.statistics import paired_difference, seed_caveat
from dashboards.analysis.study_results import ArmResult, StudyResults
from dashboards.wording import better, bounds, interval, listed, number, plural, signed


def findings(results: StudyResults) -> list[str]:
    """The headline sentences of a report, the most important first; the caveat is the last."""
    if not results.counts["finished"]:
        return [_progress(results), "No trial has finished: there is nothing to compare yet."]
    sentences = [] if results.is_complete else [_progress(results)]
    sentences += _front(results)
    sentences += _trade_off(results)
    sentences += _truth(results)
    return [*sentences, seed_caveat(results.n_pairs)]


def _progress(results: StudyResults) -> str:
    counts = results.counts
    rest = [f"{counts[state]} {state}" for state in ("diverged", "failed", "missing") if counts[state]]
    return (
        f"Provisional: {counts['finished']} of {plural(counts['planned'], 'planned trial')} finished "
        f"({', '.join(rest)}). What follows may change."
    )


def _front(results: StudyResults) -> Iterator[str]:
    axes = " and ".join(f"{o.metric} ({better(o.direction)})" for o in results.objectives)
    front, dominated = _names(results.front), _names(results.standing("dominated"))
    if not front:
        yield f"No arm can stand on the front of {axes}."
    elif dominated:
        yield f"On the front of {axes}: {_few(front)}. Dominated by another arm's means: {_few(dominated)}."
    elif len(front) > 1:
        yield f"On the front of {axes}: all {len(front)} comparable arms, {_few(front)}. None dominates another."
    else:
        yield f"Only {front[0]} can be compared on {axes}."
    if static := _names(results.standing("static")):
        yield f"Hardly moving curves, and so no candidates for the front: {listed(static)}."
    thinned = [f"{arm.name} ({len(arm.finished)} of {len(arm.trials)})" for arm in results.front if arm.n_lost]
    if thinned:
        yield f"On the front by their surviving seeds alone, which may flatter them: {listed(thinned)}."
    for arm in results.standing("not comparable"):
        if arm.finished:
            yield f"{arm.name} is not comparable: {listed(arm.lacking)} is undefined for a finished seed."


def _trade_off(results: StudyResults) -> Iterator[str]:
    """The two ends of the front, and what going from one to the other costs and buys."""
    if len(results.objectives) < 2 or not results.front:
        return
    first, second = results.objectives[:2]
    best, other = _best(results.front, first), _best(results.front, second)
    if best is other:
        yield (
            f"{best.name} has the best mean of both: {first.metric} {interval(best.metrics[first.metric])}, "
            f"{second.metric} {interval(best.metrics[second.metric])}."
        )
        return
    yield (
        f"Best {first.metric}: {best.name}, {interval(best.metrics[first.metric])}. "
        f"Best {second.metric}: {other.name}, {interval(other.metrics[second.metric])}."
    )
    changes = [_change(best, other, objective.metric) for objective in (first, second)]
    yield f"From {best.name} to {other.name}, {' and '.join(changes)}."
    yield from _unsettled(results, first)


def _change(start: ArmResult, end: ArmResult, metric: str) -> str:
    before, after = start.metrics[metric].mean, end.metrics[metric].mean
    notes = [f"{signed(100 * (after - before) / abs(before))} %"] if before else []
    paired = paired_difference(end.values[metric], start.values[metric])
    if paired is not None and paired.estimate.lo is not None:
        open_ = "" if paired.excludes_zero else ", zero included"
        notes.append(f"paired 95 % interval {bounds(paired.estimate)}{open_}")
    return f"{metric} changes by {signed(after - before)} ({'; '.join(notes)})"


def _unsettled(results: StudyResults, objective: Objective) -> Iterator[str]:
    """Neighbours on the front whose order these seeds leave open."""
    ordered = sorted(results.front, key=lambda arm: arm.metrics[objective.metric].mean)
    open_pairs = []
    for left, right in itertools.pairwise(ordered):
        paired = paired_difference(left.values[objective.metric], right.values[objective.metric])
        if paired is not None and paired.estimate.lo is not None and not paired.excludes_zero:
            open_pairs.append(f"{left.name} / {right.name}")
    if open_pairs:
        yield f"Neighbours whose order in {objective.metric} these seeds do not settle: {', '.join(open_pairs)}."


def _truth(results: StudyResults) -> Iterator[str]:
    trained = [arm for arm in results.arms if not arm.is_baseline]
    baselines = [arm for arm in results.arms if arm.is_baseline]
    error = _mean(trained, "curves.l1")
    if error is not None and not results.is_white_box:
        yield (
            "The synth is learned (grey box): what a curve's values do is the synth's own matter, so curves compare "
            "with the truth only after a fit."
        )
    elif error is not None:
        others = [f"{a.name} {number(a.metrics['curves.l1'].mean)}" for a in baselines if "curves.l1" in a.metrics]
        beside = f"; baselines: {', '.join(others)}" if others else ""
        yield f"Against the true curves, the trained arms' mean curves.l1 is {number(error)}{beside}."
    correlation = _mean(trained, "curves.pcc.lls3")
    if correlation is not None:
        name = "curves.pcc.lls3"
        others = [f"{a.name} {number(a.metrics[name].mean)}" for a in baselines if name in a.metrics]
        beside = (
            f"to be read against what guessing reaches: {', '.join(others)}"
            if others
            else "to be read against the roughly 0.3 that unrelated random curves reach, not against 0"
        )
        yield f"After the LLS 3 fit their mean correlation with the truth is {number(correlation)}, {beside}."


def _mean(arms: Sequence[ArmResult], metric: str) -> float | None:
    values = [arm.metrics[metric].mean for arm in arms if metric in arm.metrics]
    return float(np.mean(values)) if values else None


def _best(arms: Sequence[ArmResult], objective: Objective) -> ArmResult:
    sign = -1 if objective.direction == "maximize" else 1
    return min(arms, key=lambda arm: sign * arm.metrics[objective.metric].mean)


def _few(names: list[str], most: int = 10) -> str:
    return listed(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def _names(arms: Sequence[ArmResult]) -> list[str]:
    return [arm.name for arm in arms]
