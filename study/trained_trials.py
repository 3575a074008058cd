"""The finished trials of a study, whose weights can play sounds again."""

from collections.abc import Sequence

from core.errors import StudyError
from core.settings.suggestions import did_you_mean
from core.settings.value_rules import shown_value
from core.storage.records import TrialRecord
from core.storage.store import Store
from dashboards.analysis.study_results import load_results


def finished_records(store: Store, name: str, wanted_arms: Sequence[str]) -> list[TrialRecord]:
    """The records of the finished trials of some arms, those of all arms if none is named.

    Raises:
        StudyError: there is no such arm, or no trial has finished.
    """
    arms = {each.name: each for each in load_results(store).arms}
    for wanted in wanted_arms:
        if wanted not in arms:
            hint = did_you_mean(wanted, arms, otherwise=f"arms: {', '.join(arms)}")
            raise StudyError(f"there is no arm {shown_value(wanted)}; {hint}")
    trials = [trial for each in arms.values() if not wanted_arms or each.name in wanted_arms for trial in each.finished]
    records = [trial.record for trial in trials if trial.record is not None and "test" in trial.record.metrics]
    if not records:
        raise StudyError(f"no trial of {name} has finished yet; sounds are made from the weights of finished trials")
    return records
