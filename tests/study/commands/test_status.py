"""`modstudy status`: how far a study is, trial by trial; without a name, how far each study is."""

from pathlib import Path

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat
from tests.support.tiny_study import SEARCH, commit, create_study, tiny_plan


def begun(root: Path) -> tuple[StudyPlan, Store]:
    """A study with a finished trial, a failed one, and one that has a checkpoint."""
    plan = tiny_plan()
    store = create_study(root, plan)
    commit(store, plan.trials[0])
    commit(store, plan.trials[1], outcome="failed", error="OSError: disk full\nmore", metrics={})
    store.begin(plan.trials[2].digest).put("checkpoint-2.pt", b"")
    return plan, store


def test_it_shows_what_is_done_and_how_to_go_on(modstudy: Command, tmp_path: Path) -> None:
    plan, _ = begun(tmp_path / "runs" / "mine")
    result = modstudy("status", "mine")
    text = flat(result)
    assert result.exit_code == OK
    assert "6 planned: 1 finished, 0 diverged, 1 failed, 4 open" in text
    assert "failed: OSError: disk full" in text
    assert "more" not in text
    assert "checkpoint at step 2 of 4" in text
    assert "modstudy resume mine" in text
    assert all(trial.digest in text for trial in plan.trials)


def test_a_study_that_is_done_needs_no_command(modstudy: Command, tmp_path: Path) -> None:
    plan = tiny_plan()
    store = create_study(tmp_path / "runs" / "mine", plan)
    for trial in plan.trials:
        commit(store, trial)
    text = flat(modstudy("status", "mine"))
    assert "6 planned: 6 finished, 0 diverged, 0 failed, 0 open" in text
    assert "modstudy resume" not in text


def test_a_search_between_two_rounds_can_go_on(modstudy: Command, tmp_path: Path) -> None:
    plan = tiny_plan(search=SEARCH)
    store = create_study(tmp_path / "runs" / "mine", plan)
    for trial in plan.trials:
        commit(store, trial)
    text = flat(modstudy("status", "mine"))
    assert "6 planned: 6 finished, 0 diverged, 0 failed, 0 open" in text
    assert "modstudy resume mine" in text


def test_without_a_name_it_lists_the_studies_with_their_questions_and_counts(modstudy: Command, tmp_path: Path) -> None:
    begun(tmp_path / "runs" / "begun")
    create_study(tmp_path / "runs" / "other", tiny_plan(question="Does it stop?", seeds=[0]))
    result = modstudy("status")
    assert result.exit_code == OK
    rows = {cells[0]: cells[1:] for line in result.output.splitlines() if (cells := cells_of(line))}
    assert rows["begun"] == ["Does it run?", "6", "1", "0", "1", "4"]
    assert rows["other"] == ["Does it stop?", "3", "0", "0", "0", "3"]
    assert list(rows) == ["study", "begun", "other"]
    assert rows["study"] == ["question", "trials", "finished", "diverged", "failed", "open"]


def test_without_a_name_and_without_a_study_it_names_the_command_that_makes_one(modstudy: Command) -> None:
    result = modstudy("status", "--root", "elsewhere")
    assert result.exit_code == OK
    assert "There is no study under elsewhere yet: modstudy launch STUDY" in flat(result)


def test_a_study_that_is_not_there_is_named_with_those_that_are(modstudy: Command, tmp_path: Path) -> None:
    assert "there is none yet: modstudy launch STUDY" in flat(modstudy("status", "none"))
    create_study(tmp_path / "runs" / "mine", tiny_plan())
    result = modstudy("status", "none")
    assert result.exit_code == BAD_INPUT
    assert "there is no study 'none' under runs; studies there: mine" in flat(result)


def cells_of(line: str) -> list[str]:
    """The cells of a table's row, none for a line that is no row."""
    cells = [cell.strip() for cell in line.replace("┃", "│").split("│")]
    return cells[1:-1]
