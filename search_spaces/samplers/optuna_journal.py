"""A journal file of Optuna with the proposals of a search, one Optuna study per cell, for `optuna-dashboard`."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from core.storage.records import Objective
from search_spaces.samplers.base import TriedPoint
from search_spaces.samplers.optuna_ask import frozen_trial, silent_optuna
from search_spaces.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalTrial:
    """A proposal as a trial of Optuna."""

    tried: TriedPoint
    attributes: Mapping[str, Any]
    """Plain values to show beside the trial."""
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStudy:
    """The proposals of one cell as a study of Optuna."""

    name: str
    space: Space
    trials: Sequence[JournalTrial]
    attributes: Mapping[str, Any]
    """Plain values to show beside the study."""


def write_journal(path: Path, studies: Sequence[JournalStudy], objectives: Sequence[Objective]) -> None:
    """Write a journal file with some studies; an existing file is replaced as a whole.

    Values are those of the metrics, in their own directions. Proposals that were infeasible, have failed, or repeat an
    earlier one are failed trials.

    Args:
        path: The file.
        studies: Studies with different names.
        objectives: Objectives of all studies.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".journal-") as folder, silent_optuna():
        unfinished = Path(folder) / path.name
        storage = JournalStorage(JournalFileBackend(str(unfinished)))
        for each in studies:
            study = optuna.create_study(
                storage=storage, study_name=each.name, directions=[objective.direction for objective in objectives]
            )
            study.set_metric_names([objective.metric for objective in objectives])
            for name, value in each.attributes.items():
                study.set_user_attr(name, value)
            study.add_trials([_trial(each.space, trial, objectives) for trial in each.trials])
        unfinished.replace(path)


def _trial(space: Space, proposal: JournalTrial, objectives: Sequence[Objective]) -> FrozenTrial:
    """A proposal as a trial, with the times of its training if they are known."""
    trial = frozen_trial(space, proposal.tried)
    if trial.values is not None:
        trial.values = [
            value if objective.direction == "minimize" else -value
            for value, objective in zip(trial.values, objectives, strict=True)
        ]
    trial.user_attrs = dict(proposal.attributes)
    if proposal.started is not None:
        trial.datetime_start = proposal.started
    if proposal.finished is not None and trial.state.is_finished():
        trial.datetime_complete = proposal.finished
    return trial
