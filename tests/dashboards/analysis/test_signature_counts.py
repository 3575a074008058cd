"""Failure signatures counted over the trials of an arm, and where an arm is named for them."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from core.storage.records import Signature
from dashboards.analysis.signature_counts import SignatureCount, signature_counts, without_effect
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, load_results
from dashboards.findings import findings
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
    most = replace(ARMS[0], signatures={0: unheard(0.01), 2: unheard(0.0)})
    results = loaded(make_study, most)
    assert without_effect(results.arm("frame")) == ("add",)
    assert without_effect(replace(results.arm("frame"), is_baseline=True)) == ()
    few = loaded(
        lambda *given, **options: make_study(*given, name="few", **options),
        replace(most, signatures={0: unheard(0.01)}),
    )
    assert without_effect(few.arm("frame")) == ()


def test_it_is_named_in_verdict_findings_and_table_whatever_its_mean(make_study: MakeStudy) -> None:
    results = loaded(make_study, replace(ARMS[0], signatures={seed: unheard(0.01) for seed in range(3)}))
    assert results.arm("frame").metrics["effect.mss"].mean > 0.1, "the mean over modulations does not show it"
    sentences = findings(StudyAnalysis(results))
    assert sentences[0].endswith("Its add has no effect on the sound.")
    change = "holding add at its mean changes audio.mss by +0.0100 in 3 of 3 trials"
    assert f"frame moves add without effect: {change}." in sentences
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(arm_table(results))
    lines = console.export_text().splitlines()
    (place,) = (index for index, line in enumerate(lines) if line.startswith("frame "))
    assert lines[place + 1].startswith("no effect: add")


def test_a_study_that_is_well_says_nothing(make_study: MakeStudy) -> None:
    results = loaded(make_study, ARMS[0])
    assert "effect" not in " ".join(findings(StudyAnalysis(results)))
