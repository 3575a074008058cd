"""The main results as sentences that claim no more than the number of seeds supports."""

from collections.abc import Iterator, Sequence

import numpy as np

from core.metrics.catalog import without_modulation
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.race_results import RaceResults
from dashboards.analysis.search_results import SearchResults
from dashboards.analysis.seed_caveat import study_caveat
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults
from dashboards.formatting import better, join_names, number, plural, state_text
from dashboards.sound_verdict import SOUND_DESIGN, sound_sentences
from dashboards.verdict import headline, note_sentences, pick_sentences


def findings(analysis: StudyAnalysis) -> list[str]:
    """Sentences for the top of a report: the verdict and the picks first, a caveat on the number of seeds last."""
    results = analysis.results
    if not results.counts["finished"]:
        sentences = [verdict_sentence(analysis), _progress_sentence(results)]
        return [*sentences, "No trial has finished: there is nothing to compare yet."]
    picks = pick_sentences(results, analysis.verdict)
    return [verdict_sentence(analysis), *picks, *grounds(analysis), study_caveat(results)]


def grounds(analysis: StudyAnalysis) -> list[str]:
    """What the verdict rests on and what it leaves out, as sentences."""
    results = analysis.results
    sentences = [] if results.is_complete else [_progress_sentence(results)]
    if not results.counts["finished"]:
        return sentences
    sentences += note_sentences(results, analysis.verdict)
    sentences += _front_sentences(results)
    if results.race:
        sentences += _race_sentences(results.race)
    if results.search:
        sentences += _search_sentences(results.search)
    sentences += _truth_sentences(results)
    sentences += [f"Claim: {claim.text}: {claim.verdict}." for claim in analysis.claims]
    return sentences


def verdict_sentence(analysis: StudyAnalysis) -> str:
    """The verdict as one text: which arm to pick and how sure that is, or what would decide it."""
    return " ".join(verdict_sentences(analysis))


def verdict_sentences(analysis: StudyAnalysis) -> list[str]:
    """The verdict for the audience of the study, in a paragraph or several."""
    what = analysis.results, analysis.verdict, analysis.front_probabilities, analysis.root
    if analysis.results.plan.study_file.get("audience") == SOUND_DESIGN:
        return sound_sentences(*what)
    return [headline(*what)]


def _progress_sentence(results: StudyResults) -> str:
    """A sentence on the number of finished trials, for a study that is not complete."""
    counts = results.counts
    rest = [f"{count} {state_text(state)}" for state, count in results.unfinished.items()]
    return (
        f"Provisional: {counts['finished']} of {plural(counts['planned'], 'planned trial')} finished "
        f"({', '.join(rest)}). The findings below may change."
    )


def _front_sentences(results: StudyResults) -> Iterator[str]:
    """Sentences on which arms are on the front, and why others are not."""
    axes = " and ".join(f"{o.metric} ({better(o.direction)})" for o in results.objectives)
    front = [_with_race_verdict(results, arm) for arm in results.front]
    dominated = [_with_race_verdict(results, arm) for arm in results.with_status("dominated")]
    if undecided := [arm.name for arm in results.front if results.is_undecided(arm)]:
        yield from _open_front_sentences(axes, [name for name in front if name not in undecided], undecided, dominated)
    elif not front:
        yield f"No arm can be placed on the front of {axes}."
    elif dominated:
        yield f"On the front of {axes}: {_few_names(front)}. Dominated by another arm's means: {_few_names(dominated)}."
    elif len(front) > 1:
        yield f"On the front of {axes}: all {len(front)} comparable arms, {_few_names(front)}. None dominates another."
    else:
        yield f"Only {front[0]} can be compared on {axes}."
    if static := _arm_names(results.with_status("static")):
        yield f"Excluded from the front because their curves hardly move: {join_names(static)}."
    incomplete = [f"{arm.name} ({len(arm.finished)} of {len(arm.trials)})" for arm in results.front if arm.n_lost]
    if incomplete:
        yield f"On the front by surviving seeds only, which may flatter them: {join_names(incomplete)}."
    for arm in results.with_status("not comparable"):
        if arm.finished:
            yield f"{arm.name} is not comparable: {_reason_not_comparable(results, arm)}."


def _reason_not_comparable(results: StudyResults, arm: ArmResult) -> str:
    """Why an arm with finished seeds cannot be placed on the front."""
    shares = {
        name: results.common[base].excluded[arm.name]
        for name in arm.lacking
        if (base := without_modulation(name)) in results.common and arm.name in results.common[base].excluded
    }
    if shares:
        name, share = next(iter(shares.items()))
        return f"{name} is undefined for {100 * share:.0f} % of its curves, which leaves too few to compare it on"
    return f"{join_names(arm.lacking)} is undefined for a finished seed"


def _open_front_sentences(axes: str, placed: list[str], undecided: list[str], dominated: list[str]) -> Iterator[str]:
    """Sentences on a front with arms of which a race leaves open whether they belong to it."""
    if placed:
        yield f"On the front of {axes}: {_few_names(placed)}."
    where = "Also there" if placed else f"On the front of {axes}"
    yield f"{where} by their means, which the race leaves undecided: {_few_names(undecided)}."
    if dominated:
        yield f"Dominated by another arm's means: {_few_names(dominated)}."


