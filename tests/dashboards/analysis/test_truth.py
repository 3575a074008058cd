"""Metrics of the true curves against the metrics themselves."""

import numpy as np
import pyarrow as pa
import pytest

from core.storage.curves import SCHEMA
from dashboards.analysis.truth import truth_values


def curves(target: list[list[float] | None], modulations: list[str]) -> pa.Table:
    n = len(modulations)
    columns = {
        "study": ["s"] * n, "arm": ["a"] * n, "seed": [0] * n, "digest": ["d"] * n, "clip_id": ["c"] * n,
        "modulation": modulations, "f0_hz": [100.0] * n, "frame_rate": [100.0] * n, "target": target,
        "estimate": [[0.5] * 101] * n, "projection": [None] * n, "audio_mss": [1.0] * n,
    }  # fmt: skip
    return pa.Table.from_pydict(columns, schema=SCHEMA)


def test_a_ramp_sweeps_once_a_second_and_a_mean_over_modulations_is_taken() -> None:
    ramp = np.linspace(0, 1, 101).tolist()
    there_and_back = np.abs(np.linspace(-1, 1, 101)).tolist()
    values = truth_values(curves([ramp, there_and_back], ["add", "env"]))
    assert values["interpretability.tv.add"] == pytest.approx(1.0)
    assert values["interpretability.tv.env"] == pytest.approx(2.0)
    assert values["interpretability.tv"] == pytest.approx(1.5)
    assert values["interpretability.range.add"] == pytest.approx(1.0)


def test_a_flat_truth_has_a_range_but_no_total_variation() -> None:
    values = truth_values(curves([[0.5] * 101], ["add"]))
    assert values["interpretability.range"] == 0
    assert "interpretability.tv" not in values


def test_nothing_is_said_of_unknown_curves() -> None:
    assert truth_values(curves([None], ["add"])) == {}
