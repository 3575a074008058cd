"""Models: equal initial weights in shared modules, and baselines that need a generator."""

import pytest
import torch

from core.seeding import generator
from core.synths.note import draw_note, note_by_id
from core.training.model import BaselineCurves, EncodedCurves, build_model
from tests.support.configs import GREY_BOX, dataset_of, tiny


def test_arms_of_one_seed_start_from_equal_weights_where_they_share_modules() -> None:
    frame = build_model(tiny("parameterization.kind=frame")).state_dict()
    low_pass = build_model(tiny("parameterization.kind=low_pass")).state_dict()
    spline = build_model(tiny("parameterization.kind=spline", "parameterization.n_segments=3", *GREY_BOX)).state_dict()
    assert frame.keys() == low_pass.keys()
    assert all(torch.equal(frame[name], low_pass[name]) for name in frame)
    shared = [name for name in frame if name in spline and frame[name].shape == spline[name].shape]
    assert len([name for name in shared if "blocks" in name or "lstm" in name]) > 10
    assert all(torch.equal(frame[name], spline[name]) for name in shared)


def test_seeds_give_other_weights() -> None:
    first, other = (build_model(tiny(f"seed={seed}")).state_dict() for seed in (0, 1))
    assert not any(torch.equal(first[name], other[name]) for name in first if "lstm" in name)


def test_white_box_is_perfect_on_the_true_curves_at_the_same_phase() -> None:
    config = tiny()
    test = dataset_of(config).test
    synth = build_model(config).synth
    note = note_by_id(test, config.data.seed, "target phase", with_noise=False)
    assert test.modulation is not None
    torch.testing.assert_close(synth(test.modulation, note), test.audio, atol=1e-6, rtol=0)


def test_model_returns_estimate_and_curves() -> None:
    config = tiny(*GREY_BOX)
    clips, model = dataset_of(config).test, build_model(config)
    assert isinstance(model.curves, EncodedCurves)
    estimate, curves = model(clips.audio, draw_note(clips, generator(0, "note"), with_noise=False))
    assert estimate.shape == clips.audio.shape
    assert curves.shape == (4, 3, config.audio.n_frames)


def test_baseline_draws_its_curves_from_a_generator() -> None:
    config = tiny("parameterization.kind=random_spline")
    model, audio = build_model(config), dataset_of(config).test.audio
    assert isinstance(model.curves, BaselineCurves)
    with pytest.raises(ValueError, match="curves of a baseline are drawn from a generator"):
        model.curves(audio)
    one, same, other = (model.curves(audio, 0.0, generator(seed, "draw")) for seed in (0, 0, 1))
    assert one.shape == (4, 3, config.audio.n_frames)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
