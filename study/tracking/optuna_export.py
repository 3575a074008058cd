"""Export of a study's search as a journal file of Optuna, from the plan and the records."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import StudyError
from core.storage.records import Ask, StudyPlan, TrialRecord
from core.storage.store import Store
from search_spaces.cell_search import CellSearch
from search_spaces.samplers.base import TriedPoint
from search_spaces.samplers.optuna_journal import JournalStudy, JournalTrial, write_journal
from search_spaces.strategy import History
from search_spaces.study_parsing import parse_study
from study.planning.history import history_of


def export_search(store: Store, path: Path) -> tuple[str, ...]:
    """Write the search of a study to a journal file, and return the names of its Optuna studies, one per cell.

    Raises:
        StudyError: the study has no search, or the file cannot be written.
    """
    plan = store.plan()
    study = parse_study(plan.study_file) if plan.study_file else None
    if study is None or study.search is None:
        raise StudyError(f"study {plan.name} has no search to export; a search is a [search] table in its study file")
    records = {record.digest: record for record in store.ledger()}
    history = history_of(plan, records, plan.seeds)
    studies = [_cell_study(cell, plan, history, records) for search in study.searches() for cell in search.cells]
    try:
        write_journal(path, studies, plan.objectives)
    except OSError as error:
        raise StudyError(f"cannot write {path}: {error.strerror or error}; choose another file: --out FILE") from error
    return tuple(each.name for each in studies)


def _cell_study(
    cell: CellSearch, plan: StudyPlan, history: History, records: Mapping[str, TrialRecord]
) -> JournalStudy:
    """The proposals of a cell; those with a trial that has not ended are running."""
    asks, tried = cell.asks_in(history), replace(cell, has_pending=True).tried(history)
    return JournalStudy(
        name=f"{plan.name}: {cell.cell.name}" if cell.cell.name else plan.name,
        space=cell.cell.space,
        trials=[_trial(ask, point, plan, records) for ask, point in zip(asks, tried, strict=True)],
        attributes={"question": plan.question, "sampler": cell.sampler_kind, **cell.cell.settings},
    )


def _trial(ask: Ask, tried: TriedPoint, plan: StudyPlan, records: Mapping[str, TrialRecord]) -> JournalTrial:
    """A proposal with its arm, the digests of its trials, their outcomes, and when they ran."""
    attributes: dict[str, Any] = {"sampler": ask.sampler, **ask.attributes}
    if ask.arm is None:
        return JournalTrial(tried=tried, attributes={**attributes, "problem": ask.problem})
    trials = [trial for trial in plan.trials_of(ask.arm) if trial.stage == "search"]
    of_arm = [records[trial.digest] for trial in trials if trial.digest in records]
    attributes |= {
        "arm": ask.arm,
        "digests": [trial.digest for trial in trials],
        "outcomes": [record.outcome for record in of_arm],
        "confirmed": any(trial.stage == "confirm" for trial in plan.trials_of(ask.arm)),
    }
    if tried.state == "repeated":
        return JournalTrial(tried=tried, attributes={**attributes, "problem": f"repeats {ask.arm}"})
    started = [record.started_at for record in of_arm if record.started_at]
    finished = [record.finished_at for record in of_arm if record.finished_at]
    return JournalTrial(
        tried=tried,
        attributes=attributes,
        started=_local(min(started)) if started else None,
        finished=_local(max(finished)) if finished else None,
    )


def _local(text: str) -> datetime:
    """A time in ISO 8601 as local time without a zone, as Optuna stores it."""
    return datetime.fromisoformat(text).astimezone().replace(tzinfo=None)
