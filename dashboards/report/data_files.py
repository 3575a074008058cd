"""The section "The sounds": where pitches come from and which files are grouped, with `data.csv` for each file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.storage.records import DataFile
from dashboards.report.keys import DATA_KEY
from dashboards.report.section import ReportData, Section

_REASONS = {
    "name": "the file names have the same patch, with other notes",
    "same sound": "they sound the same: copies in another format, at another rate or level",
    "metadata": "metadata.csv gives them the group",
}
"""Why files are in a group, in words."""
MAX_EXAMPLES = 3
"""Most groups that are shown for each reason, and most of their files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedFor:
    """Files that are grouped for a reason."""

    reason: str
    n_groups: int
    n_files: int
    examples: tuple[str, ...]
    """Names of a few files of a group each, separated by commas."""


def grouped_for(files: Sequence[DataFile]) -> tuple[GroupedFor, ...]:
    """The files that are grouped, by reason; a file may be grouped for several reasons."""
    found = []
    for reason, words in _REASONS.items():
        groups: dict[str, list[str]] = {}
        for file in files:
            if reason in file.grouped_by:
                groups.setdefault(file.group, []).append(file.file)
        if groups:
            largest = sorted(groups.values(), key=len, reverse=True)[:MAX_EXAMPLES]
            examples = tuple(map(_example, largest))
            n_files = sum(map(len, groups.values()))
            found.append(GroupedFor(reason=words, n_groups=len(groups), n_files=n_files, examples=examples))
    return tuple(found)


def _example(names: Sequence[str]) -> str:
    """A few of the files of a group."""
    n_more = len(names) - MAX_EXAMPLES
    return ", ".join(names[:MAX_EXAMPLES]) + (f" and {n_more} more" if n_more > 0 else "")


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None if there are no files."""
    plan = report.results.plan
    used = [file for file in plan.data_files if file.split]
    if not plan.data_files and not plan.data_notes:
        return None
    return {
        "notes": plan.data_notes,
        "n_files": len(plan.data_files),
        "n_clips": sum(len(file.clip_starts_s) for file in used),
        "sources": Counter(file.pitch_source for file in used).most_common(),
        "splits": Counter(file.split for file in used for _ in file.clip_starts_s),
        "n_groups": len({file.group for file in used}),
        "grouped": grouped_for(plan.data_files),
        "link": DATA_KEY.rpartition("/")[2],
    }


DATA_FILES = Section(id="files", title="The sounds", template="data_files.html.j2", context=_context)
