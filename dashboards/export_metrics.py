"""Table of chosen metrics of a study: means over seeds, also of ratios, or differences from an arm in per cent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from core.errors import StudyError
from core.metrics.catalog import support_of
from core.settings.suggestions import did_you_mean
from core.settings.value_rules import listed, shown_value
from core.statistics.paired import Estimate, mean_with_interval
from core.statistics.summaries import summarise
from core.statistics.support import NON_NEGATIVE, REAL
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults
from dashboards.export_tables import TextTable
from dashboards.formatting import interval, number


def metrics_table(
    results: StudyResults, metrics: Sequence[str], *, against: str | None = None, arms: Sequence[str] = ()
) -> TextTable:
    """A row per arm and a column per metric, with the mean over seeds and its 95 % interval.

    A dash stands for a metric that is undefined for all seeds of an arm. Where it is undefined for some of the finished
    ones, the cell ends with the number of seeds that its mean is over, such as `(7 of 8)`.

    Args:
        results: Results of the study.
        metrics: Full names of metrics, or ratios such as `curves.l1.lls3/curves.l1.lls1`, taken for each seed.
        against: Name of the arm that the others are compared with: cells are differences in per cent of its values,
            paired by seed, and its own row has the means that are 100 %. None for the values themselves.
        arms: Names of the arms with a row; empty for all.

    Raises:
        StudyError: the study has no such arm or metric, or cells would be per cent of a value that is not positive.
    """
    columns = [_Column.parsed(results, metric) for metric in metrics]
    reference = None if against is None else _arm(results, against)
    chosen = {_arm(results, name).name for name in arms} or {arm.name for arm in results.arms}
    what = "means over seeds" if reference is None else f"differences from {reference.name} in per cent"
    paired = "" if reference is None else ", paired by seed,"
    return TextTable(
        caption=f"{results.plan.name}: {results.split} {what}{paired} with 95 % intervals",
        columns=("arm", *metrics),
        rows=tuple(
            (arm.name, *(_cell(column, arm, reference) for column in columns))
            for arm in results.arms
            if arm.name in chosen
        ),
        n_text=1,
    )


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """A metric, or the ratio of two."""

    metric: str
    divisor: str | None
    """Metric by which the other is divided; None if it is not."""

    @classmethod
    def parsed(cls, results: StudyResults, text: str) -> Self:
        """The column that is written as `A` or `A/B`.

        Raises:
            StudyError: no arm has a metric of the name, or there are more than two.
        """
        metric, *divisors = text.split("/")
        if len(divisors) > 1:
            raise StudyError(f"a ratio is that of two metrics, A/B; got {shown_value(text)}")
        for name in (metric, *divisors):
            if name not in results.metrics:
                hint = did_you_mean(name, results.metrics, otherwise="`modstudy catalog` lists the metrics")
                raise StudyError(f"no arm of {results.plan.name} has the metric {shown_value(name)}; {hint}")
        return cls(metric, divisors[0] if divisors else None)

    def __str__(self) -> str:
        return self.metric if self.divisor is None else f"{self.metric}/{self.divisor}"

    def values(self, arm: ArmResult) -> dict[int, float]:
        """Values of an arm by seed, without undefined ones."""
        values = arm.values.get(self.metric, {})
        if self.divisor is None:
            return values
        divisors = arm.values.get(self.divisor, {})
        return {seed: value / divisors[seed] for seed, value in values.items() if divisors.get(seed)}

    def estimate(self, arm: ArmResult) -> Estimate | None:
        """Mean of an arm over the seeds that have a value; None if none has."""
        if self.divisor is None:
            return arm.metrics.get(self.metric)
        is_positive = all(support_of(name).low >= 0 for name in (self.metric, self.divisor))
        values = tuple(self.values(arm).values())
        return summarise(values, NON_NEGATIVE if is_positive else REAL) if values else None


def _cell(column: _Column, arm: ArmResult, reference: ArmResult | None) -> str:
    """The cell of an arm; a dash if it has no value, or no seed in common with the reference."""
    values = column.values(arm)
    if reference is None:
        text = interval(column.estimate(arm))
    elif arm is reference:
        estimate = column.estimate(arm)
        text = f"100 % = {number(estimate.mean)}" if estimate else "–"
    else:
        values = _per_cent(column, values, reference)
        text = _per_cent_text(mean_with_interval(tuple(values.values()))) if values else "–"
    n_finished = len(arm.finished)
    return f"{text} ({len(values)} of {n_finished})" if 0 < len(values) < n_finished else text


def _per_cent(column: _Column, values: dict[int, float], reference: ArmResult) -> dict[int, float]:
    """Differences from the reference in per cent of its value, by the seeds that both have.

    Raises:
        StudyError: a value of the reference is not positive.
    """
    references = column.values(reference)
    for seed, value in references.items():
        if value <= 0:
            raise StudyError(
                f"a difference in per cent needs a positive reference: {column} of {reference.name} is {number(value)} "
                f"with seed {seed}; show this metric without --against"
            )
    return {seed: 100 * (value / references[seed] - 1) for seed, value in values.items() if seed in references}


def _per_cent_text(estimate: Estimate) -> str:
    """A difference as `+0.5 % [-0.3, 1.4]`."""
    bounds = "" if estimate.lo is None else f" [{estimate.lo:z,.1f}, {estimate.hi:z,.1f}]"
    return f"{estimate.mean:+z,.1f} %{bounds}"


def _arm(results: StudyResults, name: str) -> ArmResult:
    """The arm of a name.

    Raises:
        StudyError: the study has no such arm.
    """
    arms = {arm.name: arm for arm in results.arms}
    if name not in arms:
        hint = did_you_mean(name, arms, otherwise=f"its arms are {listed(arms)}")
        raise StudyError(f"{results.plan.name} has no arm {shown_value(name)}; {hint}")
    return arms[name]
