"""Verification of a study with its progress on a terminal, and repair before the study goes on."""

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from core.storage.store import Store
from core.storage.verification import Verification, repair_study, verify_study

MAX_LINES = 20
"""Maximum number of repairs that are listed one by one."""


def verified(store: Store, console: Console, *, read_contents: bool = True) -> Verification:
    """Verify a study, with a progress bar if the console is a terminal; arguments and errors as of `verify_study`."""
    columns = (TextColumn("verifying files"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def show(n_done: int, n_files: int) -> None:
            progress.update(task, completed=n_done, total=n_files)

        return verify_study(store, read_contents=read_contents, on_file=show)


def repair(store: Store, console: Console, *, read_contents: bool) -> None:
    """Restore or move aside what is damaged in a study, so that its trials run again, and print what was done.

    Args:
        store: Store of the study, which no other process writes.
        console: Console of the command.
        read_contents: Whether files of a remote store are read; those of a local one always are.

    Raises:
        DamageError: a file of the plan and its copy are damaged.
        StoreError: the root cannot be used.
    """
    if not store.has_study:
        return
    found = verified(store, console, read_contents=read_contents or store.local_root is not None)
    if not found.damaged:
        return
    done = repair_study(store, found)
    store.damage.clear()
    for sentence in done[:MAX_LINES]:
        console.print(f"[yellow]damaged:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    if len(done) > MAX_LINES:
        console.print(
            f"and {len(done) - MAX_LINES} more, which are kept below {store.address('damaged')}", soft_wrap=True
        )
