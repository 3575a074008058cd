"""Importance of the dimensions of a search for reaching its best values, per cell and objective.

PED-ANOVA compares where the best points of a dimension lie with where all points lie: a dimension of which the best
points need certain values matters. It needs no model of the objective, and dimensions may exist under conditions only.

S. Watanabe, A. Bansal and F. Hutter, "PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary
subspaces", IJCAI 2023, arXiv:2304.10255.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.settings.dotted import flatten
from core.storage.records import Objective
from dashboards.analysis.study_results import StudyResults

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

MIN_POINTS = 10
"""Fewest points with values of a cell whose importances are estimated."""
_MIN_BEST = 5
"""Fewest points that count as the best ones."""
_BEST_SHARE = 0.1
"""Share of the points that count as the best ones where that is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellImportance:
    """Importances of the dimensions of a cell for one objective."""

    cell: str
    """Name of the cell; empty for a search without a grid."""
    objective: Objective
    n_points: int
    """Number of points with values, means over the seeds of the search on validation."""
    n_best: int
    """Number of points that count as the best ones."""
    shares: dict[str, float]
    """Importance by path of the dimension as a share of their sum, largest first; 0 for all if none matters."""


def importance(results: StudyResults) -> tuple[CellImportance, ...] | None:
    """Importances by cell and objective; None if the study has no search, or no cell has enough points.

    Only trials of the search count, with their values on validation; a point that the sampler repeated counts once.
    """
    if results.search is None:
        return None
    entries = results.plan.study_file.get("search", {}).get("space", ())
    settings_of: dict[str, dict[str, Any]] = {}
    for ask in results.plan.asks:
        if ask.arm is not None:
            settings_of.setdefault(ask.arm, ask.settings)
    found = []
    for cell in results.search.cells:
        arms = [arm for arm in results.search.arms if arm.cell == cell.name and arm.claimed]
        points = [_parameters(entries, settings_of[arm.name]) for arm in arms]
        if len(arms) < MIN_POINTS or not any(points):
            continue
        distributions = _distributions(entries, points)
        n_best = min(max(_MIN_BEST, round(_BEST_SHARE * len(arms))), len(arms) // 2)
        for objective in results.objectives:
            sign = 1.0 if objective.direction == "minimize" else -1.0
            costs = [sign * arm.claimed[objective.metric] for arm in arms]
            found.append(
                CellImportance(
                    cell=cell.name,
                    objective=objective,
                    n_points=len(arms),
                    n_best=n_best,
                    shares=_shares(points, costs, distributions, n_best),
                )
            )
    return tuple(found) or None


# ---------------------------------------------------------------------------------------------------------------------


def _parameters(entries: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A point by path of its dimensions: numbers of ranges and labels of values, without those that do not exist."""
    point: dict[str, Any] = {}
    for entry in entries:
        path = entry["path"]
        if entry.get("values") is None:
            if entry.get("low") is not None and path in settings:
                point[path] = settings[path]
            continue
        for label, own in _options(entry).items():
            if own.items() <= settings.items():
                point.setdefault(path, label)
    return point


def _options(entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Dotted settings of the values of a dimension, by label."""
    path, options = entry["path"], {}
    for value in entry["values"]:
        if not isinstance(value, Mapping):
            options[str(value)] = {path: value}
        elif "settings" in value:
            options[value["label"]] = {f"{path}.{name}": own for name, own in flatten(value["settings"]).items()}
        else:
            options[value["label"]] = {path: value["value"]}
    return options


def _distributions(
    entries: Sequence[Mapping[str, Any]], points: Sequence[Mapping[str, Any]]
) -> dict[str, "BaseDistribution"]:
    """Distributions of the dimensions that any point has."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    distributions: dict[str, BaseDistribution] = {}
    for entry in entries:
        path = entry["path"]
        values = [point[path] for point in points if path in point]
        if not values:
            continue
        if entry.get("values") is not None:
            distributions[path] = CategoricalDistribution(list(_options(entry)))
            continue
        low, high, log, step = entry["low"], entry["high"], bool(entry.get("log")), entry.get("step")
        if all(isinstance(value, int) for value in values):
            distributions[path] = IntDistribution(int(low), int(high), log=log, step=int(step or 1))
        else:
            distributions[path] = FloatDistribution(float(low), float(high), log=log, step=step)
    return distributions


def _shares(
    points: Sequence[Mapping[str, Any]],
    costs: Sequence[float],
    distributions: Mapping[str, "BaseDistribution"],
    n_best: int,
) -> dict[str, float]:
    """PED-ANOVA importances for reaching the `n_best` smallest costs, as shares of their sum."""
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            # It warns of conditions under which there are few points.
            warnings.simplefilter("ignore")
            study = optuna.create_study(direction="minimize")
            study.add_trials(
                [
                    optuna.create_trial(
                        value=cost, params=dict(point), distributions={path: distributions[path] for path in point}
                    )
                    for point, cost in zip(points, costs, strict=True)
                ]
            )
            # Half a point less, as the number of best points is rounded up.
            evaluator = PedAnovaImportanceEvaluator(target_quantile=(n_best - 0.5) / len(points))
            found = evaluator.evaluate(study)
    finally:
        optuna.logging.set_verbosity(verbosity)
    total = sum(found.values())
    shares = {path: value / total if total else 0.0 for path, value in found.items()}
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))
