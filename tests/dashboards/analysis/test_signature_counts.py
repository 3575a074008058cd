"""Failure signatures counted over the trials of an arm, and where an arm is named for them."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from core.storage.records import Signature
from dashboards.analysis.signature_counts import SignatureCount, signature_counts, without_effect
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, load_results
from dashboards.finding_sentences import findings
from dashboards.tables import arm_table
from tests.support.fake_study import ARMS, FakeArm, MakeStudy, without_clips


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    return without_clips(make_study)


def unheard(value: float, part: str = "add") -> tuple[Signature, ...]:
    return (Signature(kind="no effect", part=part, value=value),)


def loaded(make_study: MakeStudy, frame: FakeArm, seeds: int = 3) -> StudyResults:
    return load_results(make_study([frame, *ARMS[1:]], seeds=seeds))


def test_signatures_are_counted_by_what_shows_them(make_study: MakeStudy) -> None:
    noise = Signature(kind="silent branch", part="noise", value=-90.0)
    frame = replace(ARMS[0], signatures={0: unheard(0.01), 1: (*unheard(0.005), noise)}, outcomes={2: "failed"})
    arm = loaded(make_study, frame).arm("frame")
    assert signature_counts(arm) == (
        SignatureCount(kind="no effect", part="add", n_trials=2, n_examined=2, mean=0.0075),
        SignatureCount(kind="silent branch", part="noise", n_trials=1, n_examined=2, mean=-90.0),
    )


def test_an_arm_is_without_effect_if_most_of_its_seeds_are(make_study: MakeStudy) -> None:
    results = loaded(make_study, replace(ARMS[0], signatures={0: unheard(0.01), 2: unheard(0.0)}))
    arm = results.arm("frame")
    assert without_effect(arm) == results.ineffective(arm) == ("add",)
    assert without_effect(replace(arm, is_baseline=True)) == ()
    one = replace(arm, trials=(arm.trials[0], *arm.trials[1:2] * 2))
    assert without_effect(one) == (), "one seed of three"


def test_static_seeds_and_those_without_effect_count_together(make_study: MakeStudy) -> None:
    static = (Signature(kind="static", part="add", value=0.01),)
    results = loaded(make_study, replace(ARMS[0], signatures={0: unheard(0.01), 2: static}))
    arm = results.arm("frame")
    assert results.hardly_moving(arm) == (), "its mean range does not show it"
    assert results.ineffective(arm) == ("add",)
    change = "it is static in 1, holding it at its mean changes audio.mss by +0.0100 in 1"
    assert f"frame has add without effect in 2 of 3 trials: {change}." in findings(StudyAnalysis(results))


def test_what_hardly_moves_is_not_named_twice(make_study: MakeStudy) -> None:
    still = (Signature(kind="static", part="add", value=0.01),)
    results = loaded(make_study, replace(ARMS[0], signatures=dict.fromkeys(range(3), still)))
    arm = results.arm("frame")
    known = replace(results, truth={"interpretability.range.add": 4.0})
    assert (known.hardly_moving(arm), known.ineffective(arm)) == (("add",), ())


def test_it_is_named_in_verdict_findings_and_table_whatever_its_mean(make_study: MakeStudy) -> None:
    results = loaded(make_study, replace(ARMS[0], signatures={seed: unheard(0.01) for seed in range(3)}))
    assert results.arm("frame").metrics["effect.mss"].mean > 0.1, "the mean over modulations does not show it"
    sentences = findings(StudyAnalysis(results))
    assert sentences[0].endswith("Its add has no effect on the sound.")
    change = "holding it at its mean changes audio.mss by +0.0100 in 3"
    assert f"frame has add without effect in 3 of 3 trials: {change}." in sentences
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(arm_table(results))
    lines = console.export_text().splitlines()
    (place,) = (index for index, line in enumerate(lines) if line.startswith("frame "))
    assert lines[place + 1].startswith("no effect: add")


def test_a_study_that_is_well_says_nothing(make_study: MakeStudy) -> None:
    results = loaded(make_study, ARMS[0])
    assert "effect" not in " ".join(findings(StudyAnalysis(results)))
