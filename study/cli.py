"""The command line `modstudy`, with one file per command in `study.commands`."""

import importlib.metadata
import logging
import sys
from typing import Annotated

import typer

from study.command_output import guard_output
from study.commands.apply import apply
from study.commands.catalog import catalog
from study.commands.cluster import cluster_app
from study.commands.compare import compare
from study.commands.curves import curves
from study.commands.dashboard import dashboard
from study.commands.discover import discover
from study.commands.doctor import doctor
from study.commands.export import export_app
from study.commands.extend import extend
from study.commands.launch import launch
from study.commands.list import list_studies
from study.commands.new import new
from study.commands.options import BAD_INPUT, CommandGroup, errors
from study.commands.plan import plan
from study.commands.render import render_app
from study.commands.report import report
from study.commands.resume import resume
from study.commands.retry import retry
from study.commands.sounds import sounds
from study.commands.status import status
from study.commands.stop import stop
from study.commands.studies import studies
from study.commands.symmetry import symmetry
from study.commands.track import track
from study.commands.train import train
from study.commands.verify import verify
from study.safe_console import LineHandler
from study.system_errors import NO_FOLDER, has_working_folder

app = typer.Typer(
    cls=CommandGroup,
    help="Studies of modulation discovery with differentiable synthesizers.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
    rich_markup_mode="rich",
)
"""Typer app with all commands."""
for command in (
    studies, catalog, new, plan, launch, extend, resume, retry, stop, status, report, compare, curves, sounds, symmetry,
    apply, discover, verify, dashboard, track, train, doctor,
):  # fmt: skip
    app.command()(command)
app.command("list")(list_studies)
app.add_typer(render_app, name="render")
app.add_typer(export_app, name="export")
app.add_typer(cluster_app, name="cluster")


def main() -> None:
    """Entry point of the `modstudy` command."""
    guard_output()
    if not has_working_folder():
        errors.print(f"[red]error:[/] {NO_FOLDER}", highlight=False)
        sys.exit(BAD_INPUT)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[LineHandler(errors)])
    app()


def _show_version(is_given: bool) -> None:
    """Print the version and exit if the option is given."""
    if is_given:
        typer.echo(f"modstudy {importlib.metadata.version('modstudy')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options that precede the command, such as `modstudy --version`."""


if __name__ == "__main__":
    main()
