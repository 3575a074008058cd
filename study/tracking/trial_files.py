"""Files of a trial that are delivered to a tracker: a figure of its curves, and some of its sounds."""

from pathlib import Path

import pyarrow.compute as pc

from core.storage.curves import curves_of
from core.storage.records import TrialRecord
from core.storage.sounds import audio_name
from core.storage.store import Attempt, Store
from dashboards.curves_figure import curves_svg

MAX_CLIPS = 2
"""Number of clips whose curves and sounds are delivered."""
CURVES_FIGURE = "curves.svg"
"""Name of the figure of the curves."""


def write_trial_files(store: Store, record: TrialRecord, folder: Path, *, with_sounds: bool) -> bool:
    """Write the files of a finished trial into a folder, and return whether there are any.

    Args:
        store: Store of the study.
        record: Record of the trial.
        folder: An empty folder.
        with_sounds: Whether the sounds are written too.
    """
    attempt, table = store.attempt_of(record), None
    with store.passing_over_damage():
        table = curves_of(attempt)
    if table is None:
        return False
    clip_ids = pc.unique(table["clip_id"])[:MAX_CLIPS]
    rows = table.filter(pc.is_in(table["clip_id"], value_set=clip_ids)).to_pylist()
    if not rows:
        return False
    figure = curves_svg(rows, f"{record.arm}, seed {record.seed}")
    (folder / CURVES_FIGURE).write_text(figure, encoding="utf-8")
    if with_sounds:
        _write_sounds(attempt, clip_ids.to_pylist(), folder)
    return True


def _write_sounds(attempt: Attempt, clip_ids: list[str], folder: Path) -> None:
    """Write the stored sounds of some clips."""
    for clip_id in clip_ids:
        for name in (audio_name(clip_id, role) for role in ("target", "estimate")):
            if name not in attempt.stored_files():
                continue
            with attempt.store.passing_over_damage():
                data = attempt.get(name)
                path = folder / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
