"""Tables of a study for papers and other programs: arms and comparisons with intervals, and all values."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
import pyarrow as pa
import pyarrow.csv

from core.metrics.catalog import without_modulation
from core.statistics.paired import Estimate
from core.visible_text import visible, without_formula
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.comparisons import Comparison
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults
from dashboards.formatting import bounds, number
from dashboards.tables import seeds_cell, status_cell, table_metrics

TableFormat = Literal["latex", "markdown", "csv"]
_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "●": r"$\bullet$", "○": r"$\circ$", "–": "--",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table of text cells."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_text: int
    """Number of first columns with words; the others have numbers."""


def arms_table(analysis: StudyAnalysis) -> TextTable:
    """The arms with status, seeds, probability of being on the front, and means with intervals of the main metrics."""
    results = analysis.results
    metrics = table_metrics(results)
    on_front = analysis.front_probabilities
    probability = ("P(front)",) if on_front else ()
    return TextTable(
        caption=f"{results.plan.name}: {results.split} means over seeds with 95 % intervals",
        columns=("arm", "status", "seeds", *probability, *metrics),
        rows=tuple(
            (
                arm.name,
                status_cell(results, arm),
                seeds_cell(arm),
                *((number(on_front.get(arm.name)),) if on_front else ()),
                *(_estimate(arm.metrics.get(metric)) for metric in metrics),
            )
            for arm in results.arms
        ),
        n_text=2,
    )


def comparisons_table(analysis: StudyAnalysis) -> TextTable:
    """All paired comparisons with intervals and p values."""
    return TextTable(
        caption=f"{analysis.results.plan.name}: differences paired by seed",
        columns=(
            "arm", "reference", "metric", "role", "conclusion", "pairs", "difference", "P(better)", "p", "margin",
        ),
        rows=tuple(map(_comparison_row, analysis.comparisons)),
        n_text=5,
    )  # fmt: skip


def claims_table(analysis: StudyAnalysis) -> TextTable | None:
    """The claims that contrasts test, a row per comparison, and whether they hold; None if there are none."""
    if not analysis.claims:
        return None
    return TextTable(
        caption=f"{analysis.results.plan.name}: claims",
        columns=("claim", "verdict", "arm", "than", "metric", "expected", "conclusion", "difference", "p", "pairs"),
        rows=tuple(
            (
                claim.text,
                claim.verdict,
                comparison.arm,
                comparison.reference_label,
                comparison.objective.metric,
                comparison.expected or "–",
                comparison.conclusion or "–",
                _estimate(comparison.difference.estimate),
                number(comparison.p_value),
                str(len(comparison.difference.seeds)),
            )
            for claim in analysis.claims
            for comparison in claim.comparisons
        ),
        n_text=7,
    )


def rendered(table: TextTable, form: TableFormat) -> str:
    """The table as text in a format; LaTeX wants the package booktabs."""
    match form:
        case "latex":
            return _latex(table)
        case "markdown":
            return _markdown(table)
        case "csv":
            buffer = io.StringIO()
            rows = [[*map(_csv_text, row[: table.n_text]), *row[table.n_text :]] for row in table.rows]
            csv.writer(buffer, lineterminator="\n").writerows([map(_csv_text, table.columns), *rows])
            return buffer.getvalue()
        case _:
            assert_never(form)


def tidy_csv(results: StudyResults) -> bytes:
    """All values as CSV, a row per arm, seed and metric; a trial without metrics has one row without a value.

    `value` is on the clips on which the arms are compared; `value_on_own_clips` on all for which the trial has the
    metric defined. `n_undefined` is the number of pairs of clip and modulation for which it has not, in the row of the
    mean over modulations. The settings that differ between arms have a column each. Texts that a spreadsheet would take
    for formulas follow a quotation mark.
    """
    rows: dict[str, list[object]] = {
        name: []
        for name in ("arm", "seed", "digest", "outcome", "metric", "value", "value_on_own_clips", "n_undefined")
    }
    n_rows: list[int] = []
    for arm in results.arms:
        before = len(rows["arm"])
        for trial in arm.trials:
            own = trial.record.metrics.get(results.split, {}) if trial.record and trial.state == "finished" else {}
            undefined = trial.record.undefined.get(results.split, {}) if trial.record and own else {}
            metrics = [name for name in results.metrics if name in own or trial.seed in arm.values.get(name, {})]
            n = max(1, len(metrics))
            rows["arm"] += [without_formula(arm.name)] * n
            rows["seed"] += [trial.seed] * n
            rows["digest"] += [trial.digest] * n
            rows["outcome"] += [trial.state] * n
            rows["metric"] += [*map(without_formula, metrics)] or [None]
            rows["value"] += [arm.values.get(name, {}).get(trial.seed) for name in metrics] or [None]
            rows["value_on_own_clips"] += [own.get(name) for name in metrics] or [None]
            counts = [undefined.get(name, 0) if name == without_modulation(name) else None for name in metrics]
            rows["n_undefined"] += counts or [None]
        n_rows.append(len(rows["arm"]) - before)
    factors = dict.fromkeys(path for arm in results.arms for path in arm.factors)
    columns = {"study": pa.array([without_formula(results.plan.name)] * len(rows["arm"]), pa.string())}
    columns |= {name: pa.array(values) for name, values in rows.items()}
    arm_of_row = np.repeat(np.arange(len(results.arms)), n_rows)
    for path in factors:
        settings = pa.array([_setting(arm, path) for arm in results.arms], pa.string())
        columns[without_formula(path)] = settings.take(arm_of_row)
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(pa.table(columns), buffer)
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------------------------------


def _estimate(estimate: Estimate | None) -> str:
    """A mean with its interval; a dash if there is none."""
    if estimate is None:
        return "–"
    return f"{number(estimate.mean)} {bounds(estimate)}".strip()


def _comparison_row(comparison: Comparison) -> tuple[str, ...]:
    equivalence = comparison.equivalence
    return (
        comparison.arm,
        comparison.reference_label,
        comparison.objective.metric,
        comparison.role,
        comparison.conclusion or "–",
        str(len(comparison.difference.seeds)),
        _estimate(comparison.difference.estimate),
        _estimate(comparison.improvement),
        number(comparison.p_value),
        "–" if equivalence is None else number(equivalence.margin),
    )


def _setting(arm: ArmResult, path: str) -> str | None:
    """A setting as text; None if the arm does not have it."""
    return without_formula(str(arm.factors[path])) if path in arm.factors else None


def _latex(table: TextTable) -> str:
    alignment = "l" * table.n_text + "r" * (len(table.columns) - table.n_text)
    lines = [
        r"\begin{table}",
        rf"\caption{{{_escaped(table.caption)}}}",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        _latex_row(table.columns),
        r"\midrule",
        *map(_latex_row, table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    # A bracket or star there would be an argument of the end of the row above.
    guard = "{}" if cells[0].lstrip()[:1] in ("[", "*") else ""
    return guard + " & ".join(map(_escaped, cells)) + r" \\"


def _escaped(text: str) -> str:
    """Text without characters that have a meaning in LaTeX."""
    return "".join(_LATEX_ESCAPES.get(character, character) for character in _one_line(text))


def _markdown(table: TextTable) -> str:
    marks = ["---"] * table.n_text + ["---:"] * (len(table.columns) - table.n_text)
    lines = [_markdown_row(table.columns), f"|{'|'.join(marks)}|", *map(_markdown_row, table.rows)]
    return f"{_markdown_text(table.caption)}\n\n" + "\n".join(lines) + "\n"


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_markdown_text, cells))} |"


def _markdown_text(text: str) -> str:
    """Text without characters that have a meaning in Markdown or end a cell."""
    return re.sub(r"([\\`*_\[\]<>|#&~$])", r"\\\1", _one_line(text))


def _csv_text(text: str) -> str:
    """Text for a cell of CSV, with its control characters shown."""
    return without_formula(visible(text))


def _one_line(text: str) -> str:
    """The text on one line, with its control characters shown."""
    return visible(" ".join(text.split()))
