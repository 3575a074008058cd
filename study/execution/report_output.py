"""The report of a study as files, and in short on the terminal."""

from rich.console import Console

from core.storage.store import Store
from dashboards.analysis.verdict import TOLERANCE
from dashboards.finding_sentences import verdict_sentences
from dashboards.report.page import write_report
from dashboards.tables import arm_table, front_text


def write_and_print(store: Store, root: str, console: Console, within_percent: float | None = None) -> None:
    """Write the files of the report, and print its verdict, its table of arms and its findings.

    Args:
        store: Store of the study.
        root: Root of all studies.
        console: Where it is printed.
        within_percent: Loss in the first objective that the recommended arm may have, in percent of the best mean.
    """
    tolerance = TOLERANCE if within_percent is None else within_percent / 100
    analysis = write_report(store, root=root, tolerance=tolerance)
    console.print()
    for text in verdict_sentences(analysis):
        console.print(text, style="bold", markup=False, highlight=False)
    console.print()
    console.print(arm_table(analysis.results))
    console.print(front_text(analysis))
    console.print(f"\nReport: {store.address('report/index.html')}", soft_wrap=True, highlight=False)
