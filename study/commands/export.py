"""`modstudy export`: writes the results of a study for other tools."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.commands.options import Name, Root, console, errors, report_errors

if TYPE_CHECKING:
    from dashboards.analysis.study_results import StudyResults
    from dashboards.export_tables import TextTable


class TableForm(StrEnum):
    """Formats of tables."""

    LATEX = "latex"
    MARKDOWN = "markdown"
    CSV = "csv"


class FigureForm(StrEnum):
    """Formats of figures."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


_SUFFIXES = {TableForm.LATEX: "tex", TableForm.MARKDOWN: "md", TableForm.CSV: "csv"}
export_app = typer.Typer(help="Write the results of a study for other tools.", no_args_is_help=True)
"""Typer app of `modstudy export`."""


@export_app.callback()
def _export_group() -> None:
    """Commands of `modstudy export`."""


@export_app.command()
@report_errors
def optuna(
    name: Name,
    root: Root = "runs",
    out: Annotated[Path | None, typer.Option(help="Journal file to write; NAME.journal by default.")] = None,
) -> None:
    """Write the search of a study as a journal file of Optuna, with a study per cell, for optuna-dashboard."""
    from study.execution.session import Session
    from study.tracking.optuna_export import export_search

    session = Session(root=root, name=name, console=console)
    session.plan()
    path = out or Path(f"{name}.journal")
    names = export_search(session.store, path)
    console.print(f"{path}: {', '.join(names)}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"See them: optuna-dashboard {path}", markup=False, highlight=False, soft_wrap=True)


@export_app.command()
@report_errors
def tables(
    name: Name,
    root: Root = "runs",
    form: Annotated[
        TableForm, typer.Option("--format", help="Format; LaTeX wants the package booktabs.")
    ] = TableForm.MARKDOWN,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables, as a file each; by default they are printed.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="METRIC",
            help="Instead of these tables one of this metric, or of the ratio A/B of two; several make a column each.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="ARM", help="With --metric, differences from this arm in per cent, paired by seed."
        ),
    ] = None,
    arm: Annotated[list[str] | None, typer.Option("--arm", help="With --metric, only this arm.")] = None,
) -> None:
    """Write the tables of arms, paired comparisons and claims, with intervals, as LaTeX, Markdown or CSV."""
    from core.errors import ConfigError
    from dashboards.analysis.study_results import load_results
    from dashboards.export_metrics import metrics_table
    from dashboards.export_tables import rendered
    from study.execution.session import Session

    if not metric and (against is not None or arm):
        raise ConfigError("--against and --arm choose what a table of metrics shows; add --metric METRIC")
    session = Session(root=root, name=name, console=console)
    session.plan()
    results = load_results(session.store)
    made = (
        {"metrics": metrics_table(results, metric, against=against, arms=arm or ())}
        if metric
        else _study_tables(results, root)
    )
    for label, table in made.items():
        text = rendered(table, form.value)
        if out is None:
            typer.echo(text)
            continue
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"{name}-{label}.{_SUFFIXES[form]}"
        path.write_text(text, encoding="utf-8")
        console.print(str(path), markup=False, highlight=False, soft_wrap=True)


@export_app.command()
@report_errors
def figures(
    name: Name,
    root: Root = "runs",
    form: Annotated[FigureForm, typer.Option("--format", help="Format.")] = FigureForm.PDF,
    out: Annotated[Path, typer.Option(help="Folder for the figures.")] = Path(),
) -> None:
    """Write the figures of a study for papers: front, paired differences, effects and learning curves."""
    from dashboards.analysis.study_analysis import StudyAnalysis
    from dashboards.analysis.study_results import load_results
    from dashboards.export_figures import study_figures
    from dashboards.figures import rendered_figure
    from study.execution.session import Session

    session = Session(root=root, name=name, console=console)
    session.plan()
    analysis = StudyAnalysis(load_results(session.store), root=root)
    out.mkdir(parents=True, exist_ok=True)
    for label, figure in study_figures(analysis).items():
        path = out / f"{name}-{label}.{form}"
        path.write_bytes(rendered_figure(figure, form.value))
        console.print(str(path), markup=False, highlight=False, soft_wrap=True)


@export_app.command()
@report_errors
def archive(
    name: Name,
    root: Root = "runs",
    out: Annotated[Path | None, typer.Option(help="File to write; NAME.tar.xz by default.")] = None,
) -> None:
    """Write plan, records and summary of a study as one small file, from which its tables can be made again."""
    from dashboards.analysis.study_analysis import StudyAnalysis
    from dashboards.analysis.study_results import load_results
    from dashboards.export_archive import archived
    from study.execution.session import Session
    from study.outlook_text import size_text

    session = Session(root=root, name=name, console=console)
    session.plan()
    # Its texts name the root of whoever unpacks it.
    data = archived(session.store, StudyAnalysis(load_results(session.store)))
    path = out or Path(f"{name}.tar.xz")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    console.print(f"{path}: {size_text(len(data))}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Unpack it: tar xf {path} -C ROOT", markup=False, highlight=False, soft_wrap=True)


@export_app.command()
@report_errors
def model(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY[:ARM]",
            help="A launched study, and the arm; by default the one that its verdict picks, else its most accurate.",
        ),
    ],
    root: Root = "runs",
    out: Annotated[Path | None, typer.Option(help="File to write; STUDY-ARM.pt2 by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier file.")] = False,
) -> None:
    """Write encoder and synth of a trained arm as one file that runs with torch alone, and the lines that run it.

    The file is loaded again and compared with the arm; one with another result is not written. It is a program: load
    only your own, with the version of torch that wrote it.
    """
    from core.discovery.exported_arm import export_arm, lines_that_run, write_exported
    from core.discovery.files import safe_name
    from study.outlook_text import size_text
    from study.trained_trials import ArmReference

    reference = ArmReference.parse(study, root)
    arm, chosen = reference.load()
    record = chosen.record
    path = out or Path(safe_name(f"{reference.study}-{record.arm}") + ".pt2")
    _check_free(path, force=force)
    _say(f"{record.arm} of {reference.study}, seed {record.seed}: {chosen.reason}")
    with errors.status("recording and comparing"):
        exported = export_arm(arm)
    write_exported(exported, path)
    size = size_text(len(exported.data))
    _say(f"{path}: {size}; its results differ from the arm's own by at most {exported.deviation:.1g}")
    if refine_steps := arm.config.trainer.refine_steps:
        _say(
            f"The arm's results in the study are refined by {refine_steps} steps per sound; in the file the encoder "
            "alone finds the curves."
        )
    _say(f"It runs with torch {exported.about.torch} alone:\n")
    _say(lines_that_run(exported.about, path.name))


# ---------------------------------------------------------------------------------------------------------------------


def _check_free(path: Path, *, force: bool) -> None:
    """
    Raises:
        DataError: there is a file at the path, and `force` is not set.
    """
    from core.errors import DataError

    if not force and os.path.lexists(path):
        raise DataError(f"nothing is overwritten: {path} is there; choose another --out, or --force")


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _study_tables(results: "StudyResults", root: str) -> dict[str, "TextTable"]:
    """The tables of all arms, comparisons and claims by name, without claims if there are none."""
    from dashboards.analysis.study_analysis import StudyAnalysis
    from dashboards.export_tables import arms_table, claims_table, comparisons_table

    analysis = StudyAnalysis(results, root=root)
    claims = claims_table(analysis)
    made = {"arms": arms_table(analysis), "comparisons": comparisons_table(analysis)}
    return made if claims is None else {**made, "claims": claims}
