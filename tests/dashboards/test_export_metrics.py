"""Tables of chosen metrics: values, ratios and differences in per cent that are known."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core.errors import StudyError
from dashboards.analysis.arm_results import with_values
from dashboards.analysis.study_results import StudyResults, load_results
from dashboards.export_metrics import metrics_table
from dashboards.export_tables import rendered
from tests.support.fake_study import ARMS, MakeStudy, without_clips

MSS, L1 = "audio.mss", "curves.l1"
VALUES: Mapping[str, dict[str, dict[int, float]]] = {
    "frame": {MSS: {0: 1.0, 1: 2.0, 2: 4.0}, L1: {0: 0.5, 1: 0.5, 2: 0.5}},
    "lpf-8": {MSS: {0: 1.1, 1: 2.2, 2: 4.4}, L1: {0: 0.25, 1: 0.5}},
    "lpf-4": {MSS: {0: 0.9, 1: 1.9, 2: 4.0}, L1: {0: 0.0, 1: 0.4, 2: 0.4}},
    "constant": {MSS: {1: 3.0}},
}
T_3 = 4.30265
"""Factor of the 95 % t interval of three values."""


@pytest.fixture
def results(make_study: MakeStudy) -> StudyResults:
    """A study of three seeds with `VALUES` in place of what its arms have."""
    arms = [arm for arm in ARMS if arm.name in VALUES]
    found = load_results(without_clips(make_study)(arms, seeds=3))
    return replace(
        found,
        arms=tuple(with_values(arm, VALUES[arm.name], [MSS]) for arm in found.arms),
        metrics=(MSS, L1, "audio.mfcc"),
    )


def cells(results: StudyResults, *metrics: str, against: str | None = None) -> dict[str, tuple[str, ...]]:
    """The cells by arm."""
    return {row[0]: row[1:] for row in metrics_table(results, metrics, against=against).rows}


def test_a_row_has_the_means_of_an_arm_with_intervals(results: StudyResults) -> None:
    table = metrics_table(results, [MSS, L1])
    assert table.columns == ("arm", MSS, L1)
    assert table.caption == "quickstart: test means over seeds with 95 % intervals"
    assert [row[0] for row in table.rows] == list(VALUES)
    assert cells(results, L1)["frame"] == ("0.500 [0.500, 0.500]",)
    assert cells(results, L1)["lpf-8"] == ("0.375 [0, 1.00] (2 of 3)",), "the interval is in the range of the metric"
    assert cells(results, MSS)["constant"] == ("3.00 (1 of 3)",)


def test_an_undefined_metric_is_a_dash(results: StudyResults) -> None:
    assert cells(results, L1, "audio.mfcc", f"{L1}/{MSS}")["constant"] == ("–", "–", "–")
    assert cells(results, L1, against="frame")["constant"] == ("–",)
    assert cells(results, L1, against="constant")["frame"] == ("–",)


def test_a_ratio_is_taken_for_each_seed(results: StudyResults) -> None:
    found = cells(results, f"{L1}/{MSS}", f"{MSS}/{L1}")
    half = T_3 * 0.190941 / 3**0.5
    assert found["frame"][0] == f"0.292 [0, {0.291667 + half:.3g}]", "mean of 1/2, 1/4 and 1/8, not of the means"
    assert found["lpf-4"][1].endswith("(2 of 3)"), "a ratio to zero is undefined"


def test_differences_are_per_cent_of_the_same_seed(results: StudyResults) -> None:
    found = cells(results, MSS, against="frame")
    half = T_3 * 5.0 / 3**0.5
    assert found["lpf-8"] == ("+10.0 % [10.0, 10.0]",)
    assert found["lpf-4"] == (f"-5.0 % [{-5 - half:.1f}, {-5 + half:.1f}]",), "of -10, -5 and 0 per cent"
    assert found["frame"] == ("100 % = 2.33",)
    assert found["constant"] == ("+50.0 % (1 of 3)",), "only the common seed counts"
    assert cells(results, f"{MSS}/{L1}", against="frame")["lpf-8"][0].startswith("+65.0 %"), "of 120 and 10 per cent"


def test_only_the_chosen_arms_have_rows(results: StudyResults) -> None:
    table = metrics_table(results, [MSS], against="frame", arms=["lpf-4", "lpf-8"])
    assert [row[0] for row in table.rows] == ["lpf-8", "lpf-4"], "in the order of the study"
    assert table.caption == ("quickstart: test differences from frame in per cent, paired by seed, with 95 % intervals")
    assert "| lpf-8 | +10.0 % \\[10.0, 10.0\\] |" in rendered(table, "markdown")


@pytest.mark.parametrize(
    ("metrics", "against", "message"),
    [
        (["audio.msss"], None, "no arm of quickstart has the metric 'audio.msss'; did you mean audio.mss?"),
        ([f"{MSS}/curves.l2"], None, "no arm of quickstart has the metric 'curves.l2'; did you mean curves.l1?"),
        ([f"{MSS}/"], None, "no arm of quickstart has the metric ''; `modstudy catalog` lists the metrics"),
        ([f"{MSS}/{L1}/{L1}"], None, "a ratio is that of two metrics, A/B; got 'audio.mss/curves.l1/curves.l1'"),
        ([MSS], "lpf-9", "quickstart has no arm 'lpf-9'; did you mean lpf-8?"),
        ([MSS], "x", "quickstart has no arm 'x'; its arms are frame, lpf-8, lpf-4, constant"),
        ([L1], "lpf-4", "curves.l1 of lpf-4 is 0 with seed 0; show this metric without --against"),
    ],
)
def test_names_that_are_unknown_and_references_that_are_not_positive_are_refused(
    results: StudyResults, metrics: list[str], against: str | None, message: str
) -> None:
    with pytest.raises(StudyError) as refused:
        metrics_table(results, metrics, against=against)
    assert str(refused.value).endswith(message)
