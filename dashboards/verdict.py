"""The verdict on a study in sentences, the first of which says which arm to pick and how sure that is."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from core.metrics.audio import MSS
from core.metrics.interpretability import RANGE, TOTAL_VARIATION
from core.statistics.paired import MIN_PAIRS_FOR_TEST
from core.statistics.power import MAX_PAIRS
from core.storage.records import Objective
from core.storage.roots import without_credentials
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.common_clips import CommonClips
from dashboards.analysis.signature_counts import WEAK, signature_counts
from dashboards.analysis.study_results import StudyResults
from dashboards.analysis.verdict import Change, Verdict, time_of_seeds
from dashboards.durations import duration
from dashboards.formatting import interval, join_names, number, plural, signed, state_text

FIRST_SEEDS = 8
"""Number of seeds that is proposed if there are too few for a test."""


def headline(results: StudyResults, verdict: Verdict, on_front: Mapping[str, float], root: str) -> str:
    """The first sentence of a report: which arm to pick and how sure that is, or what would decide it.

    If the pick has a modulation that hardly moves or has no effect, a second sentence names it.

    Args:
        results: Results of the study.
        verdict: The verdict on them.
        on_front: Probability of being on the front by arm; empty if it is unknown.
        root: Root folder of the study, for commands.
    """
    return _judgement(results, verdict, on_front, root) + _weakness(results, verdict)


@dataclass(frozen=True, slots=True)
class PickText:
    """One of the picks as text."""

    label: str
    """What it is picked for."""
    arm: str
    grounds: str
    """Means of the objectives that it is picked by, with intervals."""


def pick_texts(results: StudyResults, verdict: Verdict) -> list[PickText]:
    """The most accurate arm, the most interpretable within the tolerance, and the knee; none with one objective."""
    if len(results.objectives) < 2 or verdict.pick is None:
        return []
    first, second = results.objectives[:2]
    picks = (
        ("Most accurate", verdict.most_accurate, (first,)),
        (f"Best {second.metric} within {100 * verdict.tolerance:g} % of it", verdict.most_interpretable, (second,)),
        ("Knee of the front", verdict.knee, (first, second)),
    )
    return [
        PickText(label, name, ", ".join(f"{o.metric} {interval(results.arm(name).metrics[o.metric])}" for o in shown))
        for label, name, shown in picks
        if name is not None
    ]


def pick_sentences(results: StudyResults, verdict: Verdict) -> Iterator[str]:
    """Sentences on the picks."""
    for pick in pick_texts(results, verdict):
        yield f"{pick.label}: {pick.arm} ({pick.grounds})."


def note_sentences(results: StudyResults, verdict: Verdict) -> Iterator[str]:
    """Sentences on what the verdict leaves out: curves that hardly move or have no effect, clips, arms and trials."""
    yield from _motion_sentences(results, verdict)
    yield from _effect_sentences(results, verdict)
    yield from _truth_sentences(results, verdict)
    for common in results.common.values():
        if common.metric in {objective.metric for objective in results.objectives}:
            yield (
                f"{common.metric} is compared on the {number(common.n_common)} of {number(common.n_pairs)} curves "
                f"(clip and modulation) that move in every arm compared; {100 * common.share_left_out:.0f} % are left "
                f"out, because a flat curve has none.{_partial_sentence(common)}"
            )


def _partial_sentence(common: CommonClips) -> str:
    """A sentence on arms that are compared although they lack some of the common curves."""
    if not common.partial:
        return ""
    return (
        f" {plural(len(common.partial), 'further arm')} would leave too few, and "
        f"{'is' if len(common.partial) == 1 else 'are'} compared on those of them that move, nearly all."
    )


def extend_command(results: StudyResults, n_seeds: int, root: str) -> str:
    """The shell command that runs a study with this number of seeds of every arm."""
    place = "" if root == "runs" else f" --root {shlex.quote(without_credentials(root))}"
    return f"modstudy extend {shlex.quote(results.plan.name)} --seeds {n_seeds}{place}"


def open_sentence(results: StudyResults, verdict: Verdict, root: str) -> str:
    """A sentence on what the seeds leave open, and what would decide it."""
    names = dict.fromkeys(
        name for question in verdict.questions for name in (question.change.arm, question.change.reference)
    )
    between = join_names([verdict.pick or "", *(name for name in names if name != verdict.pick)][:4])
    text = f"{plural(verdict.n_seeds, 'seed')} cannot decide between {between}"
    known = [question.seeds_needed for question in verdict.questions if question.seeds_needed is not None]
    if verdict.n_seeds < MIN_PAIRS_FOR_TEST:
        # The spread of so few seeds says little about the number that will be needed.
        n_more = FIRST_SEEDS - verdict.n_seeds
        return (
            f"{text}: no exact paired test over fewer than {MIN_PAIRS_FOR_TEST} can. Run {n_more} "
            f"more{_time(time_of_seeds(results, n_more))}: `{extend_command(results, FIRST_SEEDS, root)}`."
        )
    if not known:
        return f"{text}, and {MAX_PAIRS} would probably not: what is between them is too small."
    more = (
        f"{text}; {max(known) - verdict.n_seeds} more would, with a probability of 80 % if differences are as they look"
    )
    costs = [question.cost_s for question in verdict.questions if question.cost_s is not None]
    command = f"`{extend_command(results, max(known), root)}`"
    return f"{more}{_time(max(costs, default=None))}: {command}{_hopeless(verdict)}."


def reason_for_no_arm(results: StudyResults) -> str:
    """Why no arm can be picked."""
    if not results.counts["finished"]:
        return "no trial has finished"
    reasons = []
    if not any(not arm.is_baseline for arm in results.arms):
        reasons.append("all arms are baselines")
    if static := [arm.name for arm in results.with_status("static")]:
        reasons.append(f"the curves of {join_names(static)} hardly move")
    for arm in results.with_status("not comparable"):
        if not arm.finished:
            states = sorted({state_text(trial.state) for trial in arm.trials})
            reasons.append(f"no trial of {arm.name} has finished ({join_names(states)})")
        else:
            reasons.append(f"{join_names(arm.lacking)} of {arm.name} is undefined")
    return "; ".join(reasons[:4]) or "no trained arm has finished"


# ---------------------------------------------------------------------------------------------------------------------


def _judgement(results: StudyResults, verdict: Verdict, on_front: Mapping[str, float], root: str) -> str:
    """The sentence of `headline` on which arm to pick."""
    pick = verdict.pick
    match verdict.state:
        case "no arm":
            return f"No arm can be picked: {reason_for_no_arm(results)}."
        case "one seed":
            return (
                f"One seed cannot decide: {pick} looks best, as an example and not as evidence. "
                f"Run more: `{extend_command(results, FIRST_SEEDS, root)}`."
            )
        case "race":
            return (
                f"{pick} looks best{_why(verdict)}; the number of its seeds was chosen by a race, so its intervals "
                f"describe and do not decide{_probability(pick, on_front)}."
            )
        case "decided":
            return f"Pick {pick}{_why(verdict)}{_ties(results, verdict)}{_probability(pick, on_front)}."
        case "open":
            return f"{open_sentence(results, verdict, root)} So far {pick} looks best{_why(verdict)}."
        case _:
            assert_never(verdict.state)


def _why(verdict: Verdict) -> str:
    """Grounds for the pick, as the continuation of a sentence."""
    if verdict.loss is None or verdict.gain is None:
        if verdict.most_interpretable is None:
            return ", by its mean"
        percent = f"{100 * verdict.tolerance:g} %"
        if verdict.most_interpretable == verdict.pick:
            return f": the most accurate arm, and none within {percent} of it is better in the other objective"
        return (
            f": the most accurate arm, and that {verdict.most_interpretable}, within {percent} of it, is better in the "
            "other objective is not shown"
        )
    loss, gain = verdict.loss, verdict.gain
    return (
        f": {_loss_phrase(loss, verdict.tolerance)}, and {_gain_phrase(gain)} "
        f"({gain.objective.metric}, difference {interval(gain.difference.estimate)})"
    )


def _loss_phrase(loss: Change, tolerance: float) -> str:
    """How the pick compares with the most accurate arm in the first objective."""
    subject = "its sound" if loss.objective.metric.startswith("audio.") else f"its {loss.objective.metric}"
    difference = f"difference {interval(loss.difference.estimate)}"
    margin = tolerance * abs(loss.base)
    if loss.is_within(margin):
        cannot = " and cannot be told from it" if not loss.difference.excludes_zero else ""
        return f"{subject} is within {100 * tolerance:g} % of the best, {loss.reference}'s,{cannot} ({difference})"
    return f"{subject} is {100 * loss.share:.2g} % from the best, {loss.reference}'s ({difference})"


def _gain_phrase(gain: Change) -> str:
    """How the pick compares with the most accurate arm in the second objective."""
    percent = f"{-100 * gain.share:.2g} %"
    if gain.objective.metric == TOTAL_VARIATION.name and gain.objective.direction == "minimize":
        return f"its curves are {percent} calmer"
    return f"its {gain.objective.metric} is {percent} better"


def _ties(results: StudyResults, verdict: Verdict) -> str:
    """A clause on the arms that the seeds cannot tell from the pick."""
    if not verdict.ties:
        return ""
    if len(results.objectives) < 2:
        return f"; {join_names(verdict.ties)} cannot be told from it"
    return f"; {join_names(verdict.ties)} cannot be told from it in {results.objectives[1].metric}"


def _probability(pick: str | None, on_front: Mapping[str, float]) -> str:
    """A clause on the probability that the pick is on the front."""
    return "" if pick is None or pick not in on_front else f"; P(on the front) {_probability_number(on_front[pick])}"


def _probability_number(value: float) -> str:
    return "above 0.99" if value > 0.99 else "below 0.01" if value < 0.01 else f"{value:.2f}"


def _hopeless(verdict: Verdict) -> str:
    """A clause on the questions that no sensible number of seeds would decide; empty if there is none."""
    pairs = [
        f"{question.change.arm} and {question.change.reference} in {question.change.objective.metric}"
        for question in verdict.questions
        if question.seeds_needed is None
    ]
    return f"; between {join_names(pairs)} even {MAX_PAIRS} probably would not" if pairs else ""


def _time(seconds: float | None) -> str:
    """A clause on an estimated time; empty if it is unknown."""
    return "" if seconds is None else f", about {duration(seconds)}"


def _motion_sentences(results: StudyResults, verdict: Verdict) -> Iterator[str]:
    """Sentences on modulations that hardly move in arms that may be picked."""
    stuck = [(arm, names) for arm in results.arms if arm.is_eligible and (names := results.hardly_moving(arm))]
    for arm, names in sorted(stuck, key=lambda item: item[0].name != verdict.pick):
        yield f"{arm.name} hardly moves {join_names([_range_text(results, arm, name) for name in names])}."


def _effect_sentences(results: StudyResults, verdict: Verdict) -> Iterator[str]:
    """Sentences on further modulations that have no effect in most seeds, in arms that may be picked."""
    eligible = [arm for arm in results.arms if arm.is_eligible]
    for arm in sorted(eligible, key=lambda arm: arm.name != verdict.pick):
        counts = {(each.part, each.kind): each for each in signature_counts(arm)}
        for part in results.ineffective(arm):
            found = [counts[part, kind] for kind in WEAK if (part, kind) in counts]
            details = [
                f"it is static in {each.n_trials}"
                if each.kind == "static"
                else f"holding it at its mean changes {MSS.name} by {signed(each.mean)} in {each.n_trials}"
                for each in found
            ]
            n_trials = sum(each.n_trials for each in found)
            yield (
                f"{arm.name} has {part} without effect in {n_trials} of {plural(found[0].n_examined, 'trial')}: "
                f"{', '.join(details)}."
            )


def _weakness(results: StudyResults, verdict: Verdict) -> str:
    """A sentence on the modulations of the pick that hardly move or have no effect; empty if there are none."""
    if verdict.pick is None:
        return ""
    arm = results.arm(verdict.pick)
    still, ineffective = results.hardly_moving(arm), results.ineffective(arm)
    clauses = []
    if still:
        clauses.append(f"{join_names(still)} hardly {'moves' if len(still) == 1 else 'move'}")
    if ineffective:
        clauses.append(f"{join_names(ineffective)} {'has' if len(ineffective) == 1 else 'have'} no effect on the sound")
    return f" Its {', and its '.join(clauses)}." if clauses else ""


def _range_text(results: StudyResults, arm: ArmResult, modulation: str) -> str:
    """A modulation with the mean range of its curves, and of the true ones."""
    name = f"{RANGE.name}.{modulation}"
    truth = f", truth {number(results.truth[name])}" if name in results.truth else ""
    return f"{modulation} (mean range {number(arm.metrics[name].mean)}{truth})"


def _truth_sentences(results: StudyResults, verdict: Verdict) -> Iterator[str]:
    """A sentence on arms whose curves are calmer than the true ones, for which less is no longer better."""
    if len(results.objectives) < 2:
        return
    second: Objective = results.objectives[1]
    truth = results.truth.get(second.metric)
    if truth is None or second.direction != "minimize":
        return
    below = [arm.name for arm in results.front if arm.metrics[second.metric].mean < truth]
    if below:
        yield (
            f"The true curves have {second.metric} {number(truth)}: below it, as for {join_names(below)}, smaller is "
            "smoother than the truth, not better."
        )
    elif verdict.pick is not None:
        share = results.arm(verdict.pick).metrics[second.metric].mean / truth - 1
        yield f"The true curves have {second.metric} {number(truth)}; {verdict.pick}'s is {100 * share:.0f} % above."
