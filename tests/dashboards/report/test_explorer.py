"""Curves, spectrograms and sounds as the page shows them."""

import base64
from dataclasses import replace

import pytest
import torch
from dashboards.report.clip_views import ClipView, CurveView, gallery

from core.clips import Clips
from core.metrics.evaluation import Estimates, evaluate
from core.storage.curves import curve_array, read_curves
from core.storage.store import Store
from dashboards.analysis.study_results import load_results
from tests.support.fake_study import ARMS, MODULATIONS, MakeStudy


def first_clip(store: Store) -> ClipView:
    return gallery(store, load_results(store)).clips[0]


def known(curves: tuple[CurveView, ...]) -> list[tuple[str, bool, bool, bool, bool]]:
    """Modulation, and whether truth, estimate, projection and correlation are known."""
    return [
        (c.modulation, c.truth is not None, c.estimate is not None, c.projection is not None, c.correlation is not None)
        for c in curves
    ]


def test_the_gallery_shows_every_arm_beside_the_target(make_study: MakeStudy) -> None:
    store = make_study()
    shown = gallery(store, load_results(store))
    assert [clip.clip_id for clip in shown.clips] == ["test/0", "test/1"]
    clip = shown.clips[0]
    assert [view.arm for view in clip.arms] == [arm.name for arm in ARMS]
    assert clip.target is not None
    assert base64.b64decode(clip.target.audio.partition(",")[2])[:4] == b"fLaC"
    assert (clip.f0_hz, clip.duration_s) == (220.0, 1.0)
    assert [curve.modulation for curve in clip.truth] == list(MODULATIONS)
    frame, guess, constant = clip.arms[0], clip.arms[-2], clip.arms[-1]
    assert frame.own_target is None
    assert frame.correlation is not None
    assert guess.correlation is not None
    assert frame.correlation > 0.9 > guess.correlation
    assert constant.correlation is None


def test_correlations_are_those_of_the_metric(make_study: MakeStudy) -> None:
    store = make_study(n_clips=1)
    digest = next(trial.digest for trial in store.plan().trials if trial.arm == "random-spline")
    table = read_curves(store, [digest])
    target, estimate = curve_array(table["target"]), curve_array(table["estimate"])
    assert target is not None
    assert estimate is not None
    clips = Clips(
        ids=("test/0",),
        audio=torch.rand(1, 16_000),
        f0_hz=torch.full((1,), 220.0),
        q=torch.zeros(1),
        modulation=torch.tensor(target)[None],
        modulation_names=MODULATIONS,
    )
    values = evaluate(
        Estimates(
            clips=clips,
            audio=clips.audio,
            modulation=torch.tensor(estimate)[None],
            modulation_names=MODULATIONS,
            sample_rate=16_000,
            frame_rate=125.0,
        )
    ).values
    view = next(view for view in first_clip(store).arms if view.arm == "random-spline")
    assert view.correlation == pytest.approx(values["curves.pcc.lls3"], abs=1e-6)
    for curve in view.curves:
        assert curve.correlation == pytest.approx(values[f"curves.pcc.lls3.{curve.modulation}"], abs=1e-6)


def test_without_truth_the_curves_stand_alone(make_study: MakeStudy) -> None:
    clip = first_clip(make_study(truth=()))
    assert known(clip.arms[0].curves) == [(name, False, True, False, False) for name in MODULATIONS]
    assert clip.truth == ()


def test_a_modulation_without_truth_or_without_estimate_is_shown_by_what_is_known(make_study: MakeStudy) -> None:
    more = first_clip(make_study(modulations=(*MODULATIONS, "pan")))
    assert known(more.arms[0].curves)[-1] == ("pan", False, True, False, False)
    assert [curve.modulation for curve in more.truth] == list(MODULATIONS)
    other = first_clip(make_study(modulations=("tone", "level"), name="other"))
    assert known(other.arms[0].curves) == [
        ("tone", False, True, False, False),
        ("level", False, True, False, False),
        *((name, True, False, True, True) for name in MODULATIONS),
    ]
    assert other.duration_s == 1.0


def test_a_small_page_leaves_out_clips_and_then_sounds(make_study: MakeStudy) -> None:
    store = make_study()
    shown = gallery(store, load_results(store), budget=200_000)
    assert len(shown.clips) == 1
    assert shown.n_left_out == 1
    silent = [view.arm for view in shown.clips[0].arms if view.sound is None]
    assert len(silent) == shown.clips[0].n_silent > 0
    assert "constant" in silent
    assert all(view.curves for view in shown.clips[0].arms)


def test_an_arm_that_has_finished_no_seed_is_not_in_the_gallery(make_study: MakeStudy) -> None:
    store = make_study([replace(ARMS[0], outcomes={0: "failed", 1: None}), *ARMS[1:]])
    assert [view.arm for view in first_clip(store).arms] == [arm.name for arm in ARMS[1:]]
