"""Sounds of a model with one curve held at its mean, and the effects that a trial measures with them."""

from pathlib import Path

import pytest
import torch

from core.storage.store import Store
from core.synths.mod_synth import ModSynth
from core.training.model import build_model
from core.training.trainer import estimate_clips, sounds_with_held_curve
from core.training.trial import _evaluate, run_trial
from tests.support.configs import GREY_BOX, dataset_of, tiny

EFFECTS = ("effect.mss", "effect.mss.add", "effect.mss.sub", "effect.mss.env")


def test_only_the_held_curve_changes_the_sound() -> None:
    config = tiny("trainer.evaluation_batch_size=3")
    clips, model = dataset_of(config).test, build_model(config)
    audio, modulation, _ = (estimate := estimate_clips(model, clips, "test", config)).results
    given = modulation.clone()
    held = sounds_with_held_curve(model, clips, estimate.curves, 2, "test", config)
    torch.testing.assert_close(modulation, given, rtol=0, atol=0)
    assert held.shape == audio.shape
    modulation[:, 2] = modulation[:, 2].mean(-1, keepdim=True)
    again = sounds_with_held_curve(model, clips, estimate.curves, 2, "test", config)
    torch.testing.assert_close(again, held, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("synth", [(), GREY_BOX, ("synth.kind=engel",)], ids=["white box", "grey box", "engel"])
def test_holding_a_flat_curve_plays_the_same_note(synth: tuple[str, ...]) -> None:
    config = tiny("parameterization.kind=constant", "trainer.evaluation_batch_size=3", *synth)
    clips, model = dataset_of(config).test, build_model(config)
    estimate = estimate_clips(model, clips, "test", config)
    for index in range(estimate.curves.modulation.shape[1]):
        held = sounds_with_held_curve(model, clips, estimate.curves, index, "test", config)
        torch.testing.assert_close(held, estimate.audio, rtol=0, atol=0)


def test_the_free_controls_of_a_granular_synth_play_on() -> None:
    config = tiny("synth.kind=engel", "synth.control=granular", "parameterization.kind=frame")
    clips, model = dataset_of(config).test, build_model(config)
    estimate = estimate_clips(model, clips, "test", config)
    assert estimate.curves.inputs.shape[1] > estimate.curves.modulation.shape[1]
    held = sounds_with_held_curve(model, clips, estimate.curves, 0, "test", config)
    assert held.shape == estimate.audio.shape
    assert not torch.equal(held, estimate.audio)


def test_a_trial_measures_effects_on_the_test_split(tmp_path: Path) -> None:
    record = run_trial(tiny("seed=1"), store=Store(tmp_path), study="s", arm="a")
    test, validation = record.metrics["test"], record.metrics["validation"]
    assert set(test) - set(validation) == set(EFFECTS)
    assert set(validation) <= set(test)
    assert any(test[name] for name in EFFECTS)


@pytest.mark.parametrize(
    "synth",
    [
        ("synth.kind=engel", "synth.control=granular", "parameterization.kind=frame"),
        ("synth.kind=shan", "synth.vibrato_semitones=1.0"),
    ],
    ids=["granular", "vibrato"],
)
def test_trials_of_all_kinds_of_control_are_diagnosed(synth: tuple[str, ...], tmp_path: Path) -> None:
    record = run_trial(tiny(*synth), store=Store(tmp_path), study="s", arm="a")
    assert record.outcome == "finished", record.error
    assert record.signatures is not None


def test_a_wavetable_of_equal_rows_has_no_effect_of_its_position() -> None:
    config = tiny(*GREY_BOX)
    data, model = dataset_of(config), build_model(config)
    values = _evaluate(model, data, "test", config).values
    assert isinstance(model.synth, ModSynth)
    table = model.synth.oscillator.table
    table.data = table.data[:1].expand_as(table).clone()
    equal = _evaluate(model, data, "test", config).values
    assert equal["effect.mss.add"] == pytest.approx(0, abs=1e-6)
    assert values["interpretability.range.add"] == equal["interpretability.range.add"], "the curve moves as before"
