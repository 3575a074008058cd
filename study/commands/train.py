"""`modstudy train`: trains a single trial without Ray and MLflow."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from core.errors import ConfigError
from study.commands.options import OK, TRIALS_FAILED, Assignments, console, report_errors


@report_errors
def train(
    config: Annotated[Path | None, typer.Argument(help="TOML file with the settings of the trial.")] = None,
    assignments: Assignments = None,
    out: Annotated[Path, typer.Option(help="Folder to which the trial is written.")] = Path("runs/train"),
    example: Annotated[bool, typer.Option("--example", help="Print an example file with comments and exit.")] = False,
) -> int:
    """Train a single trial without Ray and MLflow."""
    from study.execution.train_one import train_one

    if example:
        typer.echo((files("study") / "examples" / "trial.toml").read_text(encoding="utf-8"), nl=False)
        return OK
    if config is None:
        raise ConfigError(
            "`modstudy train` needs a TOML file with one trial's settings; got none; "
            "make one by `modstudy train --example > trial.toml`"
        )
    return OK if train_one(config, assignments or [], out, console) == "finished" else TRIALS_FAILED
