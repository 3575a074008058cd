"""A warning on the conclusions that the number of seeds supports."""

from core.statistics.paired import MIN_PAIRS_FOR_TEST, t_factor
from core.statistics.power import SIGNIFICANCE, pairs_needed, smallest_p
from core.statistics.summaries import MIN_SEEDS_FOR_BOOTSTRAP
from dashboards.analysis.arm_pairs import arm_pairs
from dashboards.analysis.study_results import StudyResults
from dashboards.formatting import plural


def study_caveat(results: StudyResults) -> str:
    """Text on the conclusions that the seeds of a study support, for the comparisons that it makes."""
    if not any(arm.is_eligible and arm.finished for arm in results.arms):
        return _nothing_to_compare(results)
    if results.race:
        return race_caveat([len(arm.finished) for arm in results.arms if arm.is_eligible and arm.finished])
    n_comparisons = sum(pair.role == "confirmatory" and bool(pair.seeds) for pair in arm_pairs(results))
    return seed_caveat(results.n_pairs, n_comparisons)


def seed_caveat(n_seeds: int, n_comparisons: int) -> str:
    """Text on the conclusions that `n_seeds` paired seeds, at least one, support for `n_comparisons` comparisons."""
    if n_seeds == 1:
        return (
            "One seed: no interval can be given, and a difference between arms may be the seed's own. "
            "Read it as an example, not as evidence."
        )
    if n_seeds < MIN_PAIRS_FOR_TEST:
        return (
            f"{n_seeds} seeds: indication, not evidence. A 95 % interval spans {t_factor(n_seeds):.1f} standard errors "
            f"to each side, and a paired test over {n_seeds} pairs cannot reach p < 0.05 whatever the outcome "
            f"(its smallest p is {smallest_p(n_seeds):.3g}). {_needed_text(n_comparisons)}"
        )
    method = "BCa bootstrap" if n_seeds >= MIN_SEEDS_FOR_BOOTSTRAP else "Student-t"
    text = (
        f"{n_seeds} seeds: intervals are 95 % {method} intervals; paired comparisons are tested by sign flips "
        "and adjusted for their number (Holm)."
    )
    if n_comparisons < 1:
        return text
    smallest = smallest_p(n_seeds, n_comparisons)
    if smallest > SIGNIFICANCE:
        return (
            f"{text} None of the {plural(n_comparisons, 'comparison')} can reach p < 0.05: the smallest adjusted p is "
            f"{smallest:.3g}. {_needed_text(n_comparisons)}"
        )
    return f"{text} With {plural(n_comparisons, 'comparison')}, no adjusted p can be below {smallest:.3g}."


def race_caveat(n_seeds: list[int]) -> str:
    """Text on what the numbers beside the verdicts of a race support, given the seeds of each of at least one arm."""
    least, most = min(n_seeds), max(n_seeds)
    counts = plural(most, "seed") if least == most else f"{least} to {most} seeds"
    return (
        f"{counts} per arm, as many as the race gave it by its validation values: its verdicts and their error rate "
        "allow for that, means, 95 % intervals and paired differences do not. Read those as a description."
    )


def _nothing_to_compare(results: StudyResults) -> str:
    """Why there is no arm with a finished trial that could be compared with others."""
    finished = [arm for arm in results.arms if arm.finished]
    if finished:
        kinds = {"a baseline" if arm.is_baseline else "static" for arm in finished}
        return f"Every arm that has finished is {' or '.join(sorted(kinds))}: there is nothing to compare."
    if results.counts["finished"]:
        return "No seed of a confirmed arm has finished, only trials of the search: there is nothing to compare yet."
    if results.counts["missing"]:
        return "No seed has finished: there is nothing to compare yet."
    return "All trials have ended, and none has finished: there is nothing to compare."


def _needed_text(n_comparisons: int) -> str:
    """A sentence on the number of seeds with which comparisons can be significant."""
    one, needed = pairs_needed(1), pairs_needed(max(n_comparisons, 1))
    if n_comparisons <= 1:
        return f"{one} seeds are the fewest for one comparison."
    if needed is None:
        return f"{one} seeds are the fewest for one comparison; no number is enough for all {n_comparisons} together."
    return f"{one} seeds are the fewest for one comparison, {needed} for the {n_comparisons} that this study makes."
