"""Contrasts that a study declares before it runs, and margins below which a difference does not matter.

[[contrasts]]                          # the comparisons that answer the question, in each objective ...
arm = "lpf-8"
reference = "frame"
[[contrasts]]                          # ... or in one metric
arm = "lpf-8"
reference = "lpf-4"
metric = "curves.l1"
[margins]                              # arms that differ by less are equivalent
"audio.mss" = 0.05

The fewer comparisons a study declares, the fewer seeds they need: their p values are adjusted for their number. Without
any, every trained arm is compared with the first one in each objective.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen

from core.errors import ConfigError
from core.settings.suggestions import did_you_mean
from core.settings.value_rules import listed, shown_value
from search_spaces.limits import MAX_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastEntry:
    """Entry of a contrast: an arm is compared with a reference arm."""

    arm: Annotated[str, MaxLen(MAX_TEXT)]
    reference: Annotated[str, MaxLen(MAX_TEXT)]
    metric: Annotated[str, MaxLen(MAX_TEXT)] | None = None
    """Full name of the metric in which they are compared; None for each objective."""

    def __post_init__(self) -> None:
        if self.arm == self.reference:
            raise ConfigError(f"contrasts: an arm is compared with another one; got {shown_value(self.arm)} twice")

    def metrics(self, objectives: Sequence[str]) -> tuple[str, ...]:
        """Full names of the metrics in which the arms are compared."""
        return (self.metric,) if self.metric else tuple(objectives)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredComparison:
    """Comparison of an arm with a reference arm in one metric."""

    arm: str
    reference: str
    metric: str


def declared_comparisons(
    contrasts: Sequence[ContrastEntry], objectives: Sequence[str]
) -> tuple[DeclaredComparison, ...]:
    """The comparisons that contrasts declare, one for each metric.

    Raises:
        ConfigError: two arms are compared twice in a metric.
    """
    found: dict[tuple[frozenset[str], str], DeclaredComparison] = {}
    for contrast in contrasts:
        for metric in contrast.metrics(objectives):
            key = (frozenset((contrast.arm, contrast.reference)), metric)
            if key in found:
                raise ConfigError(
                    f"contrasts: {shown_value(contrast.arm)} and {shown_value(contrast.reference)} are compared "
                    f"twice in {metric}; leave one of them out"
                )
            found[key] = DeclaredComparison(arm=contrast.arm, reference=contrast.reference, metric=metric)
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
