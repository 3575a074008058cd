"""Every arm against the first one of the plan."""

import pytest

from dashboards.analysis.comparisons import comparisons
from dashboards.analysis.study_results import load_results
from tests.support.fake_study import MakeStudy


def test_arms_are_compared_with_the_first_of_the_plan(make_study: MakeStudy) -> None:
    compared = [c for c in comparisons(load_results(make_study(seeds=6, n_clips=0))) if c.role == "confirmatory"]
    assert len(compared) == 2 * 4
    assert {comparison.reference for comparison in compared} == {"frame"}
    smaller = next(c for c in compared if (c.arm, c.objective.metric) == ("lpf-8", "interpretability.tv"))
    assert smaller.difference.estimate.mean == pytest.approx(-14, abs=0.5)
    # Six pairs reach 2 / 2^6 at best, and eight comparisons raise that above 0.05.
    assert smaller.difference.p_value == pytest.approx(2 / 64)
    assert smaller.adjusted_p == pytest.approx(8 * 2 / 64)


def test_two_seeds_are_compared_without_a_test(make_study: MakeStudy) -> None:
    compared = comparisons(load_results(make_study(n_clips=0)))
    assert all(c.adjusted_p is None and c.difference.estimate.lo is not None for c in compared)
