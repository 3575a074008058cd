"""Study files that are no study files: each is refused by one clear line, and nothing is written."""

from pathlib import Path

import pytest

from tests.support.command_line import Command
from tests.support.refusals import assert_refused


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\xff\xfe", b"[[arms]]"])
def test_a_file_that_is_no_study_is_refused(modstudy: Command, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    assert_refused(modstudy, "launch", "mine.toml", folder=tmp_path, says="mine.toml")
