"""A progress bar on a terminal while the sounds of a folder are inspected."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.data.scan_progress import listen

MIN_FILES = 50
"""Fewer files are inspected without a bar: it would only flicker."""


@contextmanager
def show_scans(console: Console) -> Iterator[None]:
    """Show how far scans of sound folders in the block are, if the console is a terminal."""
    if not console.is_terminal:
        yield
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with_bar = Progress(*columns, console=console, transient=True)
    task_of = {}

    def on_progress(folder: str, n_done: int, n_files: int) -> None:
        if n_files < MIN_FILES:
            return
        if folder not in task_of:
            task_of[folder] = with_bar.add_task(f"inspecting {escape(folder)}", total=n_files)
            with_bar.start()
        with_bar.update(task_of[folder], completed=n_done)
        if n_done == n_files:
            with_bar.remove_task(task_of.pop(folder))
            with_bar.stop()

    try:
        with listen(on_progress):
            yield
    finally:
        with_bar.stop()
