"""The command line in the test's own process."""

from collections.abc import Callable

from typer.testing import Result

Command = Callable[..., Result]
"""Runs `modstudy` with some arguments."""


def flat(result: Result) -> str:
    """Everything that a command printed, on one line."""
    return " ".join(result.output.split())