def _with_race_verdict(results: StudyResults, arm: ArmResult) -> str:
    """Name of an arm, with the verdict of a race where it is another one than the means of the seeds suggest."""
    verdict = results.race.verdict_on(arm.name) if results.race else None
    if verdict is None or verdict.status == arm.status or (verdict.status == "undecided" and arm.on_front):
        return arm.name
    if verdict.status == "undecided":
        return f"{arm.name} (undecided in the race)"
    return f"{arm.name} ({'on the front' if verdict.status == 'front' else verdict.status} by the race on validation)"


def _race_sentences(race: RaceResults) -> Iterator[str]:
    """Sentences on what a race has decided, with how many trials."""
    verdict, rules = race.verdict, race.rules
    name = f"The race (error rate {100 * rules.alpha:g} %, validation)"
    if not verdict.peek:
        yield f"{name} compares its arms for the first time when all have {plural(rules.peeks[0], 'seed')}."
        return
    states = (
        ("on the front", verdict.with_status("front")),
        ("dominated", verdict.with_status("dominated")),
        ("undecided", verdict.with_status("undecided")),
    )
    decisions = "; ".join(f"{state}: {_few_names(list(names))}" for state, names in states if names)
    state = "is over" if verdict.is_over else f"has compared up to {plural(verdict.peek, 'seed')}, and goes on"
    yield f"{name} {state}. {decisions[0].upper()}{decisions[1:]}."
    given_up = [arm for arm, each in verdict.arms.items() if each.reason == "given up"]
    if verdict.is_over and given_up:
        yield (
            f"It gave up {_few_names(given_up)}, as the seeds left up to {rules.peeks[-1]} would decide with a "
            f"probability below {rules.give_up_below:g}."
        )
    if verdict.is_over:
        yield (
            f"It took {race.n_trials} of the {race.n_trials_of_full_design} trials that "
            f"{rules.peeks[-1]} seeds of each of its {len(verdict.arms)} arms would take."
        )


def _search_sentences(search: SearchResults) -> Iterator[str]:
    """Sentences on what a search tried, how many arms were confirmed, and how optimistic it was about them."""
    cells = f" in {len(search.cells)} cells" if len(search.cells) > 1 else ""
    tried = f"The search tried {plural(len(search.arms), 'arm')}{cells} with {plural(search.n_trials, 'trial')}"
    if not search.confirmed:
        yield f"{tried}, on validation only; none of its arms is confirmed with fresh seeds yet."
        return
    yield f"{tried}, on validation only, and {plural(len(search.confirmed), 'arm')} went on to fresh seeds."
    if optimism := search.optimism.get("validation"):
        share = optimism.share
        ends = "" if share.lo is None or share.hi is None else f" [{100 * share.lo:.2g}, {100 * share.hi:.2g}]"
        open_note = (
            ", which includes zero"
            if share.lo is not None and share.hi is not None and share.lo <= 0 <= share.hi
            else ""
        )
        yield (
            f"The search claimed {100 * optimism.claimed_share:.3g} % of the box between ideal and reference for these "
            f"arms; fresh seeds on validation give {100 * optimism.confirmed_share:.3g} %. Its optimism, "
            f"corrected for the noise of so few seeds, is {100 * share.mean:.2g}{ends} % of the box{open_note}."
        )


def _truth_sentences(results: StudyResults) -> Iterator[str]:
    """Sentences that compare the recovered with the true curves, in relation to baselines."""
    trained = [arm for arm in results.arms if not arm.is_baseline]
    baselines = [arm for arm in results.arms if arm.is_baseline and not arm.is_granular]
    error = _mean_over_arms(trained, "curves.l1")
    if error is not None and not results.is_white_box:
        yield (
            "The synth is not the one that made the sounds (grey box), so the values of its curves have a meaning of "
            "their own: compare curves with the truth only after a linear projection."
        )
    elif error is not None:
        others = [f"{a.name} {number(a.metrics['curves.l1'].mean)}" for a in baselines if "curves.l1" in a.metrics]
        comparison = f"; baselines: {', '.join(others)}" if others else ""
        yield f"Against the true curves, the trained arms' mean curves.l1 is {number(error)}{comparison}."
    correlation = _mean_over_arms(trained, "curves.pcc.lls3")
    if correlation is not None:
        name = "curves.pcc.lls3"
        others = [f"{a.name} {number(a.metrics[name].mean)}" for a in baselines if name in a.metrics]
        comparison = (
            f"to be compared with the baselines: {', '.join(others)}"
            if others
            else "to be compared with the roughly 0.3 that three unrelated random curves reach, not with 0"
        )
        yield f"After the LLS 3 projection, the trained arms' mean correlation is {number(correlation)}, {comparison}."


def _mean_over_arms(arms: Sequence[ArmResult], metric: str) -> float | None:
    """Mean of a metric over the arms that have it; None if none has."""
    values = [arm.metrics[metric].mean for arm in arms if metric in arm.metrics]
    return float(np.mean(values)) if values else None


def _few_names(names: list[str], n_shown: int = 10) -> str:
    """The names as text; only the first `n_shown` if there are more."""
    if len(names) <= n_shown:
        return join_names(names)
    return f"{', '.join(names[:n_shown])} and {len(names) - n_shown} more"


def _arm_names(arms: Sequence[ArmResult]) -> list[str]:
    return [arm.name for arm in arms]
