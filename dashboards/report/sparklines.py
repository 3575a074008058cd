"""Small curves of an arm: what it recovered of the test clip whose sound it matched best, with the truth."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from core.storage.curves import curves_of
from core.storage.store import Store
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults
from dashboards.report.curve_paths import curve_path

MAX_ARMS = 60
"""Largest number of arms with small curves, some 4 kB each; arms on the front have priority."""
N_BINS = 40
"""Bins of a curve, with two points each."""


def sparklines(store: Store, results: StudyResults) -> Mapping[str, Any]:
    """Clip, seed and SVG paths by arm; without arms that have no curves."""
    by_priority = sorted(results.arms, key=lambda arm: (not arm.on_front, not arm.is_eligible))
    found = {arm.name: _sparkline(store, arm) for arm in by_priority[:MAX_ARMS]}
    return {name: sparkline for name, sparkline in found.items() if sparkline}


def _sparkline(store: Store, arm: ArmResult) -> dict[str, Any] | None:
    """Curves of the first finished seed for the clip with the smallest `audio.mss`; None without curves."""
    for trial in arm.finished[:1]:
        table = None
        with store.passing_over_damage():
            table = curves_of(store.attempt_of(trial.record)) if trial.record else None
        if table is None:
            return None
        distances = table["audio_mss"].to_numpy()
        if not np.isfinite(distances).any():
            return None
        clip_id = table["clip_id"][int(np.nanargmin(distances))].as_py()
        rows = table.filter(pc.equal(table["clip_id"], clip_id)).to_pylist()
        return {
            "clip": clip_id,
            "seed": trial.seed,
            "curves": [
                {
                    "modulation": row["modulation"],
                    "truth": curve_path(row["target"], N_BINS) if row["target"] else None,
                    "estimate": curve_path(row["estimate"], N_BINS) if row["estimate"] else None,
                }
                for row in rows
            ],
        }
    return None
