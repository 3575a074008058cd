"""`modstudy curves`: the recovered curves that differ most from the truth, or any of them as files for other programs.

One command for both, because the same options choose the curves. What it does depends on what is asked for: `--out`, or
a format that only files have, writes the curves themselves; otherwise their ranking is printed.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from core.visible_text import without_formula
from study.commands.options import Root, console, errors, report_errors

if TYPE_CHECKING:
    from core.metrics.curve_ranking import CurveMeasure
    from core.storage.curve_catalog import CurveCatalog

Format = Literal["table", "csv", "json", "npz", "arrow", "vitallfo", "midi", "wav"]
"""Form of the output: the first three are those of a ranking, csv and the others those of files with curves."""
REPORT_SECTION = "listen"
"""Section of the report that shows curves."""
MAX_LISTED = 12
"""Maximum number of clips or modulations that an error message lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveList:
    """Curves, or groups of curves, with their values."""

    measure: "CurveMeasure"
    rows: tuple[Mapping[str, Any], ...]
    """Worst first; the same columns in each row."""
    n_ranked: int
    """Number of curves, clips or groups that have a value."""
    n_undefined: int
    """Number of curves or clips without a value."""


@report_errors
def curves(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of studies; all of the root if omitted.")
    ] = None,
    root: Root = "runs",
    by: Annotated[
        str | None,
        typer.Option(help="Metric: l1 (default), pcc, l1.lls3, pcc.lls3, range, tv, mss (of the sound), and others."),
    ] = None,
    worst: Annotated[int | None, typer.Option(min=1, help="Number of curves, or of groups; 20 by default.")] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="Show means of groups instead: by study, arm, seed, clip_id or modulation; may be repeated."),
    ] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only this arm; may be repeated.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Only this seed; may be repeated.")] = None,
    clip: Annotated[list[str] | None, typer.Option(help="Only this test clip; may be repeated.")] = None,
    modulation: Annotated[list[str] | None, typer.Option(help="Only this modulation; may be repeated.")] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Rank baselines as well; an --arm is ranked in any case.")
    ] = False,
    where: Annotated[
        str | None,
        typer.Option(
            help="Only curves for which an SQL expression over study, arm, seed, clip, modulation, f0_hz and audio_mss "
            "is true, such as \"arm = 'lpf-8' and clip like '%pad%'\"."
        ),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="The ranking as a table (default), csv or json; with --out, the curves as csv (default), npz, arrow, "
            "vitallfo, midi or wav.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder: write the curves themselves; for npz and what follows, ./NAME-curves by default."),
    ] = None,
    tempo: Annotated[
        float, typer.Option(min=4, max=999, help="Beats per minute of MIDI files, that of the project they go into.")
    ] = 120.0,
    force: Annotated[bool, typer.Option("--force", help="With --out, overwrite existing files.")] = False,
) -> None:
    """Show the curves, clips or arms whose recovered curves differ most from the truth, worst first.

    With --out, or a format that only files have, write the curves themselves instead.
    """
    from core.errors import ConfigError
    from core.storage.curve_catalog import open_curves
    from core.storage.curve_selection import selected
    from core.storage.roots import checked_root

    catalog = open_curves(
        checked_root(root),
        studies=names or None,
        arms=arm or None,
        seeds=seed or None,
        clips=clip or None,
        modulations=modulation or None,
        baselines=baselines or bool(arm),
    )
    _check_has_rows(catalog)
    if where is not None:
        catalog = selected(catalog, where)
        _check_where_found(catalog, where)
    has_baselines = baselines or bool(arm)
    if out is not None or form not in (None, "table", "csv", "json"):
        if by is not None or worst is not None or group:
            raise ConfigError(
                "--by, --worst and --group rank curves, and --out writes them; leave out one or the other"
            )
        _write_files(catalog, form, out, tempo_bpm=tempo, force=force, has_baselines=has_baselines)
        return
    if where is not None and form == "csv":
        errors.print("This is the ranking of the curves; --out DIR writes the curves themselves.", highlight=False)
    by, worst = by or "l1", worst or 20
    found = _grouped(catalog, group, by) if group else _ranked(catalog, worst, by)
    _check_is_known(catalog, found)
    rows = found.rows[:worst]
    match form:
        case "csv":
            typer.echo(_csv(rows), nl=False)
        case "json":
            typer.echo(json.dumps({"metric": found.measure.name, "n_ranked": found.n_ranked,
                                   "n_undefined": found.n_undefined, "rows": list(rows)}, indent=1))  # fmt: skip
        case _:
            studies = dict.fromkeys(file.study for file in catalog.files)
            _print_table(found, rows, has_one_study=len(studies) == 1, has_baselines=has_baselines)


