"""Wavetables and frequency responses of the arms' synths, each shown once for all arms that share it."""

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import ModstudyError
from core.settings.loading import from_settings
from core.storage.records import TrialRecord
from core.storage.store import Attempt
from core.synths.base import Synth
from core.synths.responses import responses, wavetable
from core.training.trained_synth import trained_synth
from dashboards.report.packed_curves import PackedCurve, pack_curve

VALUES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Values of the controlling curve at which responses are shown."""
MAX_TABLE_ROWS, MAX_TABLE_COLUMNS = 16, 256
"""Positions and samples per cycle of a wavetable on the page."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WavetableView:
    """Cycles of a wavetable at equal distances over its positions, quantised to bytes."""

    n_rows: int
    n_columns: int
    data: str
    """Bytes in base64, row by row; 0 is -1 and 254 is 1, relative to the largest magnitude of the table."""
    n_positions: int
    """Cycles in the whole table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseView:
    """Magnitude responses of one module at `VALUES` of its curve."""

    module: str
    modulation: str
    unit: str
    """`Hz` or `harmonic`."""
    positions: tuple[float, ...]
    """Frequencies in Hz, or numbers of harmonics."""
    values: tuple[float, ...]
    magnitude_db: tuple[PackedCurve, ...]
    """A curve over the positions for each value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthView:
    """Wavetable and responses of the synth of some arms."""

    arms: tuple[str, ...]
    """Names of the arms whose synths are equal."""
    wavetable: WavetableView | None
    table_name: str | None
    """Name or file name of a frozen wavetable; None if it is learned, or if there is none."""
    responses: tuple[ResponseView, ...]

    @property
    def n_bytes(self) -> int:
        """Size in the page."""
        table = len(self.wavetable.data) if self.wavetable else 0
        return table + sum(
            9 * len(response.positions) + sum(curve.n_bytes for curve in response.magnitude_db)
            for response in self.responses
        )


def synth_views(trials: Sequence[tuple[str, Attempt, TrialRecord]]) -> tuple[SynthView, ...]:
    """Views of the synths of these trials; a synth whose weights or wavetable cannot be read is left out.

    Args:
        trials: Name of the arm, committed attempt and record of each trial.
    """
    views: list[SynthView] = []
    unread: dict[str, list[str]] = {}
    for arm, attempt, record in trials:
        try:
            view = _synth_view(arm, attempt, record)
        except ModstudyError as error:
            unread.setdefault(str(error), []).append(arm)
            continue
        if view is None:
            continue
        for index, other in enumerate(views):
            if replace(view, arms=other.arms) == other:
                views[index] = replace(other, arms=(*other.arms, arm))
                break
        else:
            views.append(view)
    for error_text, arms in unread.items():
        _log.warning("the report does not show the synth of %s: %s", ", ".join(arms), error_text)
    return tuple(views)


# ---------------------------------------------------------------------------------------------------------------------


def _synth_view(arm: str, attempt: Attempt, record: TrialRecord) -> SynthView | None:
    """View of one arm's synth; None if it has neither a wavetable nor a response.

    Raises:
        ModstudyError: weights or wavetable cannot be read.
    """
    config = from_settings(record.config)
    synth = trained_synth(attempt, config)
    table = wavetable(synth)
    shown = tuple(_response_views(synth, config.audio.sample_rate))
    if table is None and not shown:
        return None
    return SynthView(
        arms=(arm,),
        wavetable=_wavetable_view(table.numpy()) if table is not None else None,
        table_name=_table_name(record.config),
        responses=shown,
    )


def _response_views(synth: Synth[Any], sample_rate: int) -> list[ResponseView]:
    return [
        ResponseView(
            module=response.module,
            modulation=response.modulation,
            unit=response.unit,
            positions=tuple(float(f"{position:.4g}") for position in response.positions.tolist()),
            values=response.values,
            magnitude_db=tuple(pack_curve(curve) for curve in response.magnitude_db.numpy()),
        )
        for response in responses(synth, sample_rate, VALUES)
    ]


def _wavetable_view(table: Float[ndarray, "position sample"]) -> WavetableView:
    rows = np.unique(np.linspace(0, len(table) - 1, MAX_TABLE_ROWS).round().astype(int))
    columns = np.unique(np.linspace(0, table.shape[1] - 1, MAX_TABLE_COLUMNS).round().astype(int))
    scale = float(np.abs(table).max()) or 1.0
    levels = np.round(127 * (1 + table[np.ix_(rows, columns)] / scale)).astype(np.uint8)
    return WavetableView(
        n_rows=len(rows),
        n_columns=len(columns),
        data=base64.b64encode(levels.tobytes()).decode("ascii"),
        n_positions=len(table),
    )


def _table_name(config: dict[str, Any]) -> str | None:
    name = config.get("synth.oscillator.wavetable")
    return None if name is None else str(name).replace("\\", "/").rstrip("/").rpartition("/")[2]
