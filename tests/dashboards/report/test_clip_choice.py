"""Which arms and clips are on the page, and which clip is best, median and worst."""

from dataclasses import replace

import numpy as np
import pytest

from dashboards.analysis.arm_results import ArmResult, ArmStatus
from dashboards.analysis.study_results import load_results
from dashboards.report import clip_choice
from dashboards.report.arm_curves import ArmCurves
from dashboards.report.clip_choice import CURVES, FRONT_MEAN, SOUND, chosen_arms, clips_by_priority, rankings
from tests.support.fake_study import MakeStudy


def curves_of(mss: list[float], error: list[float] | None = None, first: int = 0) -> ArmCurves:
    return ArmCurves(
        clip_ids=tuple(f"clip-{first + i}" for i in range(len(mss))),
        f0_hz=np.full(len(mss), 220.0),
        frame_rate=125.0,
        audio_mss=np.asarray(mss),
        curve_error=None if error is None else np.asarray(error),
        modulations=("env",),
        truth={},
        estimate={"env": np.zeros((len(mss), 10))},
        projection={},
    )


def clip_ids_of(metric: str, name: str, curves: dict[str, ArmCurves], front: tuple[str, ...]) -> tuple[str, ...]:
    return rankings(curves, front)[metric][name].clip_ids


def test_best_median_and_worst_are_those_of_each_arm_and_of_the_fronts_mean() -> None:
    curves = {
        "a": curves_of([0.1, 0.9, 0.5, 0.4, 0.3]),
        "b": curves_of([0.9, 0.2, 0.6, 0.3, 0.1]),
        "baseline": curves_of([9.0, 1.0, 2.0, 3.0, 4.0]),
    }
    assert clip_ids_of(SOUND, "a", curves, ("a", "b")) == ("clip-0", "clip-3", "clip-1")
    assert clip_ids_of(SOUND, "b", curves, ("a", "b")) == ("clip-4", "clip-3", "clip-0")
    # Means 0.5, 0.55, 0.55, 0.35, 0.2: the order of the split decides between equals.
    assert clip_ids_of(SOUND, FRONT_MEAN, curves, ("a", "b")) == ("clip-4", "clip-0", "clip-2")
    assert CURVES not in rankings(curves, ("a", "b"))


def test_without_a_front_the_mean_is_over_all_arms_and_undefined_values_are_left_out() -> None:
    curves = {"a": curves_of([0.1, np.nan, 0.9], [0.3, 0.2, 0.1]), "b": curves_of([0.4, 0.0, 0.5], [0.3, 0.2, 0.1])}
    assert clip_ids_of(SOUND, FRONT_MEAN, curves, ()) == ("clip-0", "clip-0", "clip-2")
    assert clip_ids_of(CURVES, FRONT_MEAN, curves, ()) == ("clip-2", "clip-1", "clip-0")


def test_the_mean_covers_the_clips_that_all_arms_of_the_front_have() -> None:
    curves = {"a": curves_of([0.1, 0.5, 0.9]), "b": curves_of([0.5, 0.9, 0.0], first=1)}
    assert clip_ids_of(SOUND, FRONT_MEAN, curves, ("a", "b")) == ("clip-1", "clip-1", "clip-2")


def test_clips_with_sound_come_first_then_those_of_the_front_then_those_of_arms() -> None:
    curves = {"a": curves_of([0.1, 0.9, 0.5, 0.4, 0.3, 0.6]), "b": curves_of([0.9, 0.2, 0.6, 0.3, 0.1, 0.4])}
    order = list(clips_by_priority(curves, ["clip-5"], rankings(curves, ("a",))))
    assert order == ["clip-5", "clip-0", "clip-3", "clip-1", "clip-4", "clip-2"]
    assert sorted(order) == [f"clip-{i}" for i in range(6)]


@pytest.fixture
def arms(make_study: MakeStudy) -> tuple[ArmResult, ...]:
    return load_results(make_study(n_clips=0)).arms


def test_a_large_study_shows_its_front_then_baselines_then_others(
    arms: tuple[ArmResult, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_choice, "MAX_FRONT_ARMS", 2)
    monkeypatch.setattr(clip_choice, "MAX_OTHER_ARMS", 3)

    def arm(name: str, status: ArmStatus) -> ArmResult:
        return replace(arms[0], name=name, status=status, is_baseline=status == "baseline")

    planned = [arm("d1", "dominated"), arm("f1", "front"), arm("f2", "front"), arm("f3", "front")]
    planned += [arm("d2", "dominated"), arm("b1", "baseline"), arm("b2", "baseline")]
    assert [chosen.name for chosen in chosen_arms(planned)] == ["d1", "f1", "f2", "b1", "b2"]


def test_an_arm_without_a_finished_trial_is_not_shown(arms: tuple[ArmResult, ...]) -> None:
    unfinished = replace(arms[0], trials=tuple(replace(trial, record=None) for trial in arms[0].trials))
    assert [arm.name for arm in chosen_arms([unfinished, *arms[1:]])] == [arm.name for arm in arms[1:]]
