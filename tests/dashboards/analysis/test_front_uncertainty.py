"""Uncertainty of the front of a study."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.settings.parameterizations import LowPassConfig
from core.storage.records import Objective
from dashboards.analysis.front_uncertainty import compare_families, front_uncertainty
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, front_statistics, load_results
from tests.support.fake_study import ARMS, FRONT, OBJECTIVES, FakeArm, MakeStudy, fake_study, without_clips

THREE_OBJECTIVES = (*OBJECTIVES, Objective(metric="curves.pcc", direction="maximize"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return load_results(fake_study(tmp_path_factory.mktemp("studies") / "quickstart", seeds=6, n_clips=0))


def test_arms_on_a_clear_front_are_there_with_certainty(results: StudyResults) -> None:
    found = StudyAnalysis(results).front
    assert found is not None
    assert found.probabilities is not None
    assert found.probabilities.on_front.keys() == {arm.name for arm in ARMS if not arm.is_baseline}
    assert {name for name, p in found.probabilities.on_front.items() if p > 0.95} == FRONT
    assert found.probabilities.on_front["lpf-4"] < 0.05
    assert found.probabilities.best["audio.mss"]["frame"] > 0.99
    assert found.probabilities.best["interpretability.tv"]["spline-8"] > 0.99
    assert found.method.startswith("Probabilities are shares of 2,000 draws of the expected values from a t dist")
    assert found.n_failed == 0


def test_the_interval_of_the_hypervolume_holds_that_of_the_means(results: StudyResults) -> None:
    found, share = front_uncertainty(results), front_statistics(results).share
    assert found is not None
    assert found.share.lo is not None
    assert found.share.hi is not None
    assert found.share.lo < share < found.share.hi
    assert found.share.mean == pytest.approx(share, abs=0.01)


def test_surfaces_and_families_are_those_of_the_two_objectives(results: StudyResults) -> None:
    found = front_uncertainty(results)
    assert found is not None
    assert found.attainment_seeds == tuple(range(6))
    assert [surface.n_attaining for surface in found.surfaces] == [1, 2, 3, 5, 6]
    median = found.surfaces[2]
    assert median.corners[0] == pytest.approx([0.70, 22.0], rel=0.05)
    assert median.corners[-1] == pytest.approx([0.95, 3.0], rel=0.05)
    assert median.steps[[0, -1]].ravel() == pytest.approx([0.70, 41.7, 5.0, 3.0], rel=0.05)
    assert found.families is not None
    assert found.families.factor == "parameterization.kind"
    assert found.families.families == {"frame": ("frame", "spline-8", "spline-16"), "low_pass": ("lpf-8", "lpf-4")}
    # The frame family alone reaches below 0.75, and below 5 sweeps per second.
    ahead = found.families.differences["frame", "low_pass"]
    assert any(each.difference == 1.0 and each.low[0] < 0.75 for each in ahead)
    assert any(each.difference == -1.0 and 7 < each.low[1] < 9 for each in ahead)


def test_another_factor_can_be_compared(results: StudyResults) -> None:
    found = compare_families(results, "parameterization.kind")
    assert found is not None
    assert compare_families(results, "trainer.max_steps") is None


def test_three_objectives_have_probabilities_and_hypervolume_only(make_study: MakeStudy) -> None:
    store = without_clips(make_study)(seeds=3, objectives=THREE_OBJECTIVES)
    found = front_uncertainty(load_results(store))
    assert found is not None
    assert found.probabilities is not None
    assert found.probabilities.best.keys() == {objective.metric for objective in THREE_OBJECTIVES}
    assert found.share.lo is not None
    assert (found.surfaces, found.families) == ((), None)


def test_failed_trials_count_as_the_reference_and_lost_ones_not_at_all(make_study: MakeStudy) -> None:
    failing = [replace(ARMS[0], outcomes={1: "diverged", 2: "out_of_memory", 3: "lost", 4: None}), *ARMS[1:]]
    store = without_clips(make_study)(failing, seeds=6)
    found = front_uncertainty(load_results(store))
    assert found is not None
    assert found.probabilities is not None
    assert found.n_failed == 2
    assert "2 failed trials count as the reference values" in found.method
    assert found.attainment_seeds == (0, 1, 2, 5)
    assert found.probabilities.n_seeds == 4
    assert found.probabilities.best["audio.mss"]["frame"] < 0.3, "half of its trials score as silence"


def test_one_seed_gives_no_probabilities_and_one_arm_is_certain(make_study: MakeStudy) -> None:
    found = front_uncertainty(load_results(without_clips(make_study)(seeds=1)))
    assert found is not None
    assert (found.probabilities, found.surfaces, found.method) == (None, (), "")
    assert found.share.lo is None
    alone = front_uncertainty(load_results(without_clips(make_study)(ARMS[:1], name="alone")))
    assert alone is not None
    assert alone.probabilities is not None
    assert alone.probabilities.on_front == {"frame": 1.0}
    assert alone.families is None


def test_a_study_of_baselines_and_static_arms_has_no_front(tmp_path: Path) -> None:
    static = FakeArm(name="still", mss=1.0, tv=None, range=0.01, parameterization=LowPassConfig(cutoff_hz=1.0))
    assert front_uncertainty(load_results(fake_study(tmp_path / "static", [static, ARMS[-1]], n_clips=0))) is None
