"""Options, consoles, exit codes and error reporting that the commands share."""

import functools
import sys
from collections.abc import Callable
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

from core.errors import ModstudyError

# Heavy libraries are imported inside the commands, so that --help answers at once.

OK, TRIALS_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
PLAIN_WIDTH = 140

P = ParamSpec("P")

console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
errors = Console(stderr=True, soft_wrap=True)

Root = Annotated[str, typer.Option("--root", help="Folder of all studies, or a URI that pyarrow.fs knows.")]
Name = Annotated[str, typer.Argument(help="Name of a study that was launched.")]
AtOnce = Annotated[int | None, typer.Option(help="Trials that run at once; by default as many as fit.")]
Cpus = Annotated[float | None, typer.Option(help="CPUs, and so threads, of each trial; 1 by default.")]
Gpus = Annotated[float | None, typer.Option(help="GPUs of each trial; a share is possible.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="URI of the MLflow tracking server or database; sqlite in ROOT/mlflow.db by default.")
]
CodeChange = Annotated[
    bool, typer.Option("--allow-code-change", help="Go on although the code has changed since the study began.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="A setting for all arms that have it, e.g. trainer.max_steps=50."),
]


def reported(command: Callable[P, int | None]) -> Callable[P, None]:
    """Decorate a command: errors of this project become one line on stderr and an exit code."""

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
