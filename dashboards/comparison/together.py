"""Loads the results of several studies so that their numbers can be compared."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from core.storage.clip_values import ClipValues, read_clip_values
from core.storage.store import Store
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.common_clips import CommonClips, common_clips
from dashboards.analysis.study_results import StudyResults, make_results, on_common_clips, with_front_status


def load_together(stores: Sequence[Store]) -> tuple[StudyResults, ...]:
    """Results of studies, in which metrics that are undefined for some clips are means over the same clips everywhere.

    Raises:
        StoreError: a store holds no study.
    """
    ledgers = [{record.digest: record for record in store.ledger()} for store in stores]
    studies = [make_results(store.plan(), records) for store, records in zip(stores, ledgers, strict=True)]
    tagged = [[_tagged(arm, index) for arm in study.arms] for index, study in enumerate(studies)]

    def read(digest: str, metrics: Collection[str]) -> ClipValues | None:
        index, _, own = digest.partition("/")
        store, records = stores[int(index)], ledgers[int(index)]
        with store.passing_over_damage():
            return read_clip_values(store.attempt_of(records[own]), metrics)
        return None

    common = common_clips([arm for arms in tagged for arm in arms], read)
    return tuple(
        _with_common_clips(study, arms, common) if common else study
        for study, arms in zip(studies, tagged, strict=True)
    )


# ---------------------------------------------------------------------------------------------------------------------


def _tagged(arm: ArmResult, index: int) -> ArmResult:
    """The arm with names of itself and of its trials that differ from those of other studies."""
    trials = tuple(replace(trial, digest=f"{index}/{trial.digest}") for trial in arm.trials)
    return replace(arm, name=f"{index}/{arm.name}", trials=trials)


def _with_common_clips(
    study: StudyResults, tagged: Sequence[ArmResult], common: dict[str, CommonClips]
) -> StudyResults:
    """The results of a study with means over the common clips of all studies."""
    objectives = [objective.metric for objective in study.objectives]
    arms = [
        replace(on_common_clips(other, common, objectives), name=arm.name, trials=arm.trials)
        for arm, other in zip(study.arms, tagged, strict=True)
    ]
    return replace(study, arms=with_front_status(arms, study.objectives), common=common)
