"""Speed and size of the report of a large study: 1,250 arms of 8 seeds, 10,000 trials that never ran.

`python -m tests.benchmarks.report` makes the study, some minutes, unless it is there already, writes its report in a
process of its own and opens the page in headless Chromium. Seconds are those of the CPU, so that other work on the
machine disturbs little; beside them stands the wall time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from core.storage.store import Store
from dashboards.report.keys import PAGE_KEY, RESULTS_KEY, SUMMARY_KEY
from tests.support.browser import driven_page
from tests.support.large_study import large_study

GOALS = {"report": 10.0, "page": 15.0, "open": 3.0}
"""Largest CPU seconds of the report, MB of the page, and CPU seconds until it is open."""
READY = "return document.readyState === 'complete' && !!document.querySelector('#front-plot .main-svg')"


def write_in_process(root: Path) -> dict[str, float]:
    """Write the report in a new process; returns its seconds of CPU and of wall time and its memory, imports included.

    Args:
        root: Folder of the study.
    """
    code = (
        "import json, resource, sys, time; start = time.perf_counter();"
        "from core.storage.store import Store; from dashboards.report.page import write_report;"
        "write_report(Store(sys.argv[1])); usage = resource.getrusage(resource.RUSAGE_SELF);"
        "print(json.dumps({'cpu_s': usage.ru_utime + usage.ru_stime, 'wall_s': time.perf_counter() - start,"
        "'memory_mb': usage.ru_maxrss / 1000}))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def open_in_browser(page_file: Path) -> dict[str, Any]:
    """Open the page; returns seconds of CPU and of wall time until it is drawn, and messages on the console."""
    with tempfile.TemporaryDirectory() as folder, driven_page(Path(folder)) as page:
        page.command("Performance.enable")
        start = time.perf_counter()
        page.open(page_file.as_uri())
        page.wait_for(READY, "the front")
        wall_s = time.perf_counter() - start
        metrics = {each["name"]: each["value"] for each in page.command("Performance.getMetrics")["metrics"]}
        return {"cpu_s": metrics["ProcessTime"], "wall_s": wall_s, "messages": page.messages()}


def main() -> int:
    """Print the table; the exit status is 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arms", type=int, default=1250, help="number of arms, at most 1250")
    parser.add_argument("--folder", type=Path, help="folder that keeps the study for another run")
    options = parser.parse_args()
    console = Console()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        root = folder / "large"
        if not Store(root).has_study:
            console.print(f"making {options.arms} arms of 8 seeds in {root}")
            large_study(root, n_arms=options.arms)
        report, opened = write_in_process(root), open_in_browser(root / PAGE_KEY)
        sizes = {key: (root / key).stat().st_size / 1e6 for key in (PAGE_KEY, SUMMARY_KEY, RESULTS_KEY)}
    table = Table("", "measured", "goal")
    table.add_row("report", f"{report['cpu_s']:.1f} s CPU ({report['wall_s']:.1f} s)", f"{GOALS['report']:g} s")
    table.add_row("memory", f"{report['memory_mb']:.0f} MB", "")
    table.add_row("page", f"{sizes[PAGE_KEY]:.1f} MB", f"{GOALS['page']:g} MB")
    table.add_row("open", f"{opened['cpu_s']:.1f} s CPU ({opened['wall_s']:.1f} s)", f"{GOALS['open']:g} s")
    table.add_row(SUMMARY_KEY, f"{sizes[SUMMARY_KEY]:.1f} MB", "")
    table.add_row(RESULTS_KEY, f"{sizes[RESULTS_KEY]:.1f} MB", "")
    console.print(table)
    for message in opened["messages"]:
        console.print(message, markup=False)
    measured = {"report": report["cpu_s"], "page": sizes[PAGE_KEY], "open": opened["cpu_s"]}
    missed = [name for name, goal in GOALS.items() if measured[name] > goal]
    return 1 if missed or opened["messages"] else 0


if __name__ == "__main__":
    sys.exit(main())
