"""`modstudy list`: the studies of a root, for people and for programs."""

import json
from pathlib import Path

import pytest

from study.commands.options import OK
from tests.support.command_line import Command, flat
from tests.support.tiny_study import commit, create_study, tiny_plan


@pytest.fixture(autouse=True)
def runs(tmp_path: Path) -> Path:
    """A finished study with a report, one that has begun, and one that cannot be read."""
    plan = tiny_plan()
    finished, begun = (create_study(tmp_path / "runs" / name, plan) for name in ("finished", "begun"))
    for trial in plan.trials:
        commit(finished, trial)
    finished.put("report/front.png", b"png")
    finished.put("report/index.html", b"html")
    commit(begun, plan.trials[0])
    commit(begun, plan.trials[1], outcome="out_of_memory", metrics={})
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "study.json").write_text("{")
    return tmp_path / "runs"


def rows_of(text: str) -> dict[str, list[str]]:
    """Cells by study, of the lines that begin a row."""
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in lines if cells and cells[0]}


def test_each_study_has_its_state_and_its_trials(modstudy: Command) -> None:
    result = modstudy("list")
    assert result.exit_code == OK
    rows = rows_of(result.output)
    assert rows["finished"] == ["finished", "Does it run?", "3", "6", "6", "0", ""]
    assert rows["begun"] == ["incomplete", "Does it run?", "3", "6", "1", "4", "1 out of memory"]
    assert rows["damaged"][0] == "broken"
    assert "Front of finished: runs/finished/report/front.png" in flat(result)
    assert "Front of begun" not in flat(result)


def test_status_without_a_name_is_the_same(modstudy: Command) -> None:
    assert modstudy("status").output == modstudy("list").output


def test_programs_get_json(modstudy: Command) -> None:
    studies = {study["name"]: study for study in json.loads(modstudy("list", "--json").output)}
    begun, damaged, finished = (studies[name] for name in ("begun", "damaged", "finished"))
    assert damaged["state"] == "broken"
    assert damaged["error"]
    assert (begun["front"], begun["report"], begun["outcomes"]) == (None, None, {"finished": 1, "out_of_memory": 1})
    assert (finished["front"], finished["report"]) == (
        "runs/finished/report/front.png",
        "runs/finished/report/index.html",
    )
    assert (finished["state"], finished["trials"], finished["open"]) == ("finished", 6, 0)


def test_a_root_without_studies_names_the_command_that_makes_one(modstudy: Command) -> None:
    assert "There is no study under elsewhere yet: modstudy launch STUDY" in flat(
        modstudy("list", "--root", "elsewhere")
    )
    assert json.loads(modstudy("list", "--root", "elsewhere", "--json").output) == []
