"""Training of a single trial without Ray and MLflow, with the same trainer and record as in a study."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from core.errors import ConfigError
from core.metrics.catalog import label
from core.settings.loading import load_config
from core.settings.toml_files import read_toml
from core.settings.value_rules import shown_text
from core.storage.records import Outcome, PlannedTrial
from core.storage.roots import checked_root
from core.storage.store import Store
from dashboards.formatting import signature_text
from study.planning.memory import check_fits, memory_need
from study.planning.resources import usable_memory_gib
from study.progress import StudyProgress, show_progress

if TYPE_CHECKING:
    from core.training.trainer import Progress


def train_one(path: Path, assignments: Sequence[str], out: Path, console: Console) -> Outcome:
    """Train the trial of a TOML file, show the progress, print the metrics, and return the outcome.

    Args:
        path: File with the settings of the trial.
        assignments: Settings as `PATH=VALUE`, which override those of the file.
        out: Root of the store to which the trial is written.
        console: Terminal for progress and metrics.

    Raises:
        ConfigError: the file or a setting is invalid.
        DataError: the data cannot be used.
        StudyError: the trial needs more memory than this machine has.
    """
    from core.training.resolve import resolve
    from core.training.trial import run_trial

    if "question" in read_toml(path):
        raise ConfigError(
            f"{shown_text(path)} is a study file: run it by `modstudy launch {shown_text(path)}`; a trial file has the "
            "settings of one trial, and `modstudy train --example` prints one"
        )
    resolved = resolve(load_config(path, assignments))
    for note in resolved.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    for issue in resolved.issues:
        console.print(f"{issue.source}: {issue.problem}", markup=False, highlight=False, soft_wrap=True)
    need = memory_need(resolved.config, n_found=resolved.summary.get("n_clips"))
    check_fits(need, usable_memory_gib(), "this machine")
    digest = resolved.config.digest
    store = Store(checked_root(out))
    trial = PlannedTrial(digest=digest, arm=path.stem, seed=resolved.config.seed)
    progress = StudyProgress(
        planned=1,
        trials_at_once=1,
        max_steps={trial.arm: resolved.config.trainer.max_steps},
        waiting={digest: trial},
    )
    progress.start(digest)

    def on_progress(now: "Progress") -> None:
        progress.step(digest, now.step, now.train_loss)

    with show_progress(progress, console):
        record = run_trial(resolved.config, store=store, study="train", arm=path.stem, on_progress=on_progress)
    console.print(f"{record.outcome} after {record.steps} steps" + (f": {record.error}" if record.error else ""))
    table = Table("metric", "validation", "test")
    for metric, value in record.metrics.get("test", {}).items():
        if len(metric.split(".")) == 2:
            validation = record.metrics["validation"]
            validation_text = _metric_text(validation[metric]) if metric in validation else "not measured"
            table.add_row(label(metric), validation_text, _metric_text(value))
    console.print(table)
    if record.signatures:
        console.print(f"Failure signatures: {'; '.join(map(signature_text, record.signatures))}", highlight=False)
    console.print(f"Written to {store.address(f'trials/{digest}/{record.attempt}')}", soft_wrap=True, highlight=False)
    return record.outcome


def _metric_text(value: float | None) -> str:
    """The value of a metric with four significant digits; "undefined" for None."""
    return "undefined" if value is None else f"{value:.4g}"
