"""What matters in a study: effects of the factors of a factorial design, and what each removed component costs."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.statistics.effects import FactorialEffects, Levels, factorial_effects, is_balanced
from core.statistics.paired import PairedDifference, paired_difference
from core.storage.records import Objective
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults

_ABSENT = "absent"
"""Level of a setting that an arm does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveEffects:
    """Effects of the factors of a design on one objective."""

    objective: Objective
    effects: FactorialEffects


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentDelta:
    """What removing a component from the full configuration changes in one objective."""

    component: str
    arm: str
    """Name of the arm without the component."""
    full: str
    """Name of the arm with all components."""
    objective: Objective
    difference: PairedDifference
    """Value without the component minus value of the full arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Effects of the factors and components of a study."""

    factors: dict[str, tuple[str, ...]]
    """Levels of each factor of a factorial design, the first of which is the reference; empty if there is no design."""
    factorial: tuple[ObjectiveEffects, ...]
    """By objective, without those of which no seed has values of all arms."""
    components: tuple[ComponentDelta, ...]
    """By component and objective; empty if the study does not leave components out."""


def effects(results: StudyResults) -> Effects | None:
    """Effects of factors and components on the objectives; None if the study is no factorial and leaves nothing out."""
    arms = _design_arms(results)
    levels = factor_levels({arm.name: arm.factors for arm in arms})
    is_design = is_balanced(levels)
    components = _component_deltas(results)
    if not is_design and not components:
        return None
    factors: dict[str, dict[str, None]] = {}
    for of_arm in levels.values() if is_design else ():
        for factor, level in of_arm.items():
            factors.setdefault(factor, {})[level] = None
    return Effects(
        factors={factor: tuple(of_factor) for factor, of_factor in factors.items()},
        factorial=tuple(
            ObjectiveEffects(objective=objective, effects=found)
            for objective in results.objectives
            if is_design
            and (found := factorial_effects(levels, {a.name: a.values.get(objective.metric, {}) for a in arms}))
        ),
        components=components,
    )


def factor_levels(settings: Mapping[str, Mapping[str, Any]]) -> Levels:
    """Levels of the factors that differ between arms.

    Settings that always change together are one factor, as are a setting and those that exist only for some of its
    values: `parameterization.kind` and `parameterization.cutoff_hz` become the factor `parameterization` with levels
    such as `low_pass 8`.

    Args:
        settings: Dotted settings by arm.
    """
    paths = dict.fromkeys(path for of_arm in settings.values() for path in of_arm)
    columns = {path: [_key(of_arm, path) for of_arm in settings.values()] for path in paths}
    columns = {path: column for path, column in columns.items() if len(set(column)) > 1}
    group_of = {path: path for path in columns}
    for path in columns:
        partner = _partner(path, columns)
        if partner is not None:
            old, new = group_of[path], group_of[partner]
            group_of = {each: new if group == old else group for each, group in group_of.items()}
    groups: dict[str, list[str]] = {}
    for path, group in group_of.items():
        groups.setdefault(group, []).append(path)
    names = {_name(members): _needed(members, columns) for members in groups.values()}
    return {arm: {name: _label(of_arm, members) for name, members in names.items()} for arm, of_arm in settings.items()}


# ---------------------------------------------------------------------------------------------------------------------


def _design_arms(results: StudyResults) -> list[ArmResult]:
    """Trained arms that a design planned."""
    planned = {arm.name for segment in results.plan.segments if segment.stage == "design" for arm in segment.arms}
    return [arm for arm in results.arms if arm.name in planned and not arm.is_baseline]


def _component_deltas(results: StudyResults) -> tuple[ComponentDelta, ...]:
    """Differences of the arms that leave one component out from the full one."""
    ablation = results.plan.study_file.get("ablation", {})
    if ablation.get("kind") != "leave_one_out":
        return ()
    by_name = {arm.name: arm for arm in results.arms}
    full = by_name.get(ablation.get("full_name", "full"))
    if full is None:
        return ()
    return tuple(
        ComponentDelta(component=component, arm=arm.name, full=full.name, objective=objective, difference=difference)
        for component in ablation.get("components", {})
        if (arm := by_name.get(f"without {component}")) is not None
        for objective in results.objectives
        if (
            difference := paired_difference(arm.values.get(objective.metric, {}), full.values.get(objective.metric, {}))
        )
    )


def _key(settings: Mapping[str, Any], path: str) -> str:
    return repr(settings[path]) if path in settings else _ABSENT


def _partner(path: str, columns: Mapping[str, Sequence[str]]) -> str | None:
    """A setting of the same factor: one that always changes together, or one whose value decides if this one exists."""
    column = columns[path]
    together = [
        other
        for other in columns
        if other != path and _decides(columns[other], column) and _decides(column, columns[other])
    ]
    if together:
        return together[0]
    if _ABSENT not in column:
        return None
    exists = [value != _ABSENT for value in column]
    deciding = [other for other in columns if other != path and _decides(columns[other], exists)]
    parent = path.rpartition(".")[0]
    siblings = [other for other in deciding if other.rpartition(".")[0] == parent]
    return next(iter(siblings or deciding), None)


def _decides(column: Sequence[Hashable], other: Sequence[Hashable]) -> bool:
    """Whether the value of one setting determines that of another one."""
    return len(set(zip(column, other, strict=True))) == len(set(column))


def _name(paths: Sequence[str]) -> str:
    """The path of a factor of one setting, else what the paths of its settings have in common."""
    if len(paths) == 1:
        return paths[0]
    parts = [path.split(".") for path in paths]
    shared = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return ".".join(shared) or " + ".join(paths)


def _needed(paths: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The settings of a factor that tell its levels apart, in order."""
    needed: list[str] = []
    n_levels = 1
    for path in paths:
        rows = set(zip(*(columns[each] for each in (*needed, path)), strict=True))
        if len(rows) > n_levels:
            needed, n_levels = [*needed, path], len(rows)
    return needed


def _label(settings: Mapping[str, Any], paths: Sequence[str]) -> str:
    """The values of a factor's settings as text."""
    values = [settings[path] for path in paths if path in settings]
    return " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values) or _ABSENT
