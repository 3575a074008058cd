"""Reuse of results: trials that another study has finished are copied instead of trained again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from core.errors import StoreError
from core.storage.code_version import code_version
from core.storage.curves import CURVES_NAME, copy_curves
from core.storage.records import PlannedTrial, TrialRecord
from core.storage.store import RECORD_NAME, Attempt, Store


def copy_finished(store: Store, study: str, trials: Sequence[PlannedTrial], others: Sequence[Store]) -> Counter[str]:
    """Copy finished trials with the same digest and code version from other studies.

    Args:
        store: Store of the study that the trials belong to.
        study: Name of the study that the trials belong to.
        trials: Trials without a record.
        others: Stores of the other studies.

    Returns:
        The number of copied trials by the study that trained them.
    """
    copied: Counter[str] = Counter()
    digests_of_others = [frozenset(other.names("trials")) for other in others]
    for trial in trials:
        for other, other_digests in zip(others, digests_of_others, strict=True):
            source = other.committed(trial.digest) if trial.digest in other_digests else None
            record = _readable_record(source) if source else None
            if source and record and _is_reusable(record, trial):
                _copy_attempt(source, record, store.begin(trial.digest), trial, study)
                copied[record.copied_from or record.study] += 1
                break
    return copied


def _readable_record(attempt: Attempt) -> TrialRecord | None:
    """The record of a committed attempt; None if it is damaged or of another schema version, so cannot be reused."""
    try:
        return attempt.record()
    except StoreError:
        return None


def _is_reusable(record: TrialRecord, trial: PlannedTrial) -> bool:
    """Whether the record is of the current code and has finished with metrics on exactly the splits of the trial."""
    if record.outcome != "finished" or set(record.metrics) != set(trial.splits):
        return False
    return record.environment.get("code_version") == code_version()


def _copy_attempt(source: Attempt, record: TrialRecord, target: Attempt, trial: PlannedTrial, study: str) -> None:
    """Copy the files of an attempt, and commit the copy with the study and arm of the new trial."""
    for name in source.all_names():
        if name == CURVES_NAME:
            copy_curves(source, target, study=study, arm=trial.arm)
        elif name != RECORD_NAME:
            target.put(name, source.get(name))
    origin = record.copied_from or record.study
    target.commit(
        replace(record, study=study, arm=trial.arm, stage=trial.stage, attempt=target.name, copied_from=origin)
    )
