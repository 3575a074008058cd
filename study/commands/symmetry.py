"""`modstudy symmetry`: which changes of the discovered curves leave the sound of a trained model unchanged."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.visible_text import without_formula
from study.commands.options import Name, Root, console, report_errors

if TYPE_CHECKING:
    from core.statistics.paired import Estimate
    from study.sound_symmetries import Measurement, SeedMean, TrialCurves

_MOSTLY = 0.9
"""Share of clips from which on a change is listed as a symmetry."""


@report_errors
def symmetry(
    name: Name,
    root: Root = "runs",
    arm: Annotated[list[str] | None, typer.Option("--arm", help="Only this arm.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for all values, of each seed and over seeds.")] = None,
) -> None:
    """Change the test curves of a study in many ways, play them again, and measure which changes can be heard."""
    from study.execution.session import Session
    from study.sound_symmetries import maps_between_seeds, over_seeds, sound_symmetries
    from study.trained_trials import finished_records

    session = Session(root=root, name=name, console=console)
    session.plan()
    records = finished_records(session.store, name, arm or ())
    found: list[Measurement] = []
    curves: list[TrialCurves] = []
    with console.status("making sounds") as status:
        for measurements, of_trial in sound_symmetries(session.store, records):
            found += measurements
            curves.append(of_trial)
            status.update(f"making sounds: {len(curves)} of {len(records)} trials")
    arms = tuple(dict.fromkeys(record.arm for record in records))
    maps = [each for arm in arms for each in maps_between_seeds([trial for trial in curves if trial.arm == arm])]
    changes_over_seeds, maps_over_seeds = over_seeds(found), over_seeds(maps)
    if out is not None:
        out.write_text(_csv([*changes_over_seeds, *maps_over_seeds]), encoding="utf-8")
    for each in arms:
        _print_changes(each, [row for row in changes_over_seeds if row.arm == each])
    for each in arms:
        _print_maps(each, [row for row in maps_over_seeds if row.arm == each])
    if out is not None:
        console.print(str(out), markup=False, highlight=False, soft_wrap=True)


# ---------------------------------------------------------------------------------------------------------------------


def _print_changes(arm: str, rows: "Sequence[SeedMean]") -> None:
    """Print what each transformation does to the sound, the most often unchanged first."""
    changes = _by_change(rows)
    table = Table(title=Text(f"{arm}: changes of the curves, mean and 95 % interval over seeds"), title_justify="left")
    for column in ("modulations", "change"):
        table.add_column(column)
    for column in (
        "curve moves",
        "distance",
        "interval",
        "floor",
        "unchanged",
        "interval",
        "nearer target by",
        "seeds",
    ):
        table.add_column(column, justify="right", no_wrap=column == "interval")
    symmetries = []
    for (modulations, change), of_change in sorted(changes.items(), key=lambda item: _order(item[1])):
        moves, distance, floor, unchanged, rise = (
            of_change[measure].estimate for measure in ("moves", "distance", "floor", "unchanged", "target_rise")
        )
        table.add_row(
            Text(" + ".join(modulations)),
            change,
            _number(moves),
            _number(distance),
            _interval(distance),
            _number(floor),
            _percent(unchanged),
            _interval(unchanged, 100, (0.0, 100.0)),
            "–" if rise is None else f"{-rise.mean:+.3f}",
            str(len(of_change["distance"].values)),
        )
        if unchanged is not None and unchanged.mean >= _MOSTLY:
            symmetries.append(f"{' + '.join(modulations)}: {change}")
    console.print(table)
    listed = "; ".join(symmetries) if symmetries else "none"
    n_undefined = sum(of_change["distance"].n_undefined for of_change in changes.values())
    for line in (
        "A clip is unchanged if its distance (audio.mss) is at most its floor, the one to the same curves at other "
        "start phases.",
        f"Unchanged in at least {100 * _MOSTLY:.0f} % of the clips: {listed}.",
        *([f"{n_undefined} sounds have no distance and are left out."] if n_undefined else []),
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_maps(arm: str, rows: "Sequence[SeedMean]") -> None:
    """Print how well the curves of one seed are affine in those of another."""
    if not rows:
        console.print(
            f"{arm}: no two seeds have the same sounds, so their curves are not compared.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        return
    table = Table(title=Text(f"{arm}: affine maps between the curves of two seeds"), title_justify="left")
    for column in ("modulation", "map"):
        table.add_column(column)
    for column in ("R² (LLS 1)", "interval", "chance", "R² (LLS 3)", "interval", "chance", "negative slopes", "seeds"):
        table.add_column(column, justify="right", no_wrap=column == "interval")
    for (modulations, change), of_map in _by_change(rows).items():
        one, all_ = of_map["r2.lls1"], of_map["r2.lls3"]
        table.add_row(
            modulations[0],
            change,
            _number(one.estimate),
            _interval(one.estimate),
            _number(of_map["chance.lls1"].estimate),
            _number(all_.estimate),
            _interval(all_.estimate),
            _number(of_map["chance.lls3"].estimate),
            _percent(of_map["negative"].estimate),
            str(len(one.values)),
        )
    console.print(table)
    console.print(
        "Chance: the map from the curves of another clip. Seeds share maps, so the intervals are too narrow.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _by_change(rows: "Sequence[SeedMean]") -> "dict[tuple[tuple[str, ...], str], dict[str, SeedMean]]":
    """The measures of each change, by their names."""
    changes: dict[tuple[tuple[str, ...], str], dict[str, SeedMean]] = {}
    for row in rows:
        changes.setdefault((row.modulations, row.change), {})[row.measure] = row
    return changes


def _order(of_change: "dict[str, SeedMean]") -> tuple[float, float]:
    """Where a change stands in the table: by its share of unchanged clips, then by its distance."""
    unchanged, distance = of_change["unchanged"].estimate, of_change["distance"].estimate
    return (-unchanged.mean if unchanged else 1.0, distance.mean if distance else float("inf"))


def _number(estimate: "Estimate | None") -> str:
    return "–" if estimate is None else f"{estimate.mean:.3f}"


def _percent(estimate: "Estimate | None") -> str:
    return "–" if estimate is None else f"{100 * estimate.mean:.0f} %"


def _interval(
    estimate: "Estimate | None", factor: float = 1, bounds: tuple[float, float] = (float("-inf"), float("inf"))
) -> str:
    """The interval times a factor, within bounds; a dash if there is none."""
    if estimate is None or estimate.lo is None or estimate.hi is None:
        return "–"
    low, high = (min(max(factor * end, bounds[0]), bounds[1]) for end in (estimate.lo, estimate.hi))
    digits = 3 if factor == 1 else 0
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _csv(rows: "Sequence[SeedMean]") -> str:
    """All values as CSV: for each measure a line over its seeds, with the interval, and one for each seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("arm", "modulations", "change", "measure", "seeds", "value", "lo", "hi", "n_undefined"))
    for row in rows:
        key = (without_formula(row.arm), " ".join(row.modulations), row.change, row.measure)
        estimate = row.estimate
        mean = ("", "", "") if estimate is None else (estimate.mean, estimate.lo, estimate.hi)
        writer.writerow((*key, " ".join(map(str, row.values)), *mean, row.n_undefined))
        for seed, value in row.values.items():
            writer.writerow((*key, seed, value, "", "", ""))
    return text.getvalue()
