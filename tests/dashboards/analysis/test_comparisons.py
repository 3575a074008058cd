"""Comparisons of arms: which are made, what is tested, and what follows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.storage.records import Objective, PlanSegment
from core.storage.store import Store
from dashboards.analysis.arm_pairs import MAX_FRONT_ARMS, arm_pairs
from dashboards.analysis.arm_results import with_values
from dashboards.analysis.comparisons import Comparison, comparisons, incomparable_pairs
from dashboards.analysis.seed_caveat import study_caveat
from dashboards.analysis.study_results import StudyResults, load_results
from tests.support.fake_stages import fake_race
from tests.support.fake_study import ARMS, OBJECTIVES, FakeArm, MakeStudy, without_clips

MSS = OBJECTIVES[:1]
# Worked by hand: lpf-8 minus frame is -1, -2, -1, -2, -1, -3, -4, lpf-4 minus frame 1, -1, 2, -2, 3, 1, -4.
FRAME = [10.0, 12.0, 11.0, 13.0, 12.0, 14.0, 15.0]
LPF_8 = [9.0, 10.0, 10.0, 11.0, 11.0, 11.0, 11.0]
LPF_4 = [11.0, 11.0, 13.0, 11.0, 15.0, 15.0, 11.0]


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    return without_clips(make_study)


def with_mss(results: StudyResults, rows: Sequence[Sequence[float]]) -> StudyResults:
    """The results with these values of audio.mss by arm and seed, and no other metrics."""
    arms = tuple(
        replace(with_values(arm, {"audio.mss": dict(enumerate(row))}, ["audio.mss"]), status="dominated")
        for arm, row in zip(results.arms, rows, strict=True)
    )
    return replace(results, arms=arms)


def worked_study(make_study: MakeStudy, study_file: Mapping[str, Any] | None = None) -> tuple[Comparison, ...]:
    """The comparisons of the study that is worked by hand."""
    store = make_study(ARMS[:3], seeds=7, objectives=MSS, study_file=study_file)
    return comparisons(with_mss(load_results(store), [FRAME, LPF_8, LPF_4]))


def test_a_study_worked_by_hand(make_study: MakeStudy) -> None:
    lpf_8, lpf_4 = worked_study(make_study)
    assert (lpf_8.arm, lpf_8.reference, lpf_8.role, lpf_8.reason) == ("lpf-8", "frame", "confirmatory", "baseline")

    # Mean -14 / 7; the squares sum to 36, so the variance is (36 - 7 * 4) / 6; t(0.975, 6) = 2.446912.
    assert lpf_8.difference.deviation == pytest.approx(math.sqrt(8 / 6))
    estimate = lpf_8.difference.estimate
    assert (estimate.mean, estimate.lo, estimate.hi) == pytest.approx((-2.0, -3.067920, -0.932080), abs=1e-5)
    # All signs agree: 2 of the 128 patterns; Holm doubles the smaller of two p values.
    assert (lpf_8.difference.p_value, lpf_8.adjusted_p) == (2 / 128, 4 / 128)
    # Smaller in all 7 seeds; the lower end is the 7th root of 0.025.
    improvement = lpf_8.improvement
    assert (improvement.mean, improvement.lo, improvement.hi) == pytest.approx((1.0, 0.025 ** (1 / 7), 1.0))
    assert (lpf_8.conclusion, lpf_8.seeds_needed, lpf_8.equivalence) == ("better", None, None)

    # The differences sum to 0, so every pattern is at least as extreme.
    assert lpf_4.difference.estimate.mean == 0.0
    assert (lpf_4.difference.p_value, lpf_4.adjusted_p) == (1.0, 1.0)
    assert lpf_4.improvement.mean == 3 / 7
    assert (lpf_4.improvement.lo, lpf_4.improvement.hi) == pytest.approx((0.098988, 0.815948), abs=1e-5)
    # No number of seeds finds a difference of zero.
    assert (lpf_4.conclusion, lpf_4.seeds_needed) == ("undecided", None)


def test_a_margin_adds_a_test_of_equivalence(make_study: MakeStudy) -> None:
    lpf_8, lpf_4 = worked_study(make_study, {"margins": {"audio.mss": 3.0}})
    assert lpf_8.equivalence is not None
    assert lpf_4.equivalence is not None
    # t^2 = (3 - 2)^2 / (8 / 6 / 7) = 5.25 and 3^2 / (6 / 7) = 10.5 with 6 degrees of freedom. The upper tail is
    # 1/2 - s (1 + c / 2 + 3 c^2 / 8) / 2 for s^2 = t^2 / (6 + t^2), which is 7 / 15 and 7 / 11, and c = 1 - s^2.
    assert lpf_8.equivalence.p_value == pytest.approx(0.0309174, abs=1e-7)
    assert lpf_4.equivalence.p_value == pytest.approx(0.0088394, abs=1e-7)
    assert lpf_8.equivalence.adjusted_p == pytest.approx(0.0309174, abs=1e-7)
    assert lpf_4.equivalence.adjusted_p == pytest.approx(2 * 0.0088394, abs=2e-7)
    # A difference that is found, and is below the margin, does not matter.
    assert lpf_8.adjusted_p == 4 / 128
    assert (lpf_8.conclusion, lpf_4.conclusion) == ("equivalent", "equivalent")
    narrow = worked_study(lambda *a, **o: make_study(*a, name="narrow", **o), {"margins": {"audio.mss": 1.5}})
    assert [comparison.conclusion for comparison in narrow] == ["better", "undecided"]
    assert narrow[1].seeds_needed is not None
    assert narrow[1].seeds_needed > 7


def test_larger_values_are_better_where_the_objective_says_so(make_study: MakeStudy) -> None:
    store = make_study(ARMS[:3], seeds=7, objectives=(Objective(metric="audio.mss", direction="maximize"),))
    lpf_8, _ = comparisons(with_mss(load_results(store), [FRAME, LPF_8, LPF_4]))
    assert (lpf_8.conclusion, lpf_8.improvement.mean) == ("worse", 0.0)


def test_arms_are_compared_with_the_first_of_the_plan(make_study: MakeStudy) -> None:
    compared = [c for c in comparisons(load_results(make_study(seeds=6))) if c.role == "confirmatory"]
    assert len(compared) == 2 * 4
    assert {comparison.reference for comparison in compared} == {"frame"}
    assert {comparison.reason for comparison in compared} == {"baseline"}
    smaller = next(c for c in compared if (c.arm, c.objective.metric) == ("lpf-8", "interpretability.tv"))
    assert smaller.difference.estimate.mean == pytest.approx(-14, abs=0.5)
    # Six pairs reach 2 / 2^6 at best, and eight comparisons raise that above 0.05.
    assert smaller.difference.p_value == pytest.approx(2 / 64)
    assert smaller.adjusted_p == smaller.p_value == pytest.approx(8 * 2 / 64)
    assert (smaller.conclusion, smaller.seeds_needed) == ("undecided", 9)


def test_pairs_on_the_front_are_explored_without_adjustment(make_study: MakeStudy) -> None:
    explored = [c for c in comparisons(load_results(make_study(seeds=6))) if c.role == "exploratory"]
    # Of the four arms on the front, frame is the reference of confirmatory comparisons.
    assert {(c.arm, c.reference) for c in explored} == {
        ("spline-8", "lpf-8"), ("spline-16", "lpf-8"), ("spline-16", "spline-8"),
    }  # fmt: skip
    assert len(explored) == 3 * 2
    assert all(c.reason == "front" and c.adjusted_p is None and c.n_comparisons == 1 for c in explored)
    decided = next(c for c in explored if c.arm == "spline-8" and c.objective.metric == "interpretability.tv")
    assert (decided.p_value, decided.conclusion) == (2 / 64, "better")


def test_of_a_large_front_arms_spread_over_it_are_compared(make_study: MakeStudy) -> None:
    arms = [FakeArm(name=f"arm-{n:02}", mss=1 + n / 10, tv=20.0 - n) for n in range(17)]
    results = load_results(make_study(arms))
    assert len(results.front) == 17
    explored = [pair for pair in arm_pairs(results) if pair.reason == "front"]
    names = {pair.arm.name for pair in explored} | {pair.reference.name for pair in explored}
    assert {"arm-16"} < names
    # Pairs with the first arm are confirmatory.
    assert len(names) == MAX_FRONT_ARMS - 1
    assert len(explored) == 2 * math.comb(MAX_FRONT_ARMS - 1, 2)


DECLARED = {
    "contrasts": [
        {"arm": "spline-8", "reference": "lpf-8", "metric": "audio.mss"},
        {"arm": "lpf-8", "reference": "random-spline", "metric": "curves.l1"},
    ]
}


def test_declared_contrasts_are_the_confirmatory_family(make_study: MakeStudy) -> None:
    results = load_results(make_study(seeds=6, study_file=DECLARED))
    compared = comparisons(results)
    first, second, *others = compared
    assert (first.arm, first.reference, first.objective.metric) == ("spline-8", "lpf-8", "audio.mss")
    assert (second.arm, second.reference, second.objective.metric) == ("lpf-8", "random-spline", "curves.l1")
    assert second.objective.direction == "minimize"
    assert {(c.role, c.reason) for c in (first, second)} == {("confirmatory", "declared")}
    assert all(c.role == "exploratory" and c.adjusted_p is None for c in others)
    assert {c.reason for c in others} == {"baseline", "front"}
    # Two comparisons share the level.
    assert (first.difference.p_value, first.adjusted_p, first.n_comparisons) == (2 / 64, 4 / 64, 2)
    # Each pair of arms is compared once in a metric.
    keys = [(frozenset((c.arm, c.reference)), c.objective.metric) for c in compared]
    assert len(set(keys)) == len(keys)
    assert "None of the 2 comparisons can reach p < 0.05" in study_caveat(results)


def test_a_contrast_without_a_metric_is_one_in_each_objective(make_study: MakeStudy) -> None:
    store = make_study(study_file={"contrasts": [{"arm": "spline-8", "reference": "lpf-8"}]})
    declared = [c for c in comparisons(load_results(store)) if c.reason == "declared"]
    assert [c.objective for c in declared] == list(OBJECTIVES)


def later(store: Store, study_file: Mapping[str, Any]) -> StudyResults:
    """The results of a study whose file was changed after it had started."""
    store.append_segment(PlanSegment(stage="seeds", study_file=dict(study_file)))
    return load_results(store)


def test_a_contrast_that_is_declared_later_is_exploratory(make_study: MakeStudy) -> None:
    results = later(make_study(seeds=6), {**DECLARED, "margins": {"audio.mss": 0.2}})
    added = [pair for pair in arm_pairs(results) if pair.reason == "declared"]
    assert [(pair.arm.name, pair.role) for pair in added] == [("spline-8", "exploratory"), ("lpf-8", "exploratory")]
    assert [pair.reason for pair in arm_pairs(results) if pair.role == "confirmatory"] == ["baseline"] * 8


def test_a_margin_is_not_changed_later(make_study: MakeStudy) -> None:
    store = make_study(seeds=6, study_file={"margins": {"audio.mss": 0.1}})
    results = later(store, {"margins": {"audio.mss": 5.0}})
    assert {c.equivalence.margin for c in comparisons(results) if c.equivalence} == {0.1}


def test_a_declared_contrast_without_a_common_seed_is_named(make_study: MakeStudy) -> None:
    lost = replace(ARMS[3], outcomes={0: "nan", 1: "nan"})
    results = load_results(make_study([*ARMS[:3], lost, *ARMS[4:]], study_file=DECLARED))
    assert [(pair.arm.name, pair.objective.metric) for pair in incomparable_pairs(results)] == [
        ("spline-8", "audio.mss")
    ]
    assert [c.objective.metric for c in comparisons(results) if c.reason == "declared"] == ["curves.l1"]


def test_two_seeds_are_compared_without_a_test(make_study: MakeStudy) -> None:
    compared = comparisons(load_results(make_study(study_file={"margins": {"audio.mss": 0.5}})))
    assert all(c.p_value is None and c.difference.estimate.lo is not None for c in compared)
    assert all(c.equivalence is None or c.equivalence.p_value is None for c in compared)
    assert {c.conclusion for c in compared} == {"undecided"}
    # The arms lie far apart, so the fewest seeds that can decide all comparisons are enough.
    assert {c.seeds_needed for c in compared if c.role == "confirmatory" and not c.equivalence} == {9}


def test_one_seed_does_not_say_how_many_are_needed(make_study: MakeStudy) -> None:
    compared = comparisons(load_results(make_study(seeds=1)))
    assert {(c.conclusion, c.seeds_needed) for c in compared} == {("undecided", None)}


def test_a_race_draws_its_own_conclusions(tmp_path: Path) -> None:
    compared = comparisons(load_results(fake_race(tmp_path / "race", n_clips=0)))
    assert compared
    assert all((c.p_value, c.conclusion, c.seeds_needed) == (None, None, None) for c in compared)
