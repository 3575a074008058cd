"""Options, consoles, exit codes and error handling shared by the commands."""

import functools
import sys
from collections.abc import Callable
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

from core.errors import ModstudyError

# Commands import heavy libraries when they are called, so that --help is fast.

OK, TRIALS_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""
PLAIN_WIDTH = 140
"""Line width in characters if the output is not a terminal."""

P = ParamSpec("P")

console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
"""Console on stdout."""
errors = Console(stderr=True, soft_wrap=True)
"""Console on stderr."""

Root = Annotated[str, typer.Option("--root", help="Folder of all studies, or a URI supported by pyarrow.fs.")]
Name = Annotated[str, typer.Argument(help="Name of a launched study.")]
AtOnce = Annotated[int | None, typer.Option(help="Number of trials that run at once; by default as many as fit.")]
Cpus = Annotated[float | None, typer.Option(help="CPUs (and threads) of each trial; 1 by default.")]
Gpus = Annotated[float | None, typer.Option(help="GPUs of each trial, or a fraction of one.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="URI of the MLflow tracking server or database; sqlite in ROOT/mlflow.db by default.")
]
CodeChange = Annotated[
    bool, typer.Option("--allow-code-change", help="Continue although the code has changed since the study began.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="A setting for all arms that have it, e.g. trainer.max_steps=50."),
]
Trials = Annotated[bool, typer.Option("--trials", help="With a dry run, also list all planned trials.")]


def report_errors(command: Callable[P, int | None]) -> Callable[P, None]:
    """Decorator for commands that turns errors of modstudy into a line on stderr and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or OK
        except ModstudyError as error:
            errors.print(f"[red]error:[/] {escape(str(error))}", highlight=False)
            code = BAD_INPUT
        except KeyboardInterrupt as stopped:
            errors.print(escape(str(stopped) or "stopped"), highlight=False)
            code = INTERRUPTED
        raise typer.Exit(code)

    return wrapped
