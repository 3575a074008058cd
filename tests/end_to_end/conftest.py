"""A folder with the study of these tests."""

from pathlib import Path

import pytest

from tests.support.trained_study import CONSTANT, LOW_PASS, study_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the study `tiny`, of two arms and two seeds."""
    (tmp_path / "tiny.toml").write_text(study_text(LOW_PASS, CONSTANT))
    return tmp_path
