"""The command line as a whole: its commands, its version, its help."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from study import cli
from tests.support.command_line import Command, flat

COMMANDS = [path.stem for path in (Path(cli.__file__).parent / "commands").glob("*.py")]
HELPERS = {"__init__", "options", "quick_benchmark"}
"""Files in that folder that are no commands."""


@pytest.mark.parametrize("name", sorted({*COMMANDS} - HELPERS))
def test_every_command_has_a_file_and_describes_itself(modstudy: Command, name: str) -> None:
    result = modstudy(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: modstudy {name}" in flat(result)


def test_the_version_is_that_of_the_package(modstudy: Command) -> None:
    result = modstudy("--version")
    assert result.exit_code == 0
    assert result.output == f"modstudy {importlib.metadata.version('modstudy')}\n"


def test_without_a_command_it_shows_its_help(modstudy: Command) -> None:
    assert "launch" in flat(modstudy())


def test_help_answers_without_the_heavy_libraries() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom study.cli import app\n"
        "assert 'launch' in CliRunner().invoke(app, ['--help']).output\n"
        "print(*sorted({'torch', 'ray', 'mlflow', 'numpy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
