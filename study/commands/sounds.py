"""`modstudy sounds`: distances between sets of sounds, and perceptual ones, of the trained models of a study."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.visible_text import without_formula
from study.commands.options import Name, Root, console, report_errors

if TYPE_CHECKING:
    from study.sound_distances import SoundDistance


@report_errors
def sounds(
    name: Name,
    root: Root = "runs",
    embedding: Annotated[
        list[str] | None,
        typer.Option(
            "--embedding",
            metavar="MODULE:FUNCTION",
            help="Frechet audio distance over the embeddings of a function of yours, which is imported and run; it "
            "takes sounds (clip, sample) and their rate. Or the built-in mfcc, which is the default.",
        ),
    ] = None,
    perceptual: Annotated[
        int, typer.Option("--perceptual", min=0, max=100_000, help="Also CDPAM, of so many clips of each trial.")
    ] = 0,
    arm: Annotated[list[str] | None, typer.Option("--arm", help="Only this arm.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for the values of all trials.")] = None,
) -> None:
    """Make the test sounds of a study again from its weights, and measure how far they are from the targets."""
    from study.execution.session import Session
    from study.sound_distances import measures_of, sound_distances
    from study.trained_trials import finished_records

    session = Session(root=root, name=name, console=console)
    session.plan()
    records = finished_records(session.store, name, arm or ())
    measures = measures_of(embedding or ["mfcc"], perceptual)
    found: list[SoundDistance] = []
    with console.status("making sounds") as status:
        for distance in sound_distances(session.store, records, measures):
            found.append(distance)
            status.update(f"making sounds: {len(found) // len(measures)} of {len(records)} trials")
    if out is not None:
        out.write_text(_csv(found), encoding="utf-8")
    _print_tables(found)
    if out is not None:
        console.print(str(out), markup=False, highlight=False, soft_wrap=True)


# ---------------------------------------------------------------------------------------------------------------------


def _print_tables(found: "Sequence[SoundDistance]") -> None:
    """Print a table for each measure, the smallest mean first, and what it is estimated from."""
    from core.statistics.summaries import summarise
    from core.statistics.support import NON_NEGATIVE

    for measure in dict.fromkeys(each.measure for each in found):
        own = [each for each in found if each.measure == measure]
        rows = []
        for arm in dict.fromkeys(each.arm for each in own):
            of_arm = [each for each in own if each.arm == arm]
            values = [each.value for each in of_arm if each.value is not None]
            summary = summarise(values, NON_NEGATIVE) if values else None
            rows.append((arm, summary, len(of_arm), sum(each.n_undefined for each in of_arm)))
        table = Table(title=Text(f"{measure}, smaller is better"), title_justify="left")
        for column in ("arm", "mean", "95 % interval", "seeds", "undefined sounds"):
            table.add_column(column, justify="left" if column == "arm" else "right")
        for arm, summary, n_seeds, n_undefined in sorted(rows, key=lambda row: row[1].mean if row[1] else float("inf")):
            mean = interval = "–"
            if summary is not None:
                mean = f"{summary.mean:.4g}"
                interval = "–" if summary.lo is None else f"{summary.lo:.4g} to {summary.hi:.4g}"
            table.add_row(Text(arm), mean, interval, str(n_seeds), str(n_undefined))
        console.print(table)
        for line in _remarks(own):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _remarks(own: "Sequence[SoundDistance]") -> list[str]:
    """What a reader must know of the values of a measure."""
    n_clips = sorted({each.n_clips for each in own})
    clips = str(n_clips[0]) if len(n_clips) == 1 else f"{n_clips[0]} to {n_clips[-1]}"
    if own[0].dimension is None:
        return [f"Means over pairs of sounds, {clips} of each trial. CDPAM was trained on speech."]
    lines = [
        f"From {clips} sounds on either side, in {own[0].dimension} dimensions. Few sounds make the distance too "
        "large, by about as much for each arm: compare arms of this table, and no other tables."
    ]
    if any(each.is_rank_deficient for each in own):
        lines.append("There are no more embeddings than dimensions: the distance says little; take more test sounds.")
    return lines


def _csv(found: "Sequence[SoundDistance]") -> str:
    """The values as CSV with a line of column names; empty cells for None."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=[field.name for field in fields(found[0])], lineterminator="\n")
    writer.writeheader()
    for each in found:
        row = asdict(each)
        writer.writerow({key: without_formula(cell) if isinstance(cell, str) else cell for key, cell in row.items()})
    return text.getvalue()
