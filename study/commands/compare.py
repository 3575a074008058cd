"""`modstudy compare`: compares the fronts, arms and plans of studies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.commands.options import Root, console, report_errors

if TYPE_CHECKING:
    from dashboards.comparison.study_comparison import StudyComparison

COMPARISONS = "comparisons"
"""Folder in the root to which pages are written by default."""
SUFFIXES = (".html", ".png", ".svg")
"""Endings of files that can be written: a page, or the figure of the fronts."""


@report_errors
def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME NAME...", help="Names of studies; the first is the reference.")
    ],
    root: Root = "runs",
    out: Annotated[
        Path | None,
        typer.Option(help="Page (.html) or figure (.png, .svg) to write; by default ROOT/comparisons/A-vs-B.html."),
    ] = None,
) -> None:
    """Compare studies: fronts, arms with the same config or name, and what changed between their plans."""
    from core.errors import ConfigError, StudyError
    from core.settings.value_rules import listed, shown_text
    from core.storage.store import Store
    from dashboards.comparison.study_comparison import compare_studies
    from dashboards.comparison.text import caution, match_table, sentences
    from dashboards.comparison.together import load_together
    from study.execution.session import Session

    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise StudyError(f"a comparison needs two or more different studies; got {listed(names)}")
    if out is not None and out.suffix not in SUFFIXES:
        raise ConfigError(f"--out writes a file that ends in {', '.join(SUFFIXES)}; got {shown_text(out)}")
    sessions = [Session(root=root, name=name, console=console) for name in names]
    for session in sessions:
        session.plan()
    comparison = compare_studies(load_together([session.store for session in sessions]))
    for pair in comparison.pairs:
        if pair.matches and comparison.objectives:
            console.print(match_table(pair, comparison))
        for line in (*sentences(pair, comparison), caution(pair)):
            if line:
                console.print(line, markup=False, highlight=False)
    if out is None:
        store, key = Store(root), _default_key(names)
        store.put(key, _file(comparison, ".html"))
        address = store.address(key)
    else:
        from core.storage.atomic_write import write_atomically

        write_atomically(out, _file(comparison, out.suffix))
        address = str(out)
    console.print(f"\n{'Figure' if address.endswith(('.png', '.svg')) else 'Page'}: {address}", markup=False,
                  highlight=False, soft_wrap=True)  # fmt: skip


def _default_key(names: list[str]) -> str:
    """Key in the root of the page of these studies."""
    from search_spaces.names import fitted_name

    return f"{COMPARISONS}/{fitted_name('-vs-'.join(names))}.html"


def _file(comparison: "StudyComparison", suffix: str) -> bytes:
    """Contents of a file with this ending."""
    if suffix == ".html":
        from dashboards.comparison.page import render_comparison

        return render_comparison(comparison).encode()
    from dashboards.comparison.figure import comparison_figure

    return comparison_figure(comparison, "svg" if suffix == ".svg" else "png")
