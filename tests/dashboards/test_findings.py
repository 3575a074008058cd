"""The committed results of the built-in studies: every table is what the command above it gives from the archive."""

import re
import shlex
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import dashboards
from core.storage.store import Store
from core.storage.verification import verify_study
from tests.support.command_line import Command

FINDINGS = Path(dashboards.__file__).parent / "findings"
ARCHIVES = sorted(FINDINGS.glob("*.tar.xz"))
LARGEST = 1_000_000
EXPORT = ["modstudy", "export", "tables"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A fenced block with its language."""


def commands(page: str) -> Iterator[list[str]]:
    """The words of each command in the console blocks of a page."""
    for language, block in BLOCK.findall(page):
        if language == "console":
            for line in block.replace("\\\n", " ").splitlines():
                yield shlex.split(line)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name.partition(".")[0])
def test_all_tables_of_a_finding_are_made_again_from_its_archive(
    archive: Path, tmp_path: Path, modstudy: Command
) -> None:
    name = archive.name.partition(".")[0]
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "runs", filter="data")
    assert not verify_study(Store(tmp_path / "runs" / name)).damaged
    page = (FINDINGS / f"{name}.md").read_text(encoding="utf-8")
    exports = [words for words in commands(page) if words[:3] == EXPORT]
    assert [*EXPORT, name] in exports
    printed = ""
    for words in exports:
        result = modstudy(*words[1:])
        assert result.exit_code == 0, result.output
        assert result.stdout.strip() in page, shlex.join(words)
        printed += result.stdout
    rows = [line for line in BLOCK.sub("", page).splitlines() if line.lstrip().startswith("|")]
    assert not set(rows) - set(printed.splitlines()), "a table that no command on the page gives"
    assert archive.stat().st_size < LARGEST


def test_every_finding_has_its_study_and_is_listed() -> None:
    index = (FINDINGS / "README.md").read_text(encoding="utf-8")
    names = [archive.name.partition(".")[0] for archive in ARCHIVES]
    assert "paper-1" in names
    studies = FINDINGS.parents[1] / "search_spaces" / "studies"
    for name in names:
        assert (studies / f"{name}.toml").is_file()
        assert f"({name}.md)" in index
    assert {path.stem for path in FINDINGS.glob("*.md")} == {*names, "README"}
