"""One trial on its own: no Ray, no MLflow, the same trainer and the same records."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from core.errors import ConfigError
from core.loading import apply_settings, digest, nest, parse_assignment, preset_named, read_toml, to_settings
from core.metrics.catalog import label
from core.results import Outcome, PlannedTrial
from core.store import Store
from study.progress import Standing, shown

if TYPE_CHECKING:
    from core.trainer import Progress


def train_one(path: Path, sets: Sequence[str], out: Path, console: Console) -> Outcome:
    """Train the trial that a TOML file describes, show its progress, and print what it came to.

    Raises:
        ConfigError: the file or a setting is wrong.
        DataError: the data cannot be used.
    """
    from core.resolve import resolve
    from core.trial import run_trial

    settings = read_toml(path)
    preset = preset_named(settings.pop("preset", "small"))
    config = apply_settings(preset, settings)
    config = apply_settings(preset, nest(parse_assignment(text) for text in sets), config)
    if getattr(config.data, "folder", None) == "":
        raise ConfigError("data.folder says where the sounds are, and is not set; set it: --set data.folder=DIR")
    resolved = resolve(config)
    for notice in resolved.notices:
        console.print(f"{notice.source}: {notice.problem}", markup=False, highlight=False, soft_wrap=True)
    name = digest(resolved.config)
    store = Store(out)
    trial = PlannedTrial(digest=name, arm=path.stem, seed=resolved.config.seed, config=to_settings(resolved.config))
    standing = Standing(planned=1, trials_at_once=1, waiting={name: trial})
    standing.start(name)

    def report(progress: "Progress") -> None:
        standing.step(name, progress.step, progress.train_loss)

    with shown(standing, console):
        record = run_trial(resolved.config, store=store, study="train", arm=path.stem, report=report)
    console.print(f"{record.outcome} after {record.steps} steps" + (f": {record.error}" if record.error else ""))
    table = Table("metric", "validation", "test")
    for metric, value in record.metrics.get("test", {}).items():
        if len(metric.split(".")) == 2:
            table.add_row(label(metric), *(_shown(found) for found in (record.metrics["validation"][metric], value)))
    console.print(table)
    console.print(f"Kept: {store.root}/trials/{name}/{record.attempt}", soft_wrap=True, highlight=False)
    return record.outcome


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
