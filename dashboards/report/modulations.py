"""The section "Modulations": effect, range, saturation and failure signatures of each curve, and those of modules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.metrics.effect import EFFECT
from core.metrics.interpretability import RANGE, SATURATION
from core.metrics.signatures import MEANINGS, UNITS
from core.statistics.paired import Estimate
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.signature_counts import SignatureCount, signature_counts
from dashboards.analysis.study_results import StudyResults
from dashboards.formatting import number
from dashboards.report.section import ReportData, Section

MAX_ROWS = 150
"""Largest number of rows of the table."""


@dataclass(frozen=True, slots=True)
class ModulationRow:
    """A modulation or a module of an arm."""

    arm: str
    part: str
    """Name of the modulation or module."""
    estimates: tuple[Estimate | None, Estimate | None, Estimate | None]
    """Effect, range and saturation; None for a module, and where there is none."""
    remark: str
    """`hardly moves` or `no effect` for a modulation of a trained arm that this is said of as a whole."""
    signatures: tuple[str, ...]
    """Signatures as text, such as `no effect in 5 of 6 trials (0.01)`."""


def modulation_rows(results: StudyResults) -> Iterator[ModulationRow]:
    """Rows of all arms: their modulations, then other parts with a signature."""
    for arm in results.arms:
        yield from _rows_of(results, arm)


def _rows_of(results: StudyResults, arm: ArmResult) -> Iterator[ModulationRow]:
    modulations = results.plan.arm(arm.name).modulations
    counts = signature_counts(arm)
    remarks = dict.fromkeys(results.ineffective(arm), "no effect") | dict.fromkeys(
        results.hardly_moving(arm), "hardly moves"
    )
    for part in dict.fromkeys((*modulations, *(count.part for count in counts))):
        is_modulation = part in modulations
        effect, reach, saturation = (
            arm.metrics.get(f"{metric.name}.{part}") if is_modulation else None
            for metric in (EFFECT, RANGE, SATURATION)
        )
        signatures = tuple(_text(count) for count in counts if count.part == part)
        if signatures or reach is not None:
            yield ModulationRow(arm.name, part, (effect, reach, saturation), remarks.get(part, ""), signatures)


def _text(count: SignatureCount) -> str:
    """How many trials have a signature, and the mean of its number."""
    unit = f" {UNITS[count.kind]}" if count.kind in UNITS else ""
    return f"{count.kind} in {count.n_trials} of {count.n_examined} trials ({number(count.mean)}{unit})"


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None without anything to show."""
    rows = list(modulation_rows(report.results))
    if not rows:
        return None
    # What is wrong comes first where not everything has room.
    shown = rows if len(rows) <= MAX_ROWS else sorted(rows, key=lambda row: (not row.remark, not row.signatures))
    kinds = dict.fromkeys(count.kind for arm in report.results.arms for count in signature_counts(arm))
    return {
        "rows": shown[:MAX_ROWS],
        "n_rows": len(rows),
        "metrics": [metric.name for metric in (EFFECT, RANGE, SATURATION)],
        "meanings": {kind: MEANINGS[kind] for kind in kinds},
        "is_examined": any(
            trial.record and trial.record.signatures is not None for arm in report.results.arms for trial in arm.trials
        ),
    }


MODULATIONS = Section(id="modulations", title="Modulations", template="modulations.html.j2", context=_context)
