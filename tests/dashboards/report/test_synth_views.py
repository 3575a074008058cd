"""Wavetables and responses of the arms' synths."""

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.settings.loading import flat_config
from core.settings.trial import TrialConfig
from core.storage.records import TrialRecord
from core.storage.store import Attempt, Store
from core.synths.mod_synth import ModSynth
from core.training.checkpoint import MODEL_NAME, to_bytes
from core.training.model import build_model
from dashboards.report.synth_views import VALUES, synth_views
from tests.support.configs import GREY_BOX, tiny


def trained(store: Store, arm: str, config: TrialConfig) -> tuple[str, Attempt, TrialRecord]:
    attempt = store.begin(arm)
    attempt.put(MODEL_NAME, to_bytes({"digest": arm, "weights": build_model(config).state_dict()}))
    record = TrialRecord(
        digest=arm, study="s", arm=arm, seed=0, attempt=attempt.name, outcome="finished", config=flat_config(config)
    )
    return arm, attempt, record


def test_a_frozen_synth_is_shown_once_for_all_arms(tmp_path: Path) -> None:
    store = Store(tmp_path)
    views = synth_views([trained(store, name, tiny(f"seed={seed}")) for seed, name in enumerate(("a", "b"))])
    assert [view.arms for view in views] == [("a", "b")]
    assert views[0].table_name == "sine_to_saw"
    assert [(r.module, r.values, len(r.magnitude_db)) for r in views[0].responses] == [("low-pass filter", VALUES, 5)]


def test_each_learned_synth_is_shown_with_its_own_table(tmp_path: Path) -> None:
    store = Store(tmp_path)
    trials = [trained(store, name, tiny(*GREY_BOX, f"seed={seed}")) for seed, name in enumerate(("a", "b"))]
    views = synth_views(trials)
    assert [view.arms for view in views] == [("a",), ("b",)]
    assert views[0].table_name is None
    table = views[0].wavetable
    assert table is not None
    model = build_model(tiny(*GREY_BOX, "seed=0"))
    assert isinstance(model.synth, ModSynth)
    whole = model.synth.oscillator.table.detach().numpy()
    levels = np.frombuffer(base64.b64decode(table.data), dtype=np.uint8).reshape(table.n_rows, table.n_columns)
    assert (table.n_rows, table.n_columns, table.n_positions) == (16, 64, 16)
    np.testing.assert_allclose(levels / 127 - 1, whole / np.abs(whole).max(), atol=1 / 254 + 1e-6)


def test_a_synth_that_cannot_be_read_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    readable = trained(store, "c", tiny())
    trials = [(name, *trained(store, name, tiny())[1:]) for name in ("a", "b")]
    unreadable = [
        (name, attempt, replace(record, config=record.config | {"synth.oscillator.wavetable": "gone.wav"}))
        for name, attempt, record in trials
    ]
    assert [view.arms for view in synth_views([*unreadable, readable])] == [("c",)]
    assert "the report does not show the synth of a, b: " in caplog.text
