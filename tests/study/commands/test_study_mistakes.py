"""Every mistake in a study file is one clear error, which names place, rule and remedy, before anything starts.

The study files with their errors are in study_mistakes.txt.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from study.commands.options import BAD_INPUT, OK
from study.execution.session import Session
from tests.support.command_line import Command, flat

QUESTION = 'question = "Why?"\n'
FRAME = '[[arms]]\nname = "frame"\nconfig = { parameterization = { kind = "frame" } }'
TEXTS = {
    "@frame": FRAME,
    "@other": '[[arms]]\nname = "other"\nconfig = { parameterization = { kind = "low_pass", cutoff_hz = 8.0 } }',
    "@width": '[[space]]\npath = "encoder.width"\nvalues = [8, 16]',
    "@search": "[search]\narms_per_cell = 20",
    "@lr": '[[search.space]]\npath = "optimizer.lr"\nlow = 1e-4\nhigh = 1e-1\nlog = true',
    "@brackets": "[" * 5000 + "]" * 5000,
    "@digits": "9" * 5000,
    "@zeros": "0" * 400,
    "@many": str(list(range(1, 401))),
}
"""What the words that begin with @ stand for."""
LEAST = 40
"""Smallest number of mistakes that a study file's errors must have been tried with."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A study file with one mistake, and the error that it must give."""

    title: str
    text: str
    error: str


def mistakes() -> Iterator[Mistake]:
    """The mistakes of study_mistakes.txt."""
    content = Path(__file__).with_name("study_mistakes.txt").read_text(encoding="utf-8")
    for entry in content.split("\n## ")[1:]:
        title, _, rest = entry.partition("\n")
        text, _, error = f"\n{rest}".partition("\n=> ")
        text = re.sub(r"@\w+", lambda match: TEXTS[match[0]], f"{text[1:]}\n")
        yield Mistake(title, text if "(whole file)" in title else QUESTION + text, error.strip())


MISTAKES = list(mistakes())


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the studies that were started; they are not run."""
    names: list[str] = []

    def run(session: Session, *_: object) -> int:
        names.append(session.name)
        return OK

    monkeypatch.setattr(Session, "run", run)
    return names


def assert_refused(modstudy: Command, error: str, started: list[str]) -> None:
    """Check that launch and its dry run refuse mine.toml by this error alone, and write and start nothing."""
    for options in ([], ["--dry-run"]):
        result = modstudy("launch", "mine.toml", *options)
        text = flat(result)
        assert result.exit_code == BAD_INPUT, text
        assert text.startswith("error: "), text
        assert text.count("error:") == 1
        assert " ".join(error.split()) in text
        assert "Traceback" not in text
        assert [path.name for path in Path().iterdir()] == ["mine.toml"]
        assert started == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.title for mistake in MISTAKES])
def test_a_mistake_is_one_error_before_anything_starts(
    modstudy: Command, tmp_path: Path, started: list[str], mistake: Mistake
) -> None:
    (tmp_path / "mine.toml").write_text(mistake.text)
    assert_refused(modstudy, mistake.error, started)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_refused_with_the_line(
    modstudy: Command, tmp_path: Path, started: list[str], encoding: str
) -> None:
    (tmp_path / "mine.toml").write_bytes((QUESTION + "# Café\n" + FRAME).encode(encoding))
    line = 2 if encoding == "latin-1" else 1
    assert_refused(modstudy, f"line {line} has the byte", started)


def test_names_that_are_too_long_are_refused(modstudy: Command, tmp_path: Path, started: list[str]) -> None:
    name = "a" * 101
    (tmp_path / "mine.toml").write_text(QUESTION + FRAME.replace('"frame"', f'"{name}"', 1))
    assert_refused(modstudy, "the name of an arm has letters, digits", started)
    (tmp_path / "mine.toml").write_text(f'name = "{name}"\n' + QUESTION + FRAME)
    assert_refused(modstudy, "mine.toml: the name of a study has letters, digits", started)


def test_there_are_many_mistakes_and_no_two_are_the_same() -> None:
    assert len({mistake.text for mistake in MISTAKES}) == len(MISTAKES) >= LEAST


def test_a_file_without_a_mistake_is_started(modstudy: Command, tmp_path: Path, started: list[str]) -> None:
    """The checks above would also pass if no study file were accepted."""
    (tmp_path / "mine.toml").write_text(f"{QUESTION}{FRAME}\n", encoding="utf-8-sig")
    assert modstudy("launch", "mine.toml").exit_code == OK
    assert started == ["mine"]
