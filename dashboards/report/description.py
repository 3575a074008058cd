"""A study in short as Markdown: what was found, a picture of the front, and a table of the arms.

MLflow shows it as the description of the study. Its page cuts a long description after some lines, so the findings come
first, and limits the length.
"""

import html
import re
from collections.abc import Sequence

from core.visible_text import visible
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.finding_sentences import findings
from dashboards.formatting import Axis, arrow, axis, interval
from dashboards.tables import STATUS_TEXT, seeds_cell, status_cell

MAX_LENGTH = 4500
"""Maximum number of characters: trackers take 5,000, and links become longer there."""
MAX_VERDICT, MAX_QUESTION = 1500, 500
"""Maximum number of characters of the verdict and of the question."""
N_FINDINGS = 2
"""Number of findings at the beginning."""
_MARKDOWN = re.compile(r"[\\`*_\[\]|~]|^[#+-]")
"""Characters that have a meaning in Markdown."""


def verdict_text(analysis: StudyAnalysis) -> str:
    """What the study says, in a few sentences."""
    return " ".join(findings(analysis)[:N_FINDINGS])


def description(analysis: StudyAnalysis) -> str:
    """The study in short as Markdown with at most `MAX_LENGTH` characters.

    Links are relative to the folder of the report.
    """
    results = analysis.results
    head = "\n\n".join(
        [
            f"**{escaped(_cut(verdict_text(analysis), MAX_VERDICT))}**",
            escaped(_cut(results.plan.question, MAX_QUESTION)),
            "[Report with all arms, curves and sounds](index.html)",
            "![front](front.png)",
        ]
    )
    return f"{head}\n\n{_arm_table(analysis, MAX_LENGTH - len(head) - 2)}"


def escaped(text: str) -> str:
    """Text as Markdown that shows it unchanged, on one line."""
    line = html.escape(visible(" ".join(text.split())), quote=False)
    return _MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", line)


# ---------------------------------------------------------------------------------------------------------------------


def _arm_table(analysis: StudyAnalysis, max_length: int) -> str:
    """A table of the arms with status, seeds and objectives, those on the front first, cut to a length."""
    results = analysis.results
    axes = [axis(objective.metric, results.objectives) for objective in results.objectives]
    heading = ["arm", "status", "seeds", *(f"{each.metric}{arrow(each.direction)}" for each in axes)]
    statuses = list(STATUS_TEXT)
    arms = sorted(results.arms, key=lambda arm: statuses.index(arm.status))
    rows = [_row(heading), _row(["---"] * len(heading))]
    rows += [_row(_cells(analysis, arm, axes)) for arm in arms]
    return _table_of(rows, max_length)


def _cells(analysis: StudyAnalysis, arm: ArmResult, axes: Sequence[Axis]) -> list[str]:
    """Cells of the row of an arm."""
    cells = [arm.name, status_cell(analysis.results, arm), seeds_cell(arm)]
    return [escaped(cell) for cell in (*cells, *(interval(arm.metrics.get(each.metric)) for each in axes))]


def _table_of(rows: Sequence[str], max_length: int) -> str:
    """The rows that fit, and how many do not; empty if no row of an arm fits."""
    if sum(map(len, rows)) + len(rows) <= max_length:
        return "\n".join(rows)
    note = "\n\nand {} more arms"
    room = max_length - len(note) - 8
    n_shown = 0
    while n_shown < len(rows) and (room := room - len(rows[n_shown]) - 1) >= 0:
        n_shown += 1
    return "\n".join(rows[:n_shown]) + note.format(len(rows) - n_shown) if n_shown > 2 else ""


def _row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def _cut(text: str, max_length: int) -> str:
    """The text, cut to a length at a space."""
    return text if len(text) <= max_length else text[: max_length - 2].rpartition(" ")[0] + " …"
