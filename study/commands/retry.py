"""`modstudy retry`: runs trials with chosen outcomes again."""

from dataclasses import replace
from typing import Annotated, get_args

import typer

from study.commands.options import Name, Root, console, report_errors, with_option_groups
from study.execution.run_options import RunOptions


@report_errors
@with_option_groups
def retry(
    name: Name,
    outcome: Annotated[
        list[str], typer.Option(help="Outcome of the trials to run again, such as failed or diverged; repeatable.")
    ],
    root: Root = "runs",
    *,
    options: RunOptions,
) -> int:
    """Run the trials with the given outcomes again, then what is open, and write the report.

    On the CPU the same config gives the same numbers, so a trial that diverged diverges again unless the code changed.
    """
    from core.errors import StudyError
    from core.settings.value_rules import shown_value
    from core.storage.records import Outcome
    from study.execution.session import Session

    known = get_args(Outcome)
    if unknown := [text for text in outcome if text not in known or text == "finished"]:
        choices = ", ".join(text for text in known if text != "finished")
        raise StudyError(f"--outcome is one of {choices}; got {shown_value(unknown[0])}")
    session = Session(root=root, name=name, console=console)
    options = replace(options, retry=frozenset(text for text in known if text in outcome))
    return session.run(session.plan, options)
