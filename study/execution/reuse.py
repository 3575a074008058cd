"""Reuse of trials that another study of the same root has finished: their results are copied and relabelled."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from core.storage.code_version import code_version
from core.storage.curves import CURVES_NAME, copy_curves
from core.storage.records import PlannedTrial, TrialRecord
from core.storage.store import RECORD_NAME, Attempt, Store


def copy_finished(store: Store, study: str, trials: Sequence[PlannedTrial], others: Sequence[Store]) -> Counter[str]:
    """Copy results of other studies with equal digest and code version, and return their number by study.

    Args:
        study: Name of the study that the trials belong to.
        trials: Trials without a record.
        others: Stores of the other studies.
    """
    copied: Counter[str] = Counter()
    digests = [frozenset(other.names("trials")) for other in others]
    for trial in trials:
        for other, known in zip(others, digests, strict=True):
            source = other.committed(trial.digest) if trial.digest in known else None
            record = source.record() if source else None
            if source and record and _is_usable(record):
                _copy(source, record, store.begin(trial.digest), trial, study)
                copied[record.copied_from or record.study] += 1
                break
    return copied


def _is_usable(record: TrialRecord) -> bool:
    return record.outcome == "finished" and record.environment.get("code_version") == code_version()


def _copy(source: Attempt, record: TrialRecord, target: Attempt, trial: PlannedTrial, study: str) -> None:
    for name in source.all_names():
        if name == CURVES_NAME:
            copy_curves(source, target, study=study, arm=trial.arm)
        elif name != RECORD_NAME:
            target.put(name, source.get(name))
    origin = record.copied_from or record.study
    target.commit(replace(record, study=study, arm=trial.arm, attempt=target.name, copied_from=origin))
