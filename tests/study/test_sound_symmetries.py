"""Which changes of curves are heard: synths that are known to hear a curve, or not to."""

from dataclasses import replace

import pytest
import torch

from core.metrics.symmetries import Offset, label
from core.synths.mod_synth import ModSynth
from core.training.model import DiscoveryModel, build_model
from core.training.trainer import estimate_clips, sounds_of_inputs
from study.sound_symmetries import Measurement, TrialCurves, maps_between_seeds, over_seeds, transformation_measures
from tests.support.configs import GREY_BOX, dataset_of, tiny

CONFIG = tiny(*GREY_BOX, "trainer.evaluation_batch_size=3")
CLIPS = dataset_of(CONFIG).test
CURVES = torch.rand(len(CLIPS), 3, 4, generator=torch.Generator().manual_seed(0))


def deaf_model() -> DiscoveryModel:
    """A model whose wavetable has equal rows, so that its position is not heard."""
    model = build_model(CONFIG)
    assert isinstance(model.synth, ModSynth)
    table = model.synth.oscillator.table
    table.data = table.data[:1].expand_as(table).clone()
    return model


def moving_curves() -> torch.Tensor:
    n_frames = CONFIG.audio.n_frames
    return torch.nn.functional.interpolate(CURVES, size=n_frames, mode="linear", align_corners=True)


def test_a_curve_that_the_synth_does_not_hear_may_change_in_every_way() -> None:
    heard, unheard = [], []
    for change, measures in transformation_measures(deaf_model().synth, CLIPS, moving_curves(), None, CONFIG):
        assert measures["floor"].min() > 0
        if change.modulations == (0,):
            assert measures["distance"].max() < 1e-6
            assert measures["unchanged"].min() == 1
            assert measures["target_rise"].abs().max() < 1e-6
            unheard.append(label(change))
        if change.modulations == (2,) and change.kind == "inversion":
            heard.append(float(measures["unchanged"].mean()))
            assert measures["distance"].min() > 0.3
    assert len(unheard) >= 13
    assert heard == [0.0]


def test_the_identity_leaves_sounds_exactly_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Offset(modulations=(0, 1, 2), by=0.0)
    monkeypatch.setattr("study.sound_symmetries.candidates", lambda *_: (nothing,))
    ((_, measures),) = transformation_measures(build_model(CONFIG).synth, CLIPS, moving_curves(), None, CONFIG)
    for measure in ("moves", "distance", "target_rise"):
        assert measures[measure].abs().max() == 0
    assert measures["unchanged"].min() == 1


def test_sounds_of_the_same_inputs_are_those_of_the_estimate_and_differ_at_another_phase() -> None:
    model = build_model(CONFIG)
    estimate = estimate_clips(model, CLIPS, "test", CONFIG)
    inputs = estimate.curves.inputs
    assert torch.equal(sounds_of_inputs(model.synth, CLIPS, inputs, "test", CONFIG), estimate.audio)
    others = [sounds_of_inputs(model.synth, CLIPS, inputs, "test", CONFIG, phase) for phase in (0, 0, 1)]
    assert torch.equal(others[0], others[1])
    assert not torch.equal(others[0], others[2])
    assert not torch.equal(others[0], estimate.audio)


def trial(seed: int, modulation: torch.Tensor) -> TrialCurves:
    return TrialCurves(arm="a", seed=seed, names=("add", "sub", "env"), clips=CLIPS, modulation=modulation)


def test_a_seed_with_an_inverted_curve_has_negative_slopes() -> None:
    curves = moving_curves()
    inverted = curves.clone()
    inverted[:, 1] = 1 - inverted[:, 1]
    rows = over_seeds(list(maps_between_seeds([trial(0, curves), trial(1, inverted)])))
    values = {(row.modulations[0], row.change, row.measure): row.estimate for row in rows}
    for change in ("map of each clip", "one map of all clips"):
        for name, share in (("add", 0.0), ("sub", 1.0), ("env", 0.0)):
            negative, r2 = values[name, change, "negative"], values[name, change, "r2.lls1"]
            assert negative is not None
            assert r2 is not None
            assert negative.mean == share
            assert r2.mean == pytest.approx(1)
    assert all(set(row.values) == {0, 1} for row in rows)


def test_seeds_with_other_sounds_are_not_compared() -> None:
    other = replace(trial(1, moving_curves()), clips=replace(CLIPS, audio=0.5 * CLIPS.audio))
    assert not list(maps_between_seeds([trial(0, moving_curves()), other]))


def test_undefined_values_are_left_out_of_the_mean_over_seeds_and_counted() -> None:
    def measured(seed: int, value: float | None) -> Measurement:
        return Measurement(
            arm="a", seed=seed, modulations=("env",), change="1 - v", measure="distance", value=value,
            n_undefined=int(value is None),
        )  # fmt: skip

    (row,) = over_seeds([measured(0, 1.0), measured(1, None), measured(2, 3.0)])
    assert row.estimate is not None
    assert (row.estimate.mean, row.estimate.n, row.n_undefined) == (2.0, 2, 1)
