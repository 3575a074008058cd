"""Data of all arms and metrics for the scripts of the page, which all sections may use."""

import base64
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from core.errors import ConfigError
from core.metrics.catalog import metric_of
from core.metrics.interpretability import SATURATION
from core.settings.dotted import flatten, nest
from core.settings.loading import apply_settings, to_settings
from core.settings.presets import PRESETS
from core.statistics.paired import Estimate
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults
from dashboards.formatting import Axis, axis
from dashboards.palette import GREY, family_colour
from dashboards.report.section import ReportData
from dashboards.tables import STATUS_TEXT, seeds_cell, status_cell, table_metrics

BASELINES = "baselines"
"""Name of the family of all baselines."""


def arm_data(report: ReportData, axes: tuple[Axis, ...]) -> Mapping[str, Any]:
    """Metrics and arms as plain values.

    `means` and `values` of an arm are packed numbers, in the order of `metrics`: mean and bounds of its interval for
    each metric, and the values of the arm's `seeds` for each; NaN where there is none.

    Args:
        report: Data of the report.
        axes: Axes of plots, whose metrics are included even if no arm has them.
    """
    results = report.results
    names = tuple(dict.fromkeys([*results.metrics, *(each.metric for each in axes)]))
    raced = [objective.metric for objective in results.objectives]
    shared = shared_settings(results)
    has_synths = len({arm.config.get("synth.kind") for arm in results.arms}) > 1
    family_of = {arm.name: _family_name(arm, with_synth=has_synths) for arm in results.arms}
    families: dict[str, ArmResult] = {}
    for arm in sorted(results.arms, key=lambda arm: arm.is_baseline):
        families.setdefault(family_of[arm.name], arm)
    return {
        "metrics": [_metric(axis(name, results.objectives)) for name in names],
        "table_metrics": table_metrics(results),
        "saturation": SATURATION.name,
        "common": {
            metric: {
                "n_common": round(common.n_common),
                "n_pairs": round(common.n_pairs),
                "undefined": {name: round(share, 4) for name, share in common.undefined.items()},
                "excluded": list(common.excluded),
            }
            for metric, common in results.common.items()
        },
        "families": [
            {"name": name, "colour": GREY if arm.is_baseline else family_colour(arm.config)}
            for name, arm in families.items()
        ],
        "arms": [
            {
                "name": arm.name,
                "eligible": arm.is_eligible,
                "kind": "baseline" if arm.is_baseline else "static" if arm.is_static else "arm",
                "status": "undecided" if results.is_undecided(arm) else arm.status.replace(" ", "-"),
                "status_text": status_cell(results, arm),
                "status_rank": list(STATUS_TEXT).index(arm.status),
                "family": family_of[arm.name],
                "colour": report.styles[arm.name].colour,
                "symbol": report.styles[arm.name].symbol,
                "seeds": (seeds := [trial.seed for trial in arm.finished]),
                "seeds_text": seeds_cell(arm),
                "means": _packed([end for name in names for end in _mean(arm.metrics.get(name))]),
                "values": _packed([arm.values.get(name, {}).get(seed) for name in names for seed in seeds]),
                "undefined": arm.undefined,
                "hardly_moving": results.hardly_moving(arm),
                "without_effect": results.ineffective(arm),
                "undecided_on": raced if results.is_undecided(arm) else [],
                "preset": preset_name(arm.config),
                "settings": [
                    line for path, value in arm.config.items() if path not in shared for line in toml_line(path, value)
                ],
            }
            for arm in results.arms
        ],
        "shared_settings": [line for path, value in shared.items() for line in toml_line(path, value)],
    }


def shared_settings(results: StudyResults) -> dict[str, Any]:
    """Dotted settings with the same value in all arms."""
    configs = [arm.config for arm in results.arms if arm.trials]
    first = configs[0] if configs else {}
    return {
        path: value
        for path, value in first.items()
        if all(path in config and config[path] == value for config in configs)
    }


def preset_name(config: Mapping[str, Any]) -> str:
    """Name of the preset from which a TOML file of the settings starts, since TOML cannot unset a preset's setting.

    Args:
        config: Dotted settings of an arm.
    """
    kinds = {path: value for path, value in config.items() if path.rpartition(".")[2] == "kind"}
    unset = frozenset(path for path, value in config.items() if value is None)
    return _preset_name(frozenset(kinds.items()), unset)


def toml_line(path: str, value: object) -> list[str]:
    """The line of a trial's TOML file that sets a dotted path; none for None, which TOML does not have."""
    return [] if value is None else [f"{path} = {_toml(value)}"]


# ---------------------------------------------------------------------------------------------------------------------


def _family_name(arm: ArmResult, *, with_synth: bool) -> str:
    """Kind of the arm's parameterization, and perhaps that of its synth; `BASELINES` for those."""
    if arm.is_baseline:
        return BASELINES
    parts = ("parameterization", "synth") if with_synth else ("parameterization",)
    return " · ".join(str(arm.config.get(f"{part}.kind", "unknown")).replace("_", "-") for part in parts)


@cache
def _preset_name(kinds: frozenset[tuple[str, Any]], unset: frozenset[str]) -> str:
    """The first preset in which the settings are unset, given the kinds of all variants; the first one if none is."""
    for name, preset in PRESETS.items():
        settings = flatten(to_settings(apply_settings(preset, nest(kinds))))
        if all(settings.get(path) is None for path in unset):
            return name
    return next(iter(PRESETS))


def _toml(value: object) -> str:
    """A plain value in TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return f"{{ {', '.join(f'{json.dumps(key)} = {_toml(item)}' for key, item in value.items())} }}"
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return repr(value)


def _metric(axis: Axis) -> dict[str, str]:
    """Name, label, group, direction and description of a metric."""
    try:
        description = metric_of(axis.metric).description
    except ConfigError:
        description = ""
    return {
        "name": axis.metric,
        "label": axis.label,
        "group": axis.group,
        "direction": axis.direction,
        "description": description,
    }


def _mean(estimate: Estimate | None) -> tuple[float | None, float | None, float | None]:
    """Mean and bounds of its interval."""
    return (None, None, None) if estimate is None else (estimate.mean, estimate.lo, estimate.hi)


def _packed(values: Sequence[float | None]) -> str:
    """Numbers in single precision, little-endian, as base64: a third of the size of JSON, and faster to read."""
    return base64.b64encode(np.asarray(values, dtype=np.float64).astype("<f4").tobytes()).decode("ascii")
