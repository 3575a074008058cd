"""The finished trials of a study, whose weights can play sounds again, and the one to use on other sounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import StudyError
from core.settings.loading import from_settings
from core.settings.suggestions import did_you_mean
from core.settings.value_rules import listed, shown_value
from core.storage.records import Objective, TrialRecord
from core.storage.store import Store
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults, load_results
from dashboards.analysis.verdict import make_verdict
from study.safe_console import SafeConsole

if TYPE_CHECKING:
    from core.discovery.trained_arm import TrainedArm


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenTrial:
    """A finished trial of a trained arm, and why it was chosen."""

    record: TrialRecord
    reason: str
    """Why this arm and this seed, as a clause."""


def finished_records(store: Store, name: str, wanted_arms: Sequence[str]) -> list[TrialRecord]:
    """The records of the finished trials of some arms, those of all arms if none is named.

    Raises:
        StudyError: there is no such arm, or no trial has finished.
    """
    arms = {each.name: each for each in load_results(store).arms}
    for wanted in wanted_arms:
        _check_known(wanted, arms)
    records = [
        record for each in arms.values() if not wanted_arms or each.name in wanted_arms for record in _records(each)
    ]
    if not records:
        raise StudyError(f"no trial of {name} has finished yet; sounds are made from the weights of finished trials")
    return records


def trial_to_apply(store: Store, name: str, arm: str | None = None, seed: int | None = None) -> ChosenTrial:
    """The trial whose encoder is to be used on other sounds.

    Args:
        store: Store of the study.
        name: Its name.
        arm: Name of the arm; None for the one that the verdict picks, or else the most accurate one.
        seed: Seed of the trial; None for the one with the best first objective on the validation split.

    Raises:
        StudyError: there is no such arm or seed, no trained arm has finished, or the arm has no trained encoder.
    """
    results = load_results(store)
    chosen, why_arm = _named_arm(results, arm) if arm is not None else _best_arm(results, name)
    records = _records(chosen)
    if not records:
        raise StudyError(f"no trial of {chosen.name} has finished yet; its weights are stored when one does")
    if seed is not None:
        for record in records:
            if record.seed == seed:
                return ChosenTrial(record=record, reason=f"{why_arm}, seed {seed} as asked for")
        known = listed([str(record.seed) for record in records])
        raise StudyError(f"{chosen.name} has no finished trial of seed {seed}; finished seeds: {known}")
    objective = results.objectives[0]
    best = min(records, key=lambda record: _validation_loss(record, objective))
    why_seed = f", the best of {len(records)} seeds by validation {objective.metric}" if len(records) > 1 else ""
    return ChosenTrial(record=best, reason=f"{why_arm}{why_seed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmReference:
    """A trained arm of a study, to be loaded in any process."""

    root: str
    study: str
    arm: str | None = None
    """None for the one that `trial_to_apply` chooses."""
    seed: int | None = None
    """The same for its seed."""

    @classmethod
    def parse(cls, text: str, root: str, seed: int | None = None) -> "ArmReference":
        """The reference of `STUDY[:ARM]`."""
        study, has_arm, arm = text.partition(":")
        return cls(root=root, study=study, arm=arm if has_arm else None, seed=seed)

    def load(self) -> "tuple[TrainedArm, ChosenTrial]":
        """The arm, and the trial that was chosen.

        Raises:
            StudyError: there is no such study, arm or finished trial.
            ConfigError: the curves of the arm do not depend on the sound.
            DamageError, StoreError, DataError: as for `trained_model`.
        """
        from core.discovery.trained_arm import TrainedArm
        from study.execution.session import Session

        session = Session(root=self.root, name=self.study, console=SafeConsole(quiet=True))
        session.plan()
        chosen = trial_to_apply(session.store, self.study, self.arm, self.seed)
        arm = TrainedArm.load(session.store.attempt_of(chosen.record), from_settings(chosen.record.config))
        return arm, chosen


# ---------------------------------------------------------------------------------------------------------------------


def _records(arm: ArmResult) -> list[TrialRecord]:
    """Records of the finished trials of an arm that were evaluated on the test split."""
    records = [trial.record for trial in arm.finished if trial.record is not None]
    return [record for record in records if "test" in record.metrics]


def _named_arm(results: StudyResults, name: str) -> tuple[ArmResult, str]:
    """The arm of a name, and why it is chosen."""
    arms = {each.name: each for each in results.arms}
    _check_known(name, arms)
    if not _has_encoder(arms[name]):
        others = [each.name for each in results.arms if _has_encoder(each)]
        raise StudyError(
            f"only an arm with a trained encoder can be applied; the curves of {name} do not depend on the sound; "
            f"arms with one: {listed(others) or 'none'}"
        )
    return arms[name], "the arm that was named"


def _best_arm(results: StudyResults, name: str) -> tuple[ArmResult, str]:
    """The arm that the verdict picks if it is decided, else the most accurate one; and why it is chosen."""
    verdict = make_verdict(results)
    if verdict.state == "decided" and verdict.pick is not None and _has_encoder(results.arm(verdict.pick)):
        return results.arm(verdict.pick), "the pick of the verdict"
    objective = results.objectives[0]
    candidates = [each for each in results.arms if _has_encoder(each) and _records(each) and not each.is_baseline]
    if not candidates:
        raise StudyError(
            f"no trained arm of {name} has finished yet; the weights of its encoder are stored when one does"
        )
    means = {each.name: _mean(each, objective) for each in candidates}
    return min(candidates, key=lambda each: means[each.name]), f"the arm with the best {objective.metric} so far"


def _mean(arm: ArmResult, objective: Objective) -> float:
    """Mean of an objective of an arm, such that less is better; infinity if it is undefined."""
    summary = arm.metrics.get(objective.metric)
    return math.inf if summary is None else _cost(summary.mean, objective)


def _validation_loss(record: TrialRecord, objective: Objective) -> float:
    """The objective on the validation split, such that less is better; infinity if it is undefined."""
    value = record.metrics.get("validation", {}).get(objective.metric)
    return math.inf if value is None else _cost(value, objective)


def _cost(value: float, objective: Objective) -> float:
    return value if objective.direction == "minimize" else -value


def _has_encoder(arm: ArmResult) -> bool:
    """Whether an arm has an encoder that was trained and whose curves are its results."""
    return arm.is_granular or not arm.is_baseline


def _check_known(name: str, arms: dict[str, ArmResult]) -> None:
    """Raise StudyError if there is no arm of a name."""
    if name not in arms:
        hint = did_you_mean(name, arms, otherwise=f"arms: {', '.join(arms)}")
        raise StudyError(f"there is no arm {shown_value(name)}; {hint}")
