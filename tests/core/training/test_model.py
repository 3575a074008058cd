"""Models: equal initial weights in shared modules, and baselines that need a generator."""

import pytest
import torch

from core.errors import ConfigError
from core.seeding import generator
from core.settings.parameterizations import SplineConfig
from core.settings.rules import check
from core.synths.note import draw_note, note_by_id
from core.training.model import BaselineCurves, EncodedCurves, Estimate, Phase, SubstitutedCurves, build_model
from core.training.trainer import true_curves
from tests.support.configs import GREY_BOX, configured, dataset_of, tiny


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
    estimate: Estimate = model(clips.audio, draw_note(clips, generator(0, "note"), with_noise=False))
    assert estimate.audio.shape == clips.audio.shape
    assert estimate.curves.modulation.shape == (4, 3, config.audio.n_frames)
    # A low-pass of 8 Hz over 51 frames at 200 Hz.
    torch.testing.assert_close(estimate.curves.numbers, torch.full((4, 3), 2 * 8 * 51 / 200))
    assert float(estimate.curves.penalty) == 0


def test_baseline_draws_its_curves_from_a_generator() -> None:
    config = tiny("parameterization.kind=random_spline")
    model, audio = build_model(config), dataset_of(config).test.audio
    assert isinstance(model.curves, BaselineCurves)
    with pytest.raises(ValueError, match="curves of a baseline are drawn from a generator"):
        model.curves(audio)
    one, same, other = (model.curves(audio, 0.0, generator(seed, "draw")).modulation for seed in (0, 0, 1))
    assert one.shape == (4, 3, config.audio.n_frames)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


RANDOM = ("parameterization.kind=random_spline", "parameterization.n_segments=3")


class TestRandomSplineOfALearnedSynth:
    """Random splines replace those of an encoder, or control the synth in training as well."""

    def test_an_encoder_trains_the_synth_and_random_curves_are_the_results(self) -> None:
        config = tiny(*RANDOM, *GREY_BOX)
        model, audio = build_model(config), dataset_of(config).test.audio
        assert isinstance(model.curves, SubstitutedCurves)
        spline = build_model(tiny(*RANDOM[1:], "parameterization.kind=spline", *GREY_BOX))
        expected = spline.curves(audio).modulation
        phases: tuple[Phase, ...] = ("training", "selection", "results")
        training, selection, results = (
            model.curves(audio, 0.0, generator(0, "draw"), phase).modulation for phase in phases
        )
        assert torch.equal(training, expected), "as in the arm of that spline"
        assert torch.equal(selection, expected)
        drawn = build_model(tiny(*RANDOM)).curves(audio, 0.0, generator(0, "draw")).modulation
        assert torch.equal(results, drawn), "as in the white box"

    def test_without_an_encoder_all_curves_are_random(self) -> None:
        config = tiny(*RANDOM, *GREY_BOX, "parameterization.training=random")
        assert isinstance(build_model(config).curves, BaselineCurves)

    def test_a_frozen_synth_needs_no_encoder(self) -> None:
        assert isinstance(build_model(tiny(*RANDOM)).curves, BaselineCurves)

    def test_the_encoder_has_no_more_segments_than_its_frames_allow(self) -> None:
        encoded = tiny("parameterization.kind=random_spline", *GREY_BOX).encoded
        # 51 frames admit 8 segments of degree 3.
        assert encoded == SplineConfig(n_segments=8, degree=3)


class TestOracle:
    """True curves in the order of the synth's modulations."""

    def test_its_curves_are_the_true_ones(self) -> None:
        config = tiny("parameterization.kind=oracle")
        clips, model = dataset_of(config).test, build_model(config)
        note = draw_note(clips, generator(0, "note"), with_noise=False)
        estimate: Estimate = model(
            clips.audio, note, draws=generator(0, "draw"), true_curves=true_curves(clips, config)
        )
        assert clips.modulation is not None
        assert torch.equal(estimate.curves.modulation, clips.modulation)
        assert bool(estimate.curves.numbers.isnan().all())

    def test_without_true_curves_it_says_so(self) -> None:
        config = tiny("parameterization.kind=oracle")
        audio = dataset_of(config).test.audio
        with pytest.raises(ValueError, match="an oracle needs the true curves of 3 modulations of 4 clips; got none"):
            build_model(config).curves(audio, 0.0, generator(0, "draw"))

    def test_data_without_true_curves_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="parameterization.kind=oracle needs data with the true curves.*lack add"):
            check(configured("parameterization.kind=oracle", "data.kind=audio_folder", "synth.kind=engel"))
        check(configured("parameterization.kind=oracle", "data.kind=renders", "synth.kind=engel"))
        check(configured("parameterization.kind=oracle", "synth.kind=engel"))
