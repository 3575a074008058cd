"""Contrasts that a study declares before it runs, and margins below which a difference does not matter.

[[contrasts]]                          # the comparisons that answer the question, in each objective ...
arm = "lpf-8"
reference = "frame"
[[contrasts]]                          # ... or in one metric
arm = "lpf-8"
reference = "lpf-4"
metric = "curves.l1"
[[contrasts]]                          # ... or one arm in two metrics
arm = "lpf-8"
reference = "lpf-8"
metric = "curves.l1.lls3"
reference_metric = "curves.l1.lls1"
claim = "modulation is spread over the modules"
expected = "better"                    # the conclusion that confirms the claim: better, worse or equivalent
[margins]                              # arms that differ by less are equivalent
"audio.mss" = 0.05

Contrasts with the same claim are one: it is confirmed if all of them end as expected.

The fewer comparisons a study declares, the fewer seeds they need: their p values are adjusted for their number. Without
any, every trained arm is compared with the first one in each objective.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MaxLen

from core.errors import ConfigError
from core.settings.suggestions import did_you_mean
from core.settings.value_rules import listed, shown_value
from search_spaces.limits import MAX_TEXT

Expected = Literal["better", "worse", "equivalent"]
"""How an arm compares with its reference if a claim holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastEntry:
    """Entry of a contrast: an arm is compared with a reference arm, or with itself in another metric."""

    arm: Annotated[str, MaxLen(MAX_TEXT)]
    reference: Annotated[str, MaxLen(MAX_TEXT)]
    metric: Annotated[str, MaxLen(MAX_TEXT)] | None = None
    """Full name of the metric in which they are compared; None for each objective."""
    reference_metric: Annotated[str, MaxLen(MAX_TEXT)] | None = None
    """Full name of the metric of the reference, if it is another one."""
    claim: Annotated[str, MaxLen(MAX_TEXT)] | None = None
    """A claim that the contrast tests, in words."""
    expected: Expected | None = None
    """The conclusion that confirms the claim."""

    def __post_init__(self) -> None:
        if self.reference_metric is not None and self.metric in (None, self.reference_metric):
            raise ConfigError(
                "contrasts: reference_metric is the metric of the reference where it differs from metric; got "
                f"metric {shown_value(self.metric)} and reference_metric {shown_value(self.reference_metric)}"
            )
        if self.arm == self.reference and self.reference_metric is None:
            raise ConfigError(f"contrasts: an arm is compared with another one; got {shown_value(self.arm)} twice")
        if (self.claim is None) != (self.expected is None) or (self.claim is not None and not self.claim.strip()):
            raise ConfigError(
                "contrasts: a claim in words needs the conclusion that confirms it, and the reverse; got "
                f"claim {shown_value(self.claim)} and expected {shown_value(self.expected)}"
            )

    def metrics(self, objectives: Sequence[str]) -> tuple[str, ...]:
        """Full names of the metrics in which the arms are compared."""
        return (self.metric,) if self.metric else tuple(objectives)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredComparison:
    """Comparison of an arm with a reference arm in one metric, or in two."""

    arm: str
    reference: str
    metric: str
    reference_metric: str | None = None
    """Metric of the reference; None for the same."""


def declared_comparisons(
    contrasts: Sequence[ContrastEntry], objectives: Sequence[str]
) -> tuple[DeclaredComparison, ...]:
    """The comparisons that contrasts declare, one for each metric.

    Raises:
        ConfigError: two arms are compared twice in a metric.
    """
    found: dict[frozenset[tuple[str, str]], DeclaredComparison] = {}
    for contrast in contrasts:
        for metric in contrast.metrics(objectives):
            key = frozenset(((contrast.arm, metric), (contrast.reference, contrast.reference_metric or metric)))
            if key in found:
                raise ConfigError(
                    f"contrasts: {shown_value(contrast.arm)} and {shown_value(contrast.reference)} are compared "
                    f"twice in {metric}; leave one of them out"
                )
            found[key] = DeclaredComparison(
                arm=contrast.arm,
                reference=contrast.reference,
                metric=metric,
                reference_metric=contrast.reference_metric,
            )
    return tuple(found.values())


def check_arms(contrasts: Sequence[ContrastEntry], arms: Collection[str]) -> None:
    """Check that contrasts name arms of the designs of a study; those of a search are not known in advance.

    Raises:
        ConfigError: an arm is unknown.
    """
    known = frozenset(arms)
    for contrast in contrasts:
        for role, name in (("arm", contrast.arm), ("reference", contrast.reference)):
            if name not in known:
                hint = did_you_mean(name, arms, otherwise=f"its arms are {', '.join(arms) or 'known after its search'}")
                raise ConfigError(f"contrasts: {role} {shown_value(name)} is no arm that this study declares; {hint}")


def check_margins(margins: Mapping[str, float], metrics: Collection[str]) -> None:
    """Check that margins are above 0 and belong to metrics in which arms are compared.

    Raises:
        ConfigError: a margin breaks a rule.
    """
    for metric, margin in margins.items():
        if metric not in metrics:
            raise ConfigError(
                f"margins: no arms are compared in {shown_value(metric)}; they are compared in {listed(metrics)}"
            )
        if not (margin > 0 and math.isfinite(margin)):
            raise ConfigError(
                f"margins: the margin of {metric} is the smallest difference that matters, above 0; got {margin:g}"
            )
