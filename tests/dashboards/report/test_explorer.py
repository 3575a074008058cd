"""Curves and sounds as the curve explorer has them."""

import base64
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.clips import Clips
from core.metrics.evaluation import Estimates, evaluate
from core.storage.curves import curve_array, read_curves
from core.storage.store import Store
from dashboards.analysis.study_results import load_results
from dashboards.report.arm_curves import ModulationView
from dashboards.report.clip_choice import FRONT_MEAN, SOUND
from dashboards.report.explorer import ClipView, Explorer, explorer
from dashboards.report.sounds import SoundView
from tests.dashboards.report.test_packed_curves import unpacked
from tests.support.fake_study import ARMS, FRONT, MODULATIONS, MakeStudy


def explored(store: Store, **budgets: int) -> Explorer:
    content = explorer(store, load_results(store), **budgets)
    assert content is not None
    return content


def known(modulations: dict[str, ModulationView]) -> dict[str, tuple[bool, bool, bool]]:
    """Whether the recovered curve, LLS 1 and LLS 3 are known."""
    return {
        name: (view.raw is not None, view.lls1 is not None, view.lls3 is not None) for name, view in modulations.items()
    }


def test_every_arm_is_beside_truth_and_target(make_study: MakeStudy) -> None:
    content = explored(make_study())
    assert [clip.id for clip in content.clips] == ["test/0", "test/1"]
    assert [arm.name for arm in content.arms] == [arm.name for arm in ARMS]
    assert {arm.name for arm in content.arms if arm.on_front} == FRONT
    assert (content.n_arms_left_out, content.n_clips_left_out, content.n_silent) == (0, 0, 0)
    clip = content.clips[0]
    assert (clip.f0_hz, clip.duration_s, list(clip.truth)) == (220.0, 1.0, list(MODULATIONS))
    assert clip.target is not None
    assert base64.b64decode(clip.target.audio.partition(",")[2])[:4] == b"fLaC"
    for arm in clip.arms.values():
        assert arm.sound is not None
        assert arm.own_target is None
        assert arm.own_truth is None


def test_curves_rates_and_correlations_are_those_of_the_stored_curves(make_study: MakeStudy) -> None:
    store = make_study(n_clips=3)
    digest = next(trial.digest for trial in store.plan().trials if trial.arm == "random-spline")
    table = read_curves(store, [digest])
    target, estimate = curve_array(table["target"]), curve_array(table["estimate"])
    assert target is not None
    assert estimate is not None
    target, estimate = target.reshape(3, 3, -1), estimate.reshape(3, 3, -1)
    clips = Clips(
        ids=("test/0", "test/1", "test/2"),
        audio=torch.rand(3, 128 * 128),
        f0_hz=torch.full((3,), 220.0),
        q=torch.zeros(3),
        modulation=torch.tensor(target),
        modulation_names=MODULATIONS,
    )
    per_clip = evaluate(
        Estimates(
            clips=clips,
            audio=clips.audio,
            modulation=torch.tensor(estimate),
            numbers=torch.ones(3, len(MODULATIONS)),
            modulation_names=MODULATIONS,
            sample_rate=16_000,
            frame_rate=125.0,
        )
    ).per_clip
    content = explored(store)
    for clip, view in enumerate(content.clips):
        for index, name in enumerate(MODULATIONS):
            curves = view.arms["random-spline"].modulations[name]
            assert curves.raw is not None
            assert unpacked(curves.raw.curve) == pytest.approx(estimate[clip, index], abs=0.002)
            assert unpacked(view.truth[name].curve) == pytest.approx(target[clip, index], abs=0.002)
            for found, suffix in ((curves.raw, ""), (curves.lls1, ".lls1"), (curves.lls3, ".lls3")):
                assert found is not None
                assert found.r == pytest.approx(float(per_clip[f"curves.pcc{suffix}"].values[clip, index]), abs=1e-4)
    # The truth of `add` is a sine of 1, 2 and 3 Hz, of which the first has too few cycles.
    rates = [view.truth["add"].rate_hz for view in content.clips]
    assert rates[0] is None
    assert rates[1:] == pytest.approx([2, 3], rel=0.12)


def test_constant_curves_have_neither_rate_nor_correlation(make_study: MakeStudy) -> None:
    for view in explored(make_study()).clips[0].arms["constant"].modulations.values():
        assert view.raw is not None
        assert (view.raw.rate_hz, view.raw.r) == (None, None)
        assert np.ptp(unpacked(view.raw.curve)) == 0


def test_without_truth_the_curves_stand_alone(make_study: MakeStudy) -> None:
    content = explored(make_study(truth=()))
    assert not content.has_truth
    assert content.clips[0].truth == {}
    assert known(content.clips[0].arms["frame"].modulations) == dict.fromkeys(MODULATIONS, (True, False, False))


def test_a_modulation_without_truth_or_without_estimate_is_shown_by_what_is_known(make_study: MakeStudy) -> None:
    more = explored(make_study(modulations=(*MODULATIONS, "pan"))).clips[0]
    assert known(more.arms["frame"].modulations)["pan"] == (True, False, False)
    assert list(more.truth) == list(MODULATIONS)
    other = explored(make_study(modulations=("tone", "level"), name="other"))
    assert other.modulations == ("tone", "level", *MODULATIONS)
    assert known(other.clips[0].arms["frame"].modulations) == {
        "tone": (True, False, False),
        "level": (True, False, False),
        **dict.fromkeys(MODULATIONS, (False, False, True)),
    }
    assert other.clips[0].duration_s == 1.0


def sounds_of_the_front(clip: ClipView) -> list[SoundView]:
    return [sound for sound in (clip.target, *(clip.arms[name].sound for name in FRONT)) if sound]


def test_a_small_page_keeps_the_clips_that_matter_and_the_sounds_of_the_front(make_study: MakeStudy) -> None:
    store = make_study(n_clips=12)
    whole = explored(store)
    budget = sum(sound.n_bytes for sound in sounds_of_the_front(whole.clips[0]))
    few = explored(store, curve_budget=70_000, sound_budget=budget)
    assert 1 < len(few.clips) < 12
    assert len(few.clips) + few.n_clips_left_out == 12
    assert few.rankings[SOUND][FRONT_MEAN] == whole.rankings[SOUND][FRONT_MEAN]
    silent = {name for clip in few.clips for name, arm in clip.arms.items() if arm.sound is None}
    assert few.n_silent > 0
    assert silent - FRONT
    assert sounds_of_the_front(few.clips[0]) == sounds_of_the_front(whole.clips[0])
    assert explored(store, curve_budget=0, sound_budget=0).clips[0].target is not None


def test_an_arm_that_has_finished_no_seed_is_left_out(make_study: MakeStudy) -> None:
    store = make_study([replace(ARMS[0], outcomes={0: "failed", 1: None}), *ARMS[1:]])
    assert [arm.name for arm in explored(store).arms] == [arm.name for arm in ARMS[1:]]


def test_curves_of_clips_without_stored_sound_are_shown(make_study: MakeStudy) -> None:
    store = make_study(n_clips=3)
    for trial in store.plan().trials:
        attempt = store.committed(trial.digest)
        assert attempt is not None
        for name in attempt.names("audio"):
            if not name.startswith("test_1."):
                attempt.drop(f"audio/{name}")
    clips = explored(store).clips
    assert [clip.target is not None for clip in clips] == [False, True, False]
    assert all(arm.modulations and arm.sound is None for arm in clips[0].arms.values())


def test_a_study_without_curves_has_no_explorer(make_study: MakeStudy) -> None:
    store = make_study(n_clips=0)
    assert explorer(store, load_results(store)) is None
