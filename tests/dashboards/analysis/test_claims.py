"""Claims that contrasts test, and whether they hold."""

from dataclasses import replace
from typing import Any

import pytest

from dashboards.analysis.claims import claims
from dashboards.analysis.comparisons import Comparison, comparisons
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import load_results
from dashboards.export_tables import claims_table
from dashboards.finding_sentences import grounds
from tests.support.fake_study import MakeStudy


def contrast(arm: str, reference: str, **entries: Any) -> dict[str, Any]:
    return {"arm": arm, "reference": reference, "metric": "audio.mss", **entries}


ACCURATE = {"claim": "frame is the most accurate", "expected": "worse"}
STUDY = {
    "contrasts": [
        contrast("lpf-8", "frame", **ACCURATE),
        contrast("spline-8", "frame", **ACCURATE),
        contrast("lpf-8", "spline-8"),
        contrast(
            "lpf-8",
            "lpf-8",
            metric="curves.l1.lls3",
            reference_metric="curves.l1.lls1",
            claim="modulation is spread over the modules",
            expected="better",
        ),
    ]
}


def concluded(comparison: Comparison, conclusion: Any) -> Comparison:
    return replace(comparison, conclusion=conclusion)


@pytest.mark.parametrize(
    ("conclusions", "verdict"),
    [
        (("worse", "worse"), "confirmed"),
        (("worse", "undecided"), "undecided"),
        (("undecided", None), "undecided"),
        (("worse", "better"), "not confirmed"),
        (("undecided", "equivalent"), "not confirmed"),
    ],
)
def test_a_claim_is_confirmed_if_all_its_comparisons_end_as_expected(
    make_study: MakeStudy, conclusions: tuple[Any, Any], verdict: str
) -> None:
    first, second = comparisons(load_results(make_study(seeds=6, study_file=STUDY)))[:2]
    (claim,) = claims([concluded(first, conclusions[0]), concluded(second, conclusions[1])])
    assert (claim.text, claim.verdict) == ("frame is the most accurate", verdict)


def test_an_arm_is_compared_with_itself_in_another_metric(make_study: MakeStudy) -> None:
    results = load_results(make_study(seeds=6, study_file=STUDY))
    declared = [comparison for comparison in comparisons(results) if comparison.reason == "declared"]
    assert [comparison.claim for comparison in declared] == [ACCURATE["claim"]] * 2 + [
        None,
        "modulation is spread over the modules",
    ]
    arm = next(arm for arm in results.arms if arm.name == "lpf-8")
    expected = [arm.values["curves.l1.lls3"][seed] - arm.values["curves.l1.lls1"][seed] for seed in range(6)]
    assert declared[-1].difference.differences == pytest.approx(expected)
    assert declared[-1].reference_label == "lpf-8 in curves.l1.lls1"


def test_claims_are_in_tables_and_in_the_findings(make_study: MakeStudy) -> None:
    analysis = StudyAnalysis(load_results(make_study(seeds=6, study_file=STUDY)))
    table = claims_table(analysis)
    assert table is not None
    assert [row[:4] for row in table.rows] == [
        ("frame is the most accurate", analysis.claims[0].verdict, "lpf-8", "frame"),
        ("frame is the most accurate", analysis.claims[0].verdict, "spline-8", "frame"),
        ("modulation is spread over the modules", analysis.claims[1].verdict, "lpf-8", "lpf-8 in curves.l1.lls1"),
    ]
    said = [sentence for sentence in grounds(analysis) if sentence.startswith("Claim:")]
    assert said == [f"Claim: {claim.text}: {claim.verdict}." for claim in analysis.claims]


def test_a_study_without_claims_has_no_table_of_them(make_study: MakeStudy) -> None:
    analysis = StudyAnalysis(load_results(make_study()))
    assert (analysis.claims, claims_table(analysis)) == ((), None)
