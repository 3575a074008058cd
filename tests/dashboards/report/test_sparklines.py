"""Small curves of arms."""

import numpy as np

from core.settings.trial import TrialConfig
from core.storage.curves import ModulationCurves, TrialCurves, write_curves
from dashboards.analysis.study_results import load_results
from dashboards.report.curve_paths import curve_path
from dashboards.report.sparklines import MAX_ARMS, N_BINS, sparklines
from tests.support.fake_study import FRONT, FakeArm, MakeStudy


def test_the_clip_is_the_one_whose_sound_is_nearest(make_study: MakeStudy) -> None:
    store = make_study([FakeArm(name="frame", mss=0.7, tv=22.0)], seeds=1, n_clips=0)
    attempt = store.committed(load_results(store).arms[0].trials[0].digest)
    assert attempt is not None
    truth = np.linspace(0, 1, 3 * 50, dtype=np.float32).reshape(3, 50)
    write_curves(
        attempt,
        TrialCurves(
            clip_ids=("near", "nearest", "undefined"),
            f0_hz=np.full(3, 220.0, dtype=np.float32),
            frame_rate=TrialConfig().audio.frame_rate,
            audio_mss=np.array([0.4, 0.3, np.nan], dtype=np.float32),
            modulations=(ModulationCurves(modulation="add", target=truth, estimate=1 - truth, projection=truth),),
        ),
        study="quickstart",
        arm="frame",
        seed=0,
    )
    attempt.commit(attempt.record())
    found = sparklines(store, load_results(store))["frame"]
    assert (found["clip"], found["seed"]) == ("nearest", 0)
    assert found["curves"] == [
        {
            "modulation": "add",
            "truth": curve_path(truth[1], N_BINS),
            "estimate": curve_path(1 - truth[1], N_BINS),
        }
    ]


def test_arms_without_curves_have_none(make_study: MakeStudy) -> None:
    store = make_study(n_clips=0)
    assert sparklines(store, load_results(store)) == {}


def test_the_front_has_priority(make_study: MakeStudy) -> None:
    many = [FakeArm(name=f"worse-{i}", mss=3.0, tv=30.0) for i in range(MAX_ARMS)]
    best = [FakeArm(name=name, mss=0.5, tv=2.0) for name in FRONT]
    store = make_study([*many, *best], seeds=1, n_clips=1)
    found = sparklines(store, load_results(store))
    assert len(found) == MAX_ARMS
    assert {arm.name for arm in load_results(store).front} <= found.keys()
