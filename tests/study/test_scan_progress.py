"""The progress bar of a scan: on a terminal and for many files only."""

import io

import pytest
from rich.console import Console

from core.data.scan_progress import report
from study.scan_progress import MIN_FILES, show_scans


def shown(n_files: int, *, is_terminal: bool) -> str:
    """What is written while files are inspected."""
    output = io.StringIO()
    with show_scans(Console(file=output, force_terminal=is_terminal, width=100)):
        for n_done in range(1, n_files + 1):
            report("my [sounds]", n_done, n_files)
    return output.getvalue()


def test_many_files_have_a_bar_on_a_terminal() -> None:
    text = shown(MIN_FILES, is_terminal=True)
    assert "inspecting my [sounds]" in text
    assert f"/{MIN_FILES}" in text


@pytest.mark.parametrize(("n_files", "is_terminal"), [(MIN_FILES - 1, True), (MIN_FILES, False)])
def test_few_files_and_other_outputs_have_none(n_files: int, is_terminal: bool) -> None:
    assert shown(n_files, is_terminal=is_terminal) == ""


def interrupted(console: Console) -> None:
    """A scan that the user stops."""
    with show_scans(console):
        report("sounds", 1, 1000)
        raise KeyboardInterrupt


def test_interrupted_scan_shows_the_cursor_again() -> None:
    output = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        interrupted(Console(file=output, force_terminal=True, width=100))
    assert output.getvalue().rindex("\x1b[?25h") > output.getvalue().rindex("\x1b[?25l")
    before = output.getvalue()
    report("sounds", 2, 1000)  # nobody listens any more
    assert output.getvalue() == before
