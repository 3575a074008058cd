"""The journal of a search: Optuna reads one study per cell, with all proposals, their values and their outcomes."""

from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from core.errors import StudyError
from core.storage.records import StudyPlan, TrialRecord
from core.storage.store import Store
from search_spaces.study_parsing import parse_study
from study.commands.options import BAD_INPUT, OK
from study.planning.history import history_of
from study.planning.plan import Planner
from study.tracking.optuna_export import export_search
from tests.support.command_line import Command, flat
from tests.support.tiny_study import GENETIC, commit, create_study, tiny_plan

OBJECTIVES = [
    {"metric": "audio.mss", "direction": "minimize"},
    {"metric": "interpretability.range", "direction": "maximize"},
]


def searched(root: Path) -> tuple[Store, StudyPlan]:
    """A study after its first round, of which one trial diverged, and with its second round planned."""
    store = create_study(root, tiny_plan(arms=[], search=GENETIC, objectives=OBJECTIVES))
    study = parse_study(store.plan().study_file)
    (search,) = study.searches()
    records: dict[str, TrialRecord] = {}
    for round_number in range(2):
        plan = store.plan()
        proposal = search.propose(history_of(plan, records, study.seeds))
        assert proposal is not None
        store.append_segment(Planner(study).segment(proposal, plan))
        if round_number == 0:
            for trial in store.plan().trials:
                is_bad = trial.arm == "frame 000" and trial.seed == 1001
                changes: dict[str, Any] = {"outcome": "diverged", "metrics": {}} if is_bad else {}
                records[trial.digest] = commit(store, trial, **changes)
    return store, store.plan()


def load(path: Path, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(path))))


def test_optuna_reads_every_proposal_with_its_values_and_failures(tmp_path: Path) -> None:
    store, plan = searched(tmp_path / "study")
    path = tmp_path / "search.journal"
    names = export_search(store, path)
    assert names == ("tiny: frame", "tiny: spline")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["search.journal", "study"]
    for name, cell in zip(names, ("frame", "spline"), strict=True):
        study = load(path, name)
        asks = [ask for ask in plan.asks if ask.cell == cell]
        assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
        assert study.user_attrs["parameterization.kind"] == cell
        assert len(study.trials) == len(asks)
        for ask, trial in zip(asks, study.trials, strict=True):
            assert trial.number == ask.number
            assert trial.params == {path: value for path, value in ask.settings.items() if not path.endswith("kind")}
            assert trial.user_attrs["generation"] == ask.attributes["generation"]
            assert trial.user_attrs.get("arm") == ask.arm
            if ask.arm is None:
                assert (trial.state, trial.user_attrs["problem"]) == (TrialState.FAIL, ask.problem)
            else:
                assert trial.user_attrs["digests"] == [each.digest for each in plan.trials_of(ask.arm)]


def test_values_are_means_over_seeds_in_the_direction_of_the_metric(tmp_path: Path) -> None:
    store, plan = searched(tmp_path / "study")
    export_search(store, tmp_path / "search.journal")
    study = load(tmp_path / "search.journal", "tiny: frame")
    failed, complete, running = study.trials
    assert (failed.state, failed.user_attrs["outcomes"]) == (TrialState.FAIL, ["finished", "diverged"])
    assert running.state == TrialState.RUNNING
    records = [store.record(trial.digest) for trial in plan.trials_of("frame 001")]
    values = [record.metrics["validation"]["audio.mss"] for record in records if record is not None]
    assert complete.values == pytest.approx([sum(value or 0.0 for value in values) / 2, 0.5])
    started = datetime.fromisoformat("2026-01-01T10:00:00+00:00")
    assert complete.datetime_start is not None
    assert complete.datetime_start.astimezone() == started


def test_the_command_replaces_its_file(modstudy: Command, tmp_path: Path) -> None:
    searched(tmp_path / "runs" / "mine")
    for _ in range(2):
        result = modstudy("export", "optuna", "mine")
        assert result.exit_code == OK, result.output
        assert "tiny: frame, tiny: spline" in flat(result)
    assert len(load(tmp_path / "mine.journal", "tiny: frame").trials) == 3


def test_studies_without_a_search_and_files_that_cannot_be_written_are_refused(
    modstudy: Command, tmp_path: Path
) -> None:
    create_study(tmp_path / "runs" / "plain", tiny_plan())
    result = modstudy("export", "optuna", "plain")
    assert result.exit_code == BAD_INPUT
    assert "study tiny has no search to export" in flat(result)
    store, _ = searched(tmp_path / "runs" / "mine")
    with pytest.raises(StudyError, match=r"cannot write .*nowhere.*No such file.*--out FILE"):
        export_search(store, tmp_path / "nowhere" / "x.journal")
