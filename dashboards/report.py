"""A study's report: one self-contained page, the same numbers as JSON, and the front as a picture.

Made from the store alone and written back to it; a study that still runs gives a report of what is there.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from core.errors import StudyError
from core.metrics.catalog import label, metric_info
from core.results import Outcome
from core.store import Store
from dashboards import wording
from dashboards.analysis.study_results import Comparison, StudyResults, comparisons, load_results
from dashboards.figures import front_png
from dashboards.listening import gallery
from dashboards.palette import Style, arm_styles
from dashboards.summary import Summary, summarize, summary_to_json
from dashboards.tables import MARKS, seeds_cell, table_metrics

PAGE_KEY = "report/index.html"
SUMMARY_KEY = "summary.json"
FRONT_KEY = "report/front.png"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written, and where in the store."""

    summary: Summary
    page_key: str = PAGE_KEY
    summary_key: str = SUMMARY_KEY
    front_key: str = FRONT_KEY


def write_report(store: Store, *, x: str | None = None, y: str | None = None) -> WrittenReport:
    """Write page, summary and picture of a study, finished or not.

    Args:
        x: Metric of the horizontal axis that the page opens with; default the study's first objective.
        y: The same for the vertical axis; default the second objective.

    Raises:
        ConfigError: `x` or `y` is no metric.
        StudyError: the two axes are one metric.
    """
    results = load_results(store)
    axes = front_axes(results, x, y)
    styles = arm_styles(results.arms)
    summary = summarize(results)
    store.put(FRONT_KEY, front_png(results, *axes, styles))
    store.put(SUMMARY_KEY, summary_to_json(summary))
    store.put(PAGE_KEY, render_page(store, results, summary, axes, styles).encode())
    return WrittenReport(summary)


def front_axes(results: StudyResults, x: str | None = None, y: str | None = None) -> tuple[wording.Axis, wording.Axis]:
    """The two axes asked for, the study's first two objectives where none is."""
    spare = [objective.metric for objective in results.objectives if objective.metric not in (x, y)]
    spare += [name for name in ("audio.mss", "interpretability.tv") if name not in (*spare, x, y)]
    first = x or spare.pop(0)
    second = y or spare.pop(0)
    if first == second:
        raise StudyError(f"a front needs two different metrics; got {first} for both axes; change --x or --y")
    return wording.axis(first, results.objectives), wording.axis(second, results.objectives)


def render_page(
    store: Store,
    results: StudyResults,
    summary: Summary,
    axes: tuple[wording.Axis, wording.Axis],
    styles: Mapping[str, Style],
) -> str:
    """The page as HTML that loads nothing from anywhere."""
    environment = Environment(
        loader=PackageLoader("dashboards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": wording.number,
        "interval": wording.interval,
        "bounds": wording.bounds,
        "signed": wording.signed,
        "listed": wording.listed,
        "label": label,
        "short": _short,
        "seeds": seeds_cell,
        "verdict": lambda comparison: _verdict(comparison, wording.axis(comparison.metric, results.objectives)),
    }
    templates = files("dashboards") / "templates"
    return environment.get_template("report.html.j2").render(
        results=results,
        plan=results.plan,
        summary=summary,
        styles=styles,
        marks=MARKS,
        table_metrics=table_metrics(results),
        correlation_metrics=[name for name in results.metrics if name.startswith("curves.pcc.lls3")],
        comparisons=comparisons(results),
        gallery=gallery(store, results),
        problems=[(arm, trial) for arm in results.arms for trial in arm.trials if trial.state != "finished"],
        run=_run(results),
        fit_shown=not _is_white_box(results),
        axis=lambda name: wording.axis(name, results.objectives),
        data=front_data(results, axes, styles),
        css=Markup((templates / "page.css").read_text(encoding="utf-8")),
        js=Markup((templates / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
    )


def front_data(
    results: StudyResults, axes: tuple[wording.Axis, wording.Axis], styles: Mapping[str, Style]
) -> dict[str, Any]:
    """What the page's script draws from: every metric of every arm, so that it can change axes by itself."""
    return {
        "x": axes[0].metric,
        "y": axes[1].metric,
        "metrics": [
            {
                "name": name,
                "label": label(name),
                "group": metric_info(name).group,
                "direction": wording.axis(name, results.objectives).direction,
            }
            for name in dict.fromkeys([*results.metrics, *(axis.metric for axis in axes)])
        ],
        "arms": [
            {
                "name": arm.name,
                "eligible": arm.is_eligible,
                "kind": "baseline" if arm.is_baseline else "static" if arm.is_static else "arm",
                **asdict(styles[arm.name]),
                "finished": [trial.seed for trial in arm.finished],
                "means": {name: [e.mean, e.lo, e.hi] for name, e in arm.metrics.items()},
                "values": arm.values,
            }
            for arm in results.arms
        ],
        "losses": [
            {
                "arm": arm.name,
                "seed": trial.seed,
                "colour": styles[arm.name].colour,
                "steps": [entry.get("step") for entry in trial.record.history],
                "values": [_finite(entry.get("validation_loss")) for entry in trial.record.history],
            }
            for arm in results.arms
            for trial in arm.trials
            if trial.record is not None and len(trial.record.history) > 1
        ],
    }


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What was run, for the page's last section."""

    common: dict[str, Any]
    """Dotted settings that all arms share."""
    environments: dict[str, dict[str, int]]
    """Fact -> value -> number of trials that ran with it."""
    times_s: dict[str, float]
    """Wall seconds by phase, summed over the trials that left a record."""
    started_at: str
    finished_at: str
    outcomes: dict[Outcome, int]


def _run(results: StudyResults) -> _Run:
    records = [trial.record for arm in results.arms for trial in arm.trials if trial.record is not None]
    facts = sorted({fact for record in records for fact in record.environment})
    times: Counter[str] = Counter()
    for record in records:
        times.update(record.times_s)
    configs = [arm.config for arm in results.arms if arm.trials]
    first = configs[0] if configs else {}
    return _Run(
        common={path: v for path, v in first.items() if all(path in c and c[path] == v for c in configs)},
        environments={
            fact: dict(Counter(_short(record.environment[fact]) for record in records if fact in record.environment))
            for fact in facts
        },
        times_s=dict(times),
        started_at=min((record.started_at for record in records if record.started_at), default=""),
        finished_at=max((record.finished_at for record in records if record.finished_at), default=""),
        outcomes=dict(Counter(record.outcome for record in records)),
    )


def _verdict(comparison: Comparison, axis: wording.Axis) -> str:
    """What a paired difference says, "leans" where too few pairs exist for a test."""
    difference = comparison.difference
    if difference.estimate.lo is None:
        return "unknown"
    if not difference.excludes_zero or (comparison.adjusted_p is not None and comparison.adjusted_p >= 0.05):
        return "open"
    is_better = (difference.estimate.mean < 0) == (axis.direction == "minimize")
    return f"{'leans ' if comparison.adjusted_p is None else ''}{'better' if is_better else 'worse'}"


def _finite(value: float | None) -> float | None:
    """JSON, and so the page, has no NaN."""
    return value if value is not None and math.isfinite(value) else None


def _short(value: object) -> str:
    """A setting's value for a table cell."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value))
    return "unset" if value is None else str(value)


def _is_white_box(results: StudyResults) -> bool:
    """Whether every arm plays the synth that made the targets, so that raw curves can be held against the truth."""
    return all(
        arm.config.get("synth.oscillator.kind") == "frozen" and arm.config.get("synth.filter.kind") == "rbj"
        for arm in results.arms
        if arm.trials
    )
