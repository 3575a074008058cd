"""The synth of a trial, read back from its stored weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import StoreError
from core.storage.store import Store
from core.synths.mod_synth import ModSynth
from core.training.checkpoint import MODEL_NAME, to_bytes
from core.training.model import build_model
from core.training.trained_synth import trained_synth
from tests.support.configs import GREY_BOX, tiny


def test_a_synth_has_the_weights_that_its_trial_stored(tmp_path: Path) -> None:
    config = tiny(*GREY_BOX)
    model = build_model(config)
    attempt = Store(tmp_path).begin("d")
    attempt.put(MODEL_NAME, to_bytes({"digest": "d", "weights": model.state_dict()}))
    synth = trained_synth(attempt, replace(config, seed=5))
    assert isinstance(synth, ModSynth)
    assert isinstance(model.synth, ModSynth)
    assert synth.state_dict().keys() == model.synth.state_dict().keys()
    assert torch.equal(synth.oscillator.table, model.synth.oscillator.table)


def test_weights_of_another_synth_are_refused(tmp_path: Path) -> None:
    attempt = Store(tmp_path).begin("d")
    attempt.put(MODEL_NAME, to_bytes({"digest": "d", "weights": build_model(tiny()).state_dict()}))
    with pytest.raises(StoreError, match="does not have the weights of its config's mod_synth synth"):
        trained_synth(attempt, tiny(*GREY_BOX))


def test_missing_weights_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        trained_synth(Store(tmp_path).begin("d"), tiny())
