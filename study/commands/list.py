"""`modstudy list`: lists the studies of a root with their states."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.settings.value_rules import printable
from core.storage.roots import shown
from study.commands.options import Root, console, report_errors

if TYPE_CHECKING:
    from study.root_index import StudyEntry


@report_errors
def list_studies(
    root: Root = "runs", as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False
) -> None:
    """List the studies of a root: state, trials, and where the figure of the front is."""
    print_studies(root, as_json=as_json)


def print_studies(root: str, *, as_json: bool = False) -> None:
    """Print a row per study, and the place of the figure of each front; or all of it as JSON."""
    from core.storage.roots import checked_root
    from study.root_index import root_index

    checked_root(root)
    entries = root_index(root)
    if as_json:
        typer.echo(json.dumps([_plain(root, entry) for entry in entries], indent=1))
        return
    if not entries:
        console.print(Text(f"There is no study under {shown(root)} yet: modstudy launch STUDY"))
        return
    console.print(_table(entries))
    for entry in entries:
        if front := _address(root, entry, entry.front_key):
            console.print(f"Front of {entry.name}: {front}", markup=False, highlight=False, soft_wrap=True)


def _table(entries: "tuple[StudyEntry, ...]") -> Table:
    """A table with state, question, and numbers of trials of each study."""
    table = Table("study", "state", "question")
    for name in ("arms", "trials", "finished", "open"):
        table.add_column(name, justify="right")
    table.add_column("others")
    for entry in entries:
        others = [f"{count} {outcome.replace('_', ' ')}" for outcome, count in _others(entry).items()]
        numbers = map(str, (entry.n_arms, entry.planned, entry.outcomes.get("finished", 0), entry.n_open))
        state = f"{entry.state} on {entry.where}" if entry.where else entry.state
        remarks = ", ".join([*others, *([entry.error] if entry.error else [])])
        table.add_row(*map(Text, (entry.name, state, printable(entry.question), *numbers, printable(remarks))))
    return table


def _others(entry: "StudyEntry") -> dict[str, int]:
    """Numbers of trials that have not finished, by outcome."""
    return {outcome: count for outcome, count in entry.outcomes.items() if outcome != "finished"}


def _address(root: str, entry: "StudyEntry", key: str | None) -> str | None:
    """Path or URI of a key in the store of a study; None without a key."""
    from core.storage.store import Store

    return None if key is None else Store(root).below(entry.name).address(key)


def _plain(root: str, entry: "StudyEntry") -> dict[str, object]:
    """A study as plain values."""
    return {
        "name": entry.name,
        "state": entry.state,
        "question": entry.question,
        "arms": entry.n_arms,
        "trials": entry.planned,
        "open": entry.n_open,
        "outcomes": dict(entry.outcomes),
        "started_at": entry.started_at,
        "finished_at": entry.finished_at,
        "running_on": entry.where or None,
        "front": _address(root, entry, entry.front_key),
        "report": _address(root, entry, entry.page_key),
        "error": entry.error or None,
    }
