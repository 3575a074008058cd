"""Invalid input, damage, faults and attacks: `make test-faults`, which prints how many cases of each class there were.

A class is a file of this folder, so `test_study_files.py` holds the cases of study files.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.support.command_line import modstudy
from tests.support.study_on_s3 import study_on_s3
from tests.support.watched_study import watched_study

__all__ = ["modstudy", "study_on_s3", "watched_study"]

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if _FOLDER in item.path.parents:
            item.add_marker(pytest.mark.faults)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of cases that passed, by class."""
    counts = Counter(
        Path(report.nodeid.partition("::")[0]).stem.removeprefix("test_").replace("_", " ")
        for report in terminalreporter.stats.get("passed", [])
        if report.nodeid.startswith("tests/faults/")
    )
    if counts:
        terminalreporter.section("cases by class")
        for name, count in sorted(counts.items()):
            terminalreporter.write_line(f"{name:24} {count:5}")
        terminalreporter.write_line(f"{'all':24} {counts.total():5}")
