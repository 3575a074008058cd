"""`modstudy export`: writes the results of a study for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from study.commands.options import Name, Root, console, report_errors

export_app = typer.Typer(help="Write the results of a study for other tools.", no_args_is_help=True)
"""Typer app of `modstudy export`."""


@export_app.callback()
def _export_group() -> None:
    """Commands of `modstudy export`, one per tool."""


@export_app.command()
@report_errors
def optuna(
    name: Name,
    root: Root = "runs",
    out: Annotated[Path | None, typer.Option(help="Journal file to write; NAME.journal by default.")] = None,
) -> None:
    """Write the search of a study as a journal file of Optuna, with a study per cell, for optuna-dashboard."""
    from study.execution.session import Session
    from study.tracking.optuna_export import export_search

    session = Session(root=root, name=name, console=console)
    session.plan()
    path = out or Path(f"{name}.journal")
    names = export_search(session.store, path)
    console.print(f"{path}: {', '.join(names)}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"See them: optuna-dashboard {path}", markup=False, highlight=False, soft_wrap=True)
