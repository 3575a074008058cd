"""Reuse of results: trials that another study has finished are copied instead of trained again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from core.errors import DamageError
from core.storage.code_version import code_version
from core.storage.curves import CURVES_NAME, copy_curves
from core.storage.records import PlannedTrial, TrialRecord
from core.storage.store import TRIALS_PREFIX, Attempt, Store


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
    digests_of_others = [_trials_of(other) for other in others]
    for trial in trials:
        for other, other_digests in zip(others, digests_of_others, strict=True):
            record = other.record(trial.digest) if trial.digest in other_digests else None
            if record is None or not _is_reusable(record, trial):
                continue
            if _is_copied(other, record, store.begin(trial.digest), trial, study):
                copied[record.copied_from or record.study] += 1
                break
    return copied


def _trials_of(store: Store) -> frozenset[str]:
    """Digests of the trials that a store has; none if its folder cannot be read."""
    try:
        return frozenset(store.names(TRIALS_PREFIX))
    except DamageError:
        return frozenset()


def _is_reusable(record: TrialRecord, trial: PlannedTrial) -> bool:
    """Whether the record is of the current code and has finished with metrics on exactly the splits of the trial."""
    if record.outcome != "finished" or set(record.metrics) != set(trial.splits):
        return False
    return record.environment.get("code_version") == code_version()


def _is_copied(other: Store, record: TrialRecord, target: Attempt, trial: PlannedTrial, study: str) -> bool:
    """Copy the files of an attempt, and commit the copy with the study and arm of the new trial.

    Returns:
        Whether the attempt was copied, which it is not if any of its files is damaged.
    """
    source = other.attempt_of(record)
    with other.passing_over_damage():
        for name in record.files:
            if name == CURVES_NAME:
                copy_curves(source, target, study=study, arm=trial.arm)
            else:
                target.put(name, source.get(name))
        origin = record.copied_from or record.study
        target.commit(
            replace(record, study=study, arm=trial.arm, stage=trial.stage, attempt=target.name, copied_from=origin)
        )
        return True
    return False
