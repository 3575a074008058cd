"""Plans and records: conversion to JSON, and plans as the union of their segments."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from core.settings.loading import to_settings
from core.settings.trial import TrialConfig
from core.storage.records import (
    DataIssue,
    Objective,
    PlannedArm,
    PlannedTrial,
    PlanSegment,
    StudyDefinition,
    StudyPlan,
    TrialRecord,
    definition_from_json,
    definition_to_json,
    record_from_json,
    record_to_json,
    segment_from_json,
    segment_to_json,
)

OBJECTIVES = (Objective(metric="audio.mss", direction="minimize"), Objective(metric="curves.pcc", direction="maximize"))
DEFINITION = StudyDefinition(
    name="s", question="Why?", objectives=OBJECTIVES, study_file={"seeds": [0, 1], "config": {"encoder.width": 8}}
)
ISSUE, OTHER_ISSUE = (DataIssue(source=name, problem="silent", skipped=True) for name in ("a.wav", "b.wav"))


def trial_of(arm: str, seed: int, **settings: object) -> PlannedTrial:
    return PlannedTrial(digest=f"{arm}-{seed}", arm=arm, seed=seed, config={"seed": seed, "encoder": settings})


FIRST = PlanSegment(
    stage="design",
    arms=(
        PlannedArm(name="wide", settings={"encoder.width": 32}, modulations=("tone", "level")),
        PlannedArm(name="narrow", settings={"encoder.width": 8, "encoder.n_mels": 32}, is_white_box=True),
    ),
    trials=(
        trial_of("wide", 0, width=32, n_mels=32),
        trial_of("narrow", 0, width=8, n_mels=32),
        trial_of("wide", 1, width=32, n_mels=32),
    ),
    data_issues=(ISSUE,),
    data_summary={"kind": "audio_folder", "n_found": 3},
    code_version="1",
    created_at="2026-01-01T10:00:00+00:00",
)
SECOND = PlanSegment(
    stage="search",
    arms=(PlannedArm(name="search-000", settings={"encoder.dilations": [1, 2]}),),
    trials=(trial_of("search-000", 2, width=16, dilations=[1, 2]),),
    data_issues=(ISSUE, OTHER_ISSUE),
    code_version="2",
)
PLAN = StudyPlan(definition=DEFINITION, segments=(FIRST, PlanSegment(stage="seeds", code_version="1"), SECOND))


def test_definition_and_segments_survive_json() -> None:
    assert definition_from_json(definition_to_json(DEFINITION)) == DEFINITION
    for segment in PLAN.segments:
        assert segment_from_json(segment_to_json(segment)) == segment


def test_planned_config_survives_json() -> None:
    trial = PlannedTrial(digest="d", arm="a", seed=0, config=to_settings(TrialConfig()))
    segment = PlanSegment(stage="design", trials=(trial,))
    assert segment_from_json(segment_to_json(segment)) == segment


def test_record_survives_json() -> None:
    record = TrialRecord(
        digest="d",
        study="s",
        arm="a",
        seed=3,
        attempt="0001-abc",
        outcome="finished",
        config={"encoder.width": 8, "loss.resolutions": None, "encoder.dilations": [1, 2]},
        steps=4,
        best_step=2,
        metrics={"test": {"audio.mss": 0.1 + 0.2, "interpretability.tv": None}, "validation": {}},
        undefined={"test": {"interpretability.tv": 12}},
        history=({"step": 0.0, "validation_loss": 1 / 3},),
        environment={"threads": 1, "git_commit": None},
        times_s={"train": 1.5},
        copied_from="older",
    )
    assert record_from_json(record_to_json(record)) == record


def test_unknown_outcome_is_refused() -> None:
    record = TrialRecord(digest="d", study="s", arm="a", seed=3, attempt="1", outcome="finished", config={})
    with pytest.raises(ValidationError, match="outcome"):
        record_from_json(record_to_json(record).replace(b'"finished"', b'"nearly"'))


def test_plan_has_the_definition_s_facts() -> None:
    assert (PLAN.name, PLAN.question, PLAN.objectives) == ("s", "Why?", OBJECTIVES)


def test_plan_is_the_union_of_its_segments() -> None:
    assert [arm.name for arm in PLAN.arms] == ["wide", "narrow", "search-000"]
    assert PLAN.trials == FIRST.trials + SECOND.trials
    assert PLAN.seeds == (0, 1, 2)
    assert PLAN.data_issues == (ISSUE, OTHER_ISSUE)
    assert PLAN.data_summary == {"kind": "audio_folder", "n_found": 3}
    assert PLAN.code_versions == ("1", "2")
    assert [trial.seed for trial in PLAN.trials_of("wide")] == [0, 1]
    assert PLAN.trials_of("nothing") == ()


def test_segment_extends_a_plan_and_leaves_the_old_one() -> None:
    plan = StudyPlan(definition=DEFINITION)
    extended = plan.with_segment(FIRST).with_segment(SECOND)
    assert plan.segments == ()
    assert extended.segments == (FIRST, SECOND)
    assert extended.definition == DEFINITION


def test_empty_plan_has_nothing() -> None:
    plan = StudyPlan(definition=DEFINITION)
    assert not any((plan.arms, plan.trials, plan.seeds, plan.data_issues, plan.code_versions))
    assert plan.data_summary == {}
    assert plan.factors() == {}


def test_factors_are_the_settings_that_arms_make_and_differ_in() -> None:
    assert PLAN.factors() == {
        "wide": {"encoder.width": 32, "encoder.n_mels": 32},
        "narrow": {"encoder.width": 8, "encoder.n_mels": 32},
        "search-000": {"encoder.width": 16, "encoder.dilations": [1, 2]},
    }
    # Without the search, n_mels is the same in all arms, and no arm sets the dilations.
    assert StudyPlan(definition=DEFINITION, segments=(FIRST,)).factors() == {
        "wide": {"encoder.width": 32},
        "narrow": {"encoder.width": 8},
    }


def test_arm_without_trials_has_no_factors() -> None:
    alone = replace(FIRST, trials=tuple(trial for trial in FIRST.trials if trial.arm == "wide"))
    assert StudyPlan(definition=DEFINITION, segments=(alone,)).factors() == {"wide": {}, "narrow": {}}
