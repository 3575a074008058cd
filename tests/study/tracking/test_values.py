"""What a trial becomes in MLflow."""

from types import SimpleNamespace

import pytest

from core.storage.records import Signature, StudyPlan
from study.tracking.reasons import reason_of, without_passwords
from study.tracking.values import front_tags, run_status, trial_tags
from tests.support.tiny_study import record_of


def test_outcome_and_stage_of_a_trial_are_tags(plan: StudyPlan) -> None:
    trial = plan.trials[0]
    record = record_of(plan, trial, outcome="diverged", error="loss 1e9 at step 3", metrics={})
    tags = trial_tags(trial, record)
    assert (tags["outcome"], tags["stage"], tags["error"]) == ("diverged", "design", "loss 1e9 at step 3")
    later = SimpleNamespace(digest=trial.digest, stage="search")
    assert trial_tags(later, record)["stage"] == "search"  # type: ignore[arg-type]
    assert run_status(record) == "FAILED"
    assert run_status(record_of(plan, trial)) == "FINISHED"


def test_failure_signatures_are_a_tag(plan: StudyPlan) -> None:
    trial = plan.trials[0]
    signatures = (
        Signature(kind="no effect", part="add", value=0.011),
        Signature(kind="aliasing", part="sound", value=-25.0),
    )
    tags = trial_tags(trial, record_of(plan, trial, signatures=signatures))
    assert tags["signatures"] == "no effect: add 0.0110; aliasing: sound -25.0 dB"
    assert trial_tags(trial, record_of(plan, trial))["signatures"] == ""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("first line\nsecond line"), "first line"),
        (ConnectionError(), "ConnectionError"),
        (OSError("no answer from https://me:pa:ss@host:5000/api"), "no answer from https://me:***@host:5000/api"),
    ],
)
def test_reasons_are_one_line_without_passwords(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize("uri", ["http://host:5000", "sqlite:////tmp/a@b/mlflow.db", "postgresql://me@host:1/db"])
def test_uris_without_passwords_are_left_as_they_are(uri: str) -> None:
    assert without_passwords(uri) == uri


def test_an_arm_that_a_race_leaves_undecided_is_not_said_to_be_on_the_front() -> None:
    assert front_tags("undecided") == {"on_front": "false", "front_status": "undecided"}
    assert front_tags("front") == {"on_front": "true", "front_status": "front"}
