"""`modstudy dashboard`: an index of all studies, and MLflow on their database, until Ctrl-C."""

import os
import sys
import time
import webbrowser
from typing import Annotated

import typer

from study.commands.options import OK, Root, console, errors, report_errors
from study.execution.run_options import TrackingUri

CHECK_EVERY_S = 0.5
"""Interval at which the end of MLflow's server is noticed."""


@report_errors
def dashboard(
    name: Annotated[
        str | None, typer.Argument(help="Name of a study whose pages are opened; the index of all if it is omitted.")
    ] = None,
    root: Root = "runs",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the index; 0 for any that is free.")] = 0,
    mlflow_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of MLflow; 0 for any that is free.")] = 0,
    tracking_uri: TrackingUri = None,
    open_pages: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the pages in a browser; by default on a terminal with a display."),
    ] = None,
) -> int:
    """Show an index of all studies with live states, and MLflow, on loopback ports until Ctrl-C."""
    from study.dashboard.pages import Pages
    from study.execution.interrupts import interrupts

    with interrupts():
        try:
            with Pages(root, name, port=port, mlflow_port=mlflow_port, tracking_uri=tracking_uri) as pages:
                _say(f"Studies:  {pages.index_address}")
                if report := pages.report_address:
                    _say(f"Report:   {report}")
                opened = pages.report_address or pages.index_address
                wants_browser = _has_display() if open_pages is None else open_pages
                if wants_browser:
                    webbrowser.open(opened)
                if problem := pages.start_mlflow():
                    errors.print(problem, markup=False, highlight=False)
                for label, address in pages.mlflow_addresses():
                    _say(f"{label:<9} {address}")
                    if wants_browser and name is not None and label == "Charts:":
                        webbrowser.open(address)
                _say("Ctrl-C ends the servers.")
                while not pages.mlflow_has_ended():
                    time.sleep(CHECK_EVERY_S)
                errors.print(f"MLflow's server has ended: {pages.mlflow_reason()}", markup=False, highlight=False)
                while True:
                    time.sleep(CHECK_EVERY_S)
        except KeyboardInterrupt:
            return OK


def _say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.file.flush()


def _has_display() -> bool:
    """Whether a person at a terminal can see a browser's window."""
    is_graphical = sys.platform in ("darwin", "win32") or any(
        os.environ.get(variable) for variable in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return sys.stdout.isatty() and is_graphical
