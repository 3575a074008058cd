"""Plans and records: conversion to JSON, and plans as the union of their segments."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DamageError, StoreError
from core.settings.loading import to_settings
from core.settings.trial import TrialConfig
from core.storage.records import (
    SCHEMA_VERSION,
    Ask,
    DataIssue,
    Objective,
    PlannedArm,
    PlannedTrial,
    PlanSegment,
    Stage,
    StoredFile,
    StudyDefinition,
    StudyPlan,
    TrialRecord,
)
from core.storage.sealed import seal_json, unseal_json
from core.storage.serialisation import (
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


def trial_of(arm: str, seed: int, stage: Stage = "design") -> PlannedTrial:
    return PlannedTrial(digest=f"{arm}-{seed}", arm=arm, seed=seed, stage=stage)


def config(**encoder: object) -> dict[str, Any]:
    return {"encoder": encoder}


FIRST = PlanSegment(
    stage="design",
    arms=(
        PlannedArm(
            name="wide",
            settings={"encoder.width": 32},
            config=config(width=32, n_mels=32),
            sha256="1",
            modulations=("tone", "level"),
        ),
        PlannedArm(
            name="narrow",
            settings={"encoder.width": 8, "encoder.n_mels": 32},
            config=config(width=8, n_mels=32),
            sha256="2",
            is_white_box=True,
        ),
    ),
    trials=(
        trial_of("wide", 0),
        trial_of("narrow", 0),
        trial_of("wide", 1),
    ),
    data_issues=(ISSUE,),
    data_summary={"kind": "audio_folder", "n_found": 3},
    code_version="1",
    created_at="2026-01-01T10:00:00+00:00",
)
SECOND = PlanSegment(
    stage="search",
    arms=(
        PlannedArm(
            name="search-000",
            settings={"encoder.dilations": [1, 2]},
            config=config(width=16, dilations=[1, 2]),
            sha256="3",
        ),
    ),
    trials=(trial_of("search-000", 2, stage="search"),),
    asks=(
        Ask(number=0, cell="", sampler="random", settings={"encoder.dilations": [1, 2]}, arm="search-000"),
        Ask(number=1, cell="", sampler="random", settings={"encoder.dilations": [0]}, problem="dilations from 1"),
    ),
    data_issues=(ISSUE, OTHER_ISSUE),
    code_version="2",
)
PLAN = StudyPlan(definition=DEFINITION, segments=(FIRST, PlanSegment(stage="seeds", code_version="1"), SECOND))


def test_definition_and_segments_survive_json() -> None:
    assert definition_from_json(definition_to_json(DEFINITION)) == DEFINITION
    for segment in PLAN.segments:
        assert segment_from_json(segment_to_json(segment)) == segment


def test_planned_config_survives_json() -> None:
    arm = PlannedArm(name="a", settings={}, config=to_settings(TrialConfig()), sha256="1")
    segment = PlanSegment(stage="design", arms=(arm,))
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
        files={"curves.arrow": StoredFile(size=12, sha256="ab" * 32)},
    )
    assert record_from_json(record_to_json(record)) == record


RECORD = TrialRecord(digest="d", study="s", arm="a", seed=3, attempt="1", outcome="finished", config={})


def test_unknown_outcome_is_refused() -> None:
    changed = unseal_json(record_to_json(RECORD)).replace(b'"finished"', b'"nearly"')
    with pytest.raises(DamageError, match=r"the record of a trial is damaged: outcome: .*resume the study"):
        record_from_json(seal_json(changed))


def test_an_edited_file_is_named_as_damaged() -> None:
    edited = record_to_json(RECORD).replace(b'"seed": 3', b'"seed": 4')
    with pytest.raises(DamageError, match="runs/mine/record.json is damaged: its content does not have the sha256"):
        record_from_json(edited, "runs/mine/record.json")


@pytest.mark.parametrize(
    ("version", "remedy"), [(SCHEMA_VERSION - 1, "use the modstudy that stored it"), (99, "upgrade modstudy")]
)
def test_another_schema_version_is_named_with_what_to_do(version: int, remedy: str) -> None:
    data = definition_to_json(replace(DEFINITION, schema_version=version))
    with pytest.raises(StoreError) as error:
        definition_from_json(data, "runs/mine/study.json")
    assert str(error.value) == (
        f"runs/mine/study.json was stored with schema version {version}, and this modstudy reads version "
        f"{SCHEMA_VERSION}; {remedy}, or launch the study anew under another --name or --root"
    )
    with pytest.raises(StoreError, match=f"schema version {version}"):
        segment_from_json(segment_to_json(replace(FIRST, schema_version=version)))


@pytest.mark.parametrize("version", [2, 3])
def test_a_plan_of_a_schema_without_seals_is_refused_by_its_version(version: int) -> None:
    trial = {"digest": "d", "arm": "a", "seed": 0, "config": {}}
    data = json.dumps(
        {"stage": "search", "arms": [{"name": "a", "settings": {}}], "trials": [trial], "schema_version": version}
    )
    with pytest.raises(StoreError, match=f"stored with schema version {version}, and this modstudy reads version 4"):
        segment_from_json(data.encode())


def test_a_setting_of_the_same_name_is_not_taken_for_the_version() -> None:
    segment = replace(FIRST, study_file={"schema_version": 2})
    assert segment_from_json(segment_to_json(segment)) == segment


@pytest.mark.parametrize("data", [b"", b"{}", b"\x00" * 50, record_to_json(RECORD)[:-3]])
def test_what_is_no_sealed_json_is_damaged(data: bytes) -> None:
    with pytest.raises(DamageError, match="the record of a trial is damaged: it"):
        record_from_json(data)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "digest: Field required"),
        ({"seed": "three"}, "seed: "),
        ({"seed": None}, "seed: "),
        ({"metrics": {"test": {"audio.mss": "low"}}}, "metrics.test.audio.mss: "),
        ({"files": {"curves.arrow": 5}}, "files.curves.arrow: "),
        ({"history": [{"step": []}]}, "history.0.step: "),
    ],
)
def test_sealed_fields_of_other_types_are_named(content: dict[str, Any], problem: str) -> None:
    fields = {} if not content else json.loads(unseal_json(record_to_json(RECORD))) | content
    data = seal_json(json.dumps({**fields, "schema_version": SCHEMA_VERSION}).encode())
    with pytest.raises(DamageError, match=f"is damaged: {problem}"):
        record_from_json(data)


def test_deep_nesting_is_damage() -> None:
    deep = b"[" * 5000 + b"]" * 5000
    data = seal_json(b'{"config": {"a": ' + deep + b'}, "schema_version": %d}' % SCHEMA_VERSION)
    with pytest.raises(DamageError, match="is damaged: "):
        record_from_json(data)


@given(st.binary(max_size=400))
def test_any_other_bytes_are_damage_or_another_version(data: bytes) -> None:
    for read in (definition_from_json, segment_from_json, record_from_json):
        with pytest.raises(StoreError):
            read(data)
        with pytest.raises(StoreError):
            read(seal_json(data + b"}"))


def test_plan_has_the_definition_s_facts() -> None:
    assert (PLAN.name, PLAN.question, PLAN.objectives) == ("s", "Why?", OBJECTIVES)


def test_plan_is_the_union_of_its_segments() -> None:
    assert [arm.name for arm in PLAN.arms] == ["wide", "narrow", "search-000"]
    assert PLAN.trials == FIRST.trials + SECOND.trials
    assert PLAN.seeds == (0, 1)
    assert PLAN.asks == SECOND.asks
    assert PLAN.study_file == DEFINITION.study_file
    assert PLAN.config_of(PLAN.trials[1]) == {"encoder": {"width": 8, "n_mels": 32}, "seed": 0}
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


def test_latest_study_file_counts() -> None:
    changed = PlanSegment(stage="seeds", study_file={"seeds": [0, 1, 2]})
    assert PLAN.with_segment(changed).study_file == {"seeds": [0, 1, 2]}
    assert PLAN.with_segment(changed).with_segment(PlanSegment(stage="seeds")).study_file == {"seeds": [0, 1, 2]}


def test_a_search_is_not_evaluated_on_the_test_split() -> None:
    assert trial_of("wide", 0, stage="search").splits == ("validation",)
    assert trial_of("wide", 0, stage="confirm").splits == ("validation", "test")
