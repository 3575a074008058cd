"""What every target of fuzzing has: inputs that are accepted, a way to damage them, and a reader.

A target lets modstudy's own errors out, which say that the input was refused.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import strategies as st
from typer.testing import CliRunner

from core.errors import StudyError
from study.cli import app
from tests.fuzz.mutations import damaged_bytes
from tests.support.refusals import clear_line

Damage = Callable[[Sequence[bytes]], st.SearchStrategy[bytes]]


class Target(ABC):
    """Something that reads an input."""

    originals: Sequence[bytes]
    """Inputs that are accepted; the others are made by damaging these."""
    damage: Damage = staticmethod(damaged_bytes)
    """How inputs are damaged."""

    @abstractmethod
    def run(self, folder: Path, data: bytes) -> None:
        """Read an input.

        Args:
            folder: Folder for files, which is not emptied between inputs.
            data: The input.

        Raises:
            ModstudyError: the input is refused.
        """


def command(*arguments: str | Path) -> None:
    """Run a command in this process.

    Raises:
        StudyError: the command refuses, by one clear line.
        Exception: anything else that ends it.
    """
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="modstudy")
    if result.exit_code == 0:
        return
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    raise StudyError(clear_line(result))
