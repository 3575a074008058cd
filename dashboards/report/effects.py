"""The section "What matters": effects of factors, cost of removed components, and importance of searched dimensions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.statistics.effects import Interaction
from core.statistics.paired import Estimate
from core.storage.records import Objective
from dashboards.analysis.effects import ComponentDelta, Effects, ObjectiveEffects
from dashboards.formatting import axis, better
from dashboards.report.forest import ForestAxis, Place
from dashboards.report.section import ReportData, Section

MAX_INTERACTIONS = 20
"""Largest number of interactions in an objective; the largest ones come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """An effect with the place of its interval."""

    what: str
    """Factor or component, or the factors of an interaction."""
    change: str
    """The step whose effect it is."""
    estimate: Estimate
    place: Place

    @property
    def sign(self) -> str:
        """How sure it is that there is an effect: `clear` if the interval is on one side of zero."""
        lo, hi = self.estimate.lo, self.estimate.hi
        return "clear" if lo is not None and hi is not None and (lo > 0 or hi < 0) else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectTable:
    """Effects in one objective on a common axis."""

    metric: str
    """Full name of the metric."""
    label: str
    """Full name of the metric with its unit."""
    goal: str
    """A phrase for its better direction."""
    axis: ForestAxis
    n_seeds: int
    main: tuple[EffectRow, ...]
    interactions: tuple[EffectRow, ...]
    n_left_out: int
    """Number of smaller interactions that are not in the table."""
    confounded: tuple[str, ...]
    """Pairs of factors whose interaction cannot be told from other effects."""


def factorial_tables(effects: Effects) -> tuple[EffectTable, ...]:
    """Main effects and interactions by objective."""
    return tuple(map(_factorial_table, effects.factorial))


def component_tables(effects: Effects) -> tuple[EffectTable, ...]:
    """What removing each component changes, by objective."""
    by_objective: dict[Objective, list[ComponentDelta]] = {}
    for delta in effects.components:
        by_objective.setdefault(delta.objective, []).append(delta)
    return tuple(_component_table(objective, deltas) for objective, deltas in by_objective.items())


# ---------------------------------------------------------------------------------------------------------------------


def _factorial_table(found: ObjectiveEffects) -> EffectTable:
    """The effects in one objective."""
    effects = found.effects
    largest = sorted(effects.interactions, key=lambda each: -abs(each.effect.mean))[:MAX_INTERACTIONS]
    drawn = ForestAxis.of([*(each.effect for each in effects.main), *(each.effect for each in largest)])
    return EffectTable(
        metric=found.objective.metric,
        label=axis(found.objective.metric, [found.objective]).label,
        goal=better(found.objective.direction),
        axis=drawn,
        n_seeds=len(effects.seeds),
        main=tuple(
            EffectRow(
                what=each.factor,
                change=f"{each.level} instead of {each.reference}",
                estimate=each.effect,
                place=drawn.place(each.effect),
            )
            for each in effects.main
        ),
        interactions=tuple(_interaction_row(each, drawn) for each in largest),
        n_left_out=len(effects.interactions) - len(largest),
        confounded=tuple(" × ".join(pair) for pair in effects.confounded),
    )


def _interaction_row(interaction: Interaction, drawn: ForestAxis) -> EffectRow:
    """An interaction in words."""
    first, second = interaction.factors
    (level, other), (reference, first_other) = interaction.levels, interaction.references
    return EffectRow(
        what=f"{first} × {second}",
        change=f"{level} instead of {reference}: with {other}, more than with {first_other}",
        estimate=interaction.effect,
        place=drawn.place(interaction.effect),
    )


def _component_table(objective: Objective, deltas: Sequence[ComponentDelta]) -> EffectTable:
    """Differences of the arms without a component from the full one."""
    drawn = ForestAxis.of([each.difference.estimate for each in deltas])
    return EffectTable(
        metric=objective.metric,
        label=axis(objective.metric, [objective]).label,
        goal=better(objective.direction),
        axis=drawn,
        n_seeds=max(len(each.difference.seeds) for each in deltas),
        main=tuple(
            EffectRow(
                what=each.component,
                change=f"{each.arm} instead of {each.full}",
                estimate=each.difference.estimate,
                place=drawn.place(each.difference.estimate),
            )
            for each in deltas
        ),
        interactions=(),
        n_left_out=0,
        confounded=(),
    )


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None without a design, components or a search that is large enough."""
    effects, importance = report.analysis.effects, report.analysis.importance
    factorial = factorial_tables(effects) if effects else ()
    components = component_tables(effects) if effects else ()
    if not factorial and not components and not importance:
        return None
    return {"factorial": factorial, "components": components, "importance": importance or ()}


EFFECTS = Section(
    id="effects",
    title="What matters",
    template="effects.html.j2",
    context=_context,
    styles=("forest.css", "certainty.css"),
)
