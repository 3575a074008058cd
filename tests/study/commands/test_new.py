"""`modstudy new` writes a study file that launches as it is, and with each of its examples."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.training.warmup import TrialCosts
from search_spaces.study_parsing import read_study
from study.commands.new import EXAMPLES, StudyKind
from study.commands.options import BAD_INPUT, OK
from tests.support.command_line import Command, flat

EXAMPLE = re.compile(r"(?:^#[^ \n][^\n]*\n|^#    [^\n]*\n)+", re.MULTILINE)
"""Consecutive lines of an example: a # and no space, or the indented lines of a list."""


@pytest.fixture(autouse=True)
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, and costs that are not measured."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    costs = TrialCosts(step_s=0.1, clip_s=0.01, n_weights=1000)
    monkeypatch.setattr("core.training.warmup.measure_costs", lambda _: costs)


def examples() -> Iterator[tuple[str, int]]:
    """Kind of each study, and the number of each of its examples."""
    for kind in StudyKind:
        text = (EXAMPLES / f"{kind}.toml").read_text()
        yield from ((kind, number) for number in range(len(EXAMPLE.findall(text))))


def with_example(text: str, number: int) -> str:
    """The text of a study file in which one example is no comment."""
    found = list(EXAMPLE.finditer(text))[number]
    return text[: found.start()] + re.sub(r"^#", "", found[0], flags=re.MULTILINE) + text[found.end() :]


@pytest.mark.parametrize("kind", list(StudyKind))
def test_what_it_writes_launches(modstudy: Command, kind: StudyKind) -> None:
    written = modstudy("new", "mine.toml", "--kind", kind)
    assert written.exit_code == OK, written.output
    assert "modstudy launch mine.toml --dry-run" in flat(written)
    result = modstudy("launch", "mine.toml", "--dry-run")
    assert result.exit_code == OK, result.output
    assert "mine: W" in flat(result)


@pytest.mark.parametrize(("kind", "number"), list(examples()))
def test_every_example_can_be_taken_out_of_its_comment(
    modstudy: Command, tmp_path: Path, kind: str, number: int
) -> None:
    text = (EXAMPLES / f"{kind}.toml").read_text()
    (tmp_path / "mine.toml").write_text(with_example(text, number))
    result = modstudy("launch", "mine.toml", "--dry-run")
    assert result.exit_code == OK, result.output


def test_there_are_examples_in_every_file() -> None:
    kinds = [kind for kind, _ in examples()]
    assert all(kinds.count(kind) >= 3 for kind in StudyKind)


def test_it_writes_arms_to_study_toml_by_default(modstudy: Command, tmp_path: Path) -> None:
    assert modstudy("new").exit_code == OK
    assert len(read_study(tmp_path / "study.toml").named_arms()) == 3


def test_it_does_not_overwrite(modstudy: Command, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("mine")
    result = modstudy("new")
    assert result.exit_code == BAD_INPUT
    assert "study.toml exists, and is not overwritten" in flat(result)
    assert (tmp_path / "study.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("mine", "a study file ends in .toml; got mine; name it mine.toml"),
        ("none/mine.toml", "cannot write none/mine.toml: No such file or directory"),
        ("-.toml", "the name of a study has"),
    ],
)
def test_files_that_cannot_be_studies_are_refused(modstudy: Command, tmp_path: Path, file: str, message: str) -> None:
    result = modstudy("new", "--", file)
    assert result.exit_code == BAD_INPUT
    assert message in flat(result)
    assert list(tmp_path.iterdir()) == []
