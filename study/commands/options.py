"""Options, consoles, exit codes and error handling shared by the commands."""

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, ParamSpec, get_origin, get_type_hints

import typer
from rich.console import Console
from rich.markup import escape

from core.errors import ModstudyError
from study.execution.run_options import RunOptions

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
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="A setting for all arms that have it, e.g. trainer.max_steps=50."),
]
Trials = Annotated[bool, typer.Option("--trials", help="With a dry run, also list all planned trials.")]

UntilDecided = Annotated[
    bool,
    typer.Option(
        "--until-decided",
        help="Race: add seeds until it is decided which arms are on the front; \\[race] in the study file sets how.",
    ),
]


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


def with_run_options(command: Callable[..., int]) -> Callable[..., int]:
    """Decorator that replaces the parameter `options` of a command by one option per annotated field of RunOptions."""
    hints = get_type_hints(RunOptions, include_extras=True)
    added = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(RunOptions)
        if get_origin(hints[field.name]) is Annotated
    ]

    @functools.wraps(command)
    def wrapped(**values: Any) -> int:
        options = RunOptions(**{parameter.name: values.pop(parameter.name) for parameter in added})
        return command(**values, options=options)

    signature = inspect.signature(command)
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values()
        if parameter.name != "options"
    ]
    # Typer reads the signature and the annotations.
    wrapped.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return wrapped