def _write_files(
    catalog: "CurveCatalog",
    form: Format | None,
    out: Path | None,
    *,
    tempo_bpm: float,
    force: bool,
    has_baselines: bool,
) -> None:
    """Write the curves of a catalog as files, and print where they are."""
    from core.errors import ConfigError
    from study.curve_files import write_curve_files

    if form == "table" or form == "json":
        raise ConfigError(
            f"--format {form} is a form of the ranking; curves are written as csv, npz, arrow, vitallfo, midi or wav; "
            "leave out --out, or choose one of these"
        )
    studies = dict.fromkeys(file.study for file in catalog.files)
    folder = out or Path(f"{next(iter(studies)) if len(studies) == 1 else 'all'}-curves")
    written = write_curve_files(catalog, form or "csv", folder, tempo_bpm=tempo_bpm, force=force)
    lines = [f"{written.n_files:,} file{'s' if written.n_files > 1 else ''}: {folder}"]
    if written.largest_error is not None:
        lines.append(f"The shapes deviate from the curves by at most {written.largest_error:.3f}.")
    if not has_baselines:
        lines.append("Baselines are left out; --baselines writes them as well.")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _ranked(catalog: "CurveCatalog", n: int, by: str) -> CurveList:
    """The worst curves, each with the place of its row and of the report that shows the trial."""
    from core.metrics.curve_ranking import worst_curves

    ranking = worst_curves(catalog, n, by)
    name = ranking.measure.name
    rows = tuple(
        {
            "study": curve.file.study,
            "arm": curve.file.arm,
            "seed": curve.file.seed,
            "clip_id": curve.clip_id,
            "modulation": curve.modulation,
            name: curve.value,
            "largest_error_s": curve.largest_error_s,
            "trial": f"{curve.file.attempt.digest}/{curve.file.attempt.name}",
            "row": curve.row,
            "file": curve.file.address,
            "report": f"{curve.file.attempt.store.address('report/index.html')}#{REPORT_SECTION}",
        }
        for curve in ranking.curves
    )
    return CurveList(measure=ranking.measure, rows=rows, n_ranked=ranking.n_ranked, n_undefined=ranking.n_undefined)


def _grouped(catalog: "CurveCatalog", group: Sequence[str], by: str) -> CurveList:
    """Means over the curves of each group."""
    from core.metrics.curve_ranking import curve_means, curve_measure

    measure, means = curve_measure(by), curve_means(catalog, group, by)
    rows = tuple(
        {**dict(zip(group, mean.group, strict=True)), measure.name: mean.mean, "n": mean.n,
         "n_undefined": mean.n_undefined}
        for mean in means
    )  # fmt: skip
    return CurveList(
        measure=measure,
        rows=rows,
        n_ranked=sum(mean.mean is not None for mean in means),
        n_undefined=sum(mean.n_undefined for mean in means),
    )


def _check_has_rows(catalog: "CurveCatalog") -> None:
    """Raise StudyError if no trial has curves, or no curve is of a clip or modulation that was asked for."""
    from dataclasses import replace

    from core.errors import StudyError
    from core.settings.suggestions import did_you_mean
    from core.settings.value_rules import shown_value

    if not catalog.files:
        raise StudyError("none of these trials has curves yet; curves are written when a trial finishes")
    wanted = {"clip_id": ("clip", catalog.clips), "modulation": ("modulation", catalog.modulations)}
    for column, (noun, values) in wanted.items():
        if values is None:
            continue
        known = replace(catalog, clips=None, modulations=None).different(column)
        for value in sorted(values - set(known)):
            more = f" and {len(known) - MAX_LISTED} more" if len(known) > MAX_LISTED else ""
            listed = f"{noun}s: {', '.join(known[:MAX_LISTED])}{more}"
            raise StudyError(f"there is no {noun} {shown_value(value)}; {did_you_mean(value, known, otherwise=listed)}")


def _check_where_found(catalog: "CurveCatalog", where: str) -> None:
    """Raise StudyError if no curve is selected."""
    from core.errors import StudyError
    from core.settings.value_rules import shown_value

    if not catalog.files:
        raise StudyError(f"--where is true for none of the curves; got {shown_value(where)}; see them: modstudy curves")


def _check_is_known(catalog: "CurveCatalog", found: CurveList) -> None:
    """Raise StudyError if no curve has a value."""
    from core.errors import StudyError

    if not found.n_ranked:
        raise StudyError(
            f"{found.measure.name} is undefined for all {found.n_undefined} curves of {len(catalog.files)} trials: "
            "they are flat, or the true curves of these sounds are unknown; rank them by range, tv or mss"
        )


def _print_table(
    found: CurveList, rows: Sequence[Mapping[str, Any]], *, has_one_study: bool, has_baselines: bool
) -> None:
    """Print the rows, how they were ranked, and where the curves are."""
    name, measure = found.measure.name, found.measure
    is_grouped = "file" not in rows[0]
    noun = "groups" if is_grouped else "clips" if measure.is_per_clip else "curves"
    order = "largest" if measure.largest_is_worst else "smallest"
    hidden = {"file", "report"} | ({"study"} if has_one_study and not is_grouped else set())
    if measure.is_per_clip:
        hidden |= {"modulation", "largest_error_s"}
    columns = [column for column in rows[0] if column not in hidden]
    table = Table(title=Text(f"{name}, {order} values first: {len(rows)} of {found.n_ranked:,} {noun}"))
    table.title_justify = "left"
    for column in columns:
        is_number = column in (name, "seed", "row", "n", "n_undefined", "largest_error_s")
        heading = {"clip_id": "clip", "largest_error_s": "differs most at", "n_undefined": "undefined"}.get(
            column, column
        )
        table.add_column(Text(heading), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(column, row[column])) for column in columns))
    console.print(table)
    lines = []
    if found.n_undefined:
        per = "clips" if measure.is_per_clip else "curves"
        lines.append(f"{found.n_undefined:,} {per} have no value: they are flat, or their truth is unknown.")
    if not has_baselines:
        lines.append("Baselines are left out; --baselines ranks them as well.")
    if not is_grouped:
        for study, row in {row["study"]: row for row in rows}.items():
            lines.append(f"Curves of {study}: {row['file'].replace(row['trial'], 'TRIAL')}; report: {row['report']}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _cell(column: str, value: Any) -> str:
    """A value as the text of a table's cell."""
    if value is None:
        return "–"
    if column == "largest_error_s":
        return f"{value:.2f} s"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV with a line of column names; empty cells for None."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: without_formula(cell) if isinstance(cell, str) else cell for name, cell in row.items()})
    return text.getvalue()
