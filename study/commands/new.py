"""`modstudy new`: writes a commented study file to start from."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from study.commands.options import OK, console, report_errors

EXAMPLES = Path(__file__).parents[1] / "examples" / "studies"
"""Folder with an example of each kind of study."""


class StudyKind(StrEnum):
    """Kind of a study, which is the name of its example."""

    ARMS = "arms"
    GRID = "grid"
    SEARCH = "search"
    ABLATION = "ablation"


@report_errors
def new(
    file: Annotated[Path, typer.Argument(help="The file to write.")] = Path("study.toml"),
    kind: Annotated[
        StudyKind,
        typer.Option(
            help="arms: listed one by one; grid: all combinations of some settings; search: proposed by a sampler, the "
            "best confirmed; ablation: one thing changed at a time."
        ),
    ] = StudyKind.ARMS,
) -> int:
    """Write a study file with an example of every table, explained in comments, to start from."""
    from core.errors import StudyError
    from core.settings.value_rules import shown_text
    from search_spaces.names import check_study_name

    shown = shown_text(file)
    if file.suffix != ".toml":
        raise StudyError(f"a study file ends in .toml; got {shown}; name it {shown}.toml")
    # The study is named after its file.
    check_study_name(file.stem)
    text = (EXAMPLES / f"{kind}.toml").read_text(encoding="utf-8").replace(" FILE", f" {file}")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise StudyError(f"{shown} exists, and is not overwritten; give another file, or delete it") from error
    except OSError as error:
        raise StudyError(f"cannot write {shown}: {error.strerror}; give a file in an existing folder") from error
    console.print(
        f"{escape(str(file))} is a study to start from; look at what it would run: "
        f"modstudy launch {escape(str(file))} --dry-run",
        highlight=False,
        soft_wrap=True,
    )
    return OK
