"""A comparison of studies in words and as a terminal table."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from core.storage.plan_changes import Change
from dashboards.comparison.front_difference import FrontDifference
from dashboards.comparison.plan_difference import PlanDifference
from dashboards.comparison.study_comparison import ArmMatch, MatchedDifference, StudyComparison, StudyPair, Verdict
from dashboards.formatting import arrow, bounds, interval, join_names, number, plural, short, signed

MAX_LISTED = 4
"""Maximum number of names or changes in a sentence."""


def match_table(pair: StudyPair, comparison: StudyComparison) -> Table:
    """A table of matched arms: means of both studies, and the difference paired by seed, for each common objective."""
    first, other = pair.first.plan.name, pair.other.plan.name
    table = Table(
        title=Text(f"{other} minus {first}: means over seeds; differences paired by seed, ± half of the 95 % interval"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("arm", overflow="fold")
    table.add_column("config", no_wrap=True)
    table.add_column("pairs", justify="right")
    for objective in comparison.objectives:
        name = f"{objective.metric}{arrow(objective.direction)}"
        for heading in (f"{name}\n{first}", f"\n{other}", "\ndifference"):
            table.add_column(Text(heading), justify="right", overflow="fold")
    for match in pair.matches:
        cells = [cell for difference in match.differences for cell in _difference_cells(difference)]
        config = "same" if match.has_same_config else "changed"
        table.add_row(Text(arm_text(match)), config, str(n_pairs(match)), *map(Text, cells))
    return table


def arm_text(match: ArmMatch) -> str:
    """Name of a matched arm, with that in the other study if it differs."""
    return match.arm if match.arm == match.other_arm else f"{match.arm} = {match.other_arm}"


def n_pairs(match: ArmMatch) -> int:
    """Smallest number of seeds over which the differences of a match are paired."""
    return min((len(each.difference.seeds) if each.difference else 0 for each in match.differences), default=0)


def difference_text(difference: MatchedDifference) -> str:
    """A difference with its interval; a dash if there is none."""
    if difference.difference is None:
        return "–"
    estimate = difference.difference.estimate
    return f"{signed(estimate.mean)} {bounds(estimate)}".strip()


def sentences(pair: StudyPair, comparison: StudyComparison) -> list[str]:
    """Three sentences: what changed between the plans, how matched arms differ, and how the fronts differ."""
    return [_plan_sentence(pair), _arms_sentence(pair, comparison), _front_sentence(pair, comparison)]


def caution(pair: StudyPair) -> str:
    """Why the numbers of two studies should not be compared; empty if there is no reason."""
    reasons = []
    if pair.plan.data_changes:
        reasons.append(f"their data differ ({_changes_text(pair.plan.data_changes)})")
    if not pair.plan.has_same_code:
        reasons.append(f"their code differs ({_versions_text(pair.plan)})")
    return f"Compare with care: {join_names(reasons)}." if reasons else ""


# ---------------------------------------------------------------------------------------------------------------------


def _difference_cells(difference: MatchedDifference) -> tuple[str, str, str]:
    """Both means and the difference."""
    means = [number(each.mean if each else None) for each in (difference.first, difference.other)]
    paired = difference.difference.estimate if difference.difference else None
    half_width = f" ±{paired.hi - paired.mean:.2g}" if paired and paired.hi is not None else ""
    return means[0], means[1], f"{signed(paired.mean)}{half_width}" if paired else "–"


def _plan_sentence(pair: StudyPair) -> str:
    """What changed between the plans."""
    plan, first, other = pair.plan, pair.first.plan.name, pair.other.plan.name
    if plan.is_empty:
        return f"The plans of {first} and {other} are the same."
    parts = [
        f"{plural(len(values), noun)} {verb} ({_listed(list(map(str, values)))})"
        for values, noun, verb in (
            (plan.added_arms, "arm", "added"),
            (plan.removed_arms, "arm", "left out"),
            (plan.added_seeds, "seed", "added"),
            (plan.removed_seeds, "seed", "left out"),
        )
        if values
    ]
    if plan.changes:
        parts.append(f"{plural(len(plan.changes), 'setting')} changed ({_changes_text(plan.changes)})")
    if plan.data_changes:
        parts.append("other data")
    if not plan.has_same_code:
        parts.append(f"other code ({_versions_text(plan)})")
    return f"From {first} to {other}: {join_names(parts)}."


def _arms_sentence(pair: StudyPair, comparison: StudyComparison) -> str:
    """How many matched arms are better or worse in each objective."""
    first, other = pair.first.plan.name, pair.other.plan.name
    if not pair.matches:
        return f"No arm of {first} has the config or the name of one of {other}."
    paired = [match for match in pair.matches if n_pairs(match)]
    n_same = sum(match.has_same_config for match in pair.matches)
    start = f"{plural(len(pair.matches), 'arm')} of {first} and {other} match, {n_same} with the same config"
    if not paired or not comparison.objectives:
        return f"{start}, but they share no finished seed or no objective."
    counts = []
    for index, objective in enumerate(comparison.objectives):
        verdicts = [match.differences[index].verdict for match in paired]
        order: tuple[Verdict, ...] = ("better", "worse", "open")
        counts.append(f"{objective.metric} {', '.join(f'{verdicts.count(each)} {each}' for each in order)}")
    return (
        f"{start}; of the {len(paired)} with shared seeds, {other} has by {' and by '.join(counts)} "
        "(95 % intervals, not adjusted for their number)."
    )


def _front_sentence(pair: StudyPair, comparison: StudyComparison) -> str:
    """How the fronts differ."""
    first, other, front = pair.first.plan.name, pair.other.plan.name, pair.front
    if front is None:
        reason = "an objective in common" if len(comparison.objectives) < 2 else "seeds with all arms of their fronts"
        return f"The fronts cannot be compared: the studies lack {reason}."
    metrics = join_names([objective.metric for objective in comparison.objectives[:2]])
    shares = [interval(share) for share in front.shares]
    verdict = _front_verdict(front, first, other)
    over = f"{plural(len(front.paired_seeds), 'shared seed')}" if front.paired_seeds else "seeds of their own, unpaired"
    return (
        f"The front of a seed covers {shares[0]} of the box of {metrics} in {first} and {shares[1]} in {other}: "
        f"difference {signed(front.difference.mean)} {bounds(front.difference)} over {over}; {verdict}."
    ).replace("  ", " ")


def _front_verdict(front: FrontDifference, first: str, other: str) -> str:
    """Which front is ahead."""
    lo, hi = front.difference.lo, front.difference.hi
    if lo is None or hi is None:
        return "one seed cannot tell them apart"
    if lo <= 0 <= hi:
        return "these seeds cannot tell them apart"
    return f"{other if lo > 0 else first} is ahead"


def _versions_text(plan: PlanDifference) -> str:
    """Versions of the code of both studies."""
    before, after = (", ".join(versions) or "unknown" for versions in plan.code_versions)
    return f"{before}, then {after}"


def _changes_text(changes: Sequence[Change]) -> str:
    """Changes with both values."""
    return _listed([f"{change.path} {short(change.before)} → {short(change.after)}" for change in changes])


def _listed(texts: Sequence[str]) -> str:
    """The first few texts, and the number of others."""
    more = f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return ", ".join(texts[:MAX_LISTED]) + more
