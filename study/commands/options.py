"""Options, consoles, exit codes and error handling shared by the commands."""

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, ParamSpec, TypeVar, get_origin, get_type_hints

import typer
from rich.markup import escape
from typer.core import TyperGroup

from core.errors import ModstudyError, StudyStoppedError
from core.settings.value_rules import one_message
from study.command_output import lost_output
from study.execution.interrupts import INTERRUPTED
from study.safe_console import SafeConsole
from study.scan_progress import show_scans
from study.system_errors import system_error_text

# Commands import heavy libraries when they are called, so that --help is fast.

OK, TRIALS_FAILED, BAD_INPUT = 0, 1, 2
"""Exit codes: all is well; a study ran, but trials failed, or it could not go on; a command was refused, or its output
could not be written. After a signal the exit code is `INTERRUPTED`.
"""
LEFT_OUT = 1
"""Exit code of a command on sounds that went on without some of them."""
_UsageError: Any = typer.BadParameter.__bases__[0]
"""The error of all wrong arguments, which typer does not export."""
PLAIN_WIDTH = 140
"""Line width in characters if the output is not a terminal."""

P = ParamSpec("P")
Code = TypeVar("Code")

console = SafeConsole(width=None if sys.stdout is not None and sys.stdout.isatty() else PLAIN_WIDTH)
"""Console on stdout."""
errors = SafeConsole(stderr=True, soft_wrap=True)
"""Console on stderr."""

Root = Annotated[str, typer.Option("--root", help="Folder of all studies, or a URI supported by pyarrow.fs.")]
Name = Annotated[str, typer.Argument(help="Name of a launched study.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="A setting for all arms that have it, e.g. trainer.max_steps=50."),
]
Trials = Annotated[bool, typer.Option("--trials", help="With a dry run, also list all planned trials.")]

PresetName = Annotated[
    str | None,
    typer.Option("--preset", help="Preset in place of that of the study file: small, or paper (for GPUs)."),
]
UntilDecided = Annotated[
    bool,
    typer.Option(
        "--until-decided",
        help="Race: add seeds until it is decided which arms are on the front; \\[race] in the study file sets how.",
    ),
]


class CommandGroup(TyperGroup):
    """The commands, whose messages on wrong arguments are cut and escaped as all others are."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command of a context.

        Raises:
            UsageError: an argument is wrong.
        """
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            error.message = one_message(error.message)
            raise


def report_errors(command: Callable[P, int | None]) -> Callable[P, None]:
    """Decorator for commands that turns errors of modstudy into a line on stderr and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with show_scans(errors):
                code = command(*args, **kwargs) or OK
        except ModstudyError as error:
            code = _report(str(error), TRIALS_FAILED if isinstance(error, StudyStoppedError) else BAD_INPUT)
        except OSError as error:
            code = _report(system_error_text(error), BAD_INPUT)
        except KeyboardInterrupt as stopped:
            errors.print(escape(one_message(str(stopped)) or "stopped"), highlight=False)
            code = INTERRUPTED
        if sys.stdout is not None:
            sys.stdout.flush()
        if (reason := lost_output()) is not None:
            code = _report(f"the output could not be written: {reason}", code or BAD_INPUT)
        raise typer.Exit(code)

    return wrapped


def _report(error: str, code: int) -> int:
    """Print an error, and return the exit code."""
    errors.print(f"[red]error:[/] {escape(one_message(error))}", highlight=False)
    return code


def with_option_groups(command: Callable[..., Code]) -> Callable[..., Code]:
    """Decorator that replaces each parameter that is a dataclass by one option per field annotated with an option.

    The options take the place of the parameter; the command gets the dataclass made of their values.
    """
    signature = inspect.signature(command)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }
    options = {name: _options_of(group) for name, group in groups.items()}

    @functools.wraps(command)
    def wrapped(**values: Any) -> Code:
        for name, group in groups.items():
            values[name] = group(**{option.name: values.pop(option.name) for option in options[name]})
        return command(**values)

    parameters = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        for each in options.get(name, [parameter])
    ]
    # Typer reads the signature and the annotations.
    wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def _options_of(group: type[Any]) -> list[inspect.Parameter]:
    """A parameter for each field of a dataclass that is annotated with an option."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
        if get_origin(hints[field.name]) is Annotated
    ]
