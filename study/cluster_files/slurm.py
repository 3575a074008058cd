"""A Slurm batch script that runs Ray on the allocated nodes and a study on Ray, and that survives being requeued."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import ConfigError
from study.cluster_files.rendering import render
from study.cluster_files.settings import Nodes, StudyRun, check_line, check_word

NOTICE_S = 180
"""Seconds before the end of the wall time at which Slurm signals the script; Slurm may do so 60 s earlier."""
DRIVER_STOP_S = 90
"""Seconds that the driver gets between SIGTERM and SIGKILL."""
RAY_STOP_S = 45
"""Seconds that Ray gets between SIGTERM and SIGKILL; where tasks still run, it waits 30 s for them."""
JOIN_S = 300
"""Seconds within which all nodes must have joined."""
LEAST_TIME_S = 600
"""Shortest wall time in seconds, so that trials run between the start of Ray and the notice."""
_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<first>\d+)(?::(?P<second>\d{1,2}))?(?::(?P<third>\d{1,2}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmSettings:
    """Options of the batch script."""

    nodes: Nodes
    time: str = "24:00:00"
    """Wall time as Slurm writes it, e.g. 90, 12:00:00 or 2-00:00:00."""
    partition: str | None = None
    account: str | None = None
    modules: tuple[str, ...] = ()
    """Environment modules to load."""
    venv: str | None = None
    """Folder of a virtual environment to activate, on a file system that all nodes see."""
    max_requeues: int = 20
    """How often the script puts itself back into the queue."""

    def __post_init__(self) -> None:
        if walltime_seconds(self.time) < LEAST_TIME_S:
            raise ConfigError(
                f"--time must be at least {LEAST_TIME_S // 60} minutes, of which the last {NOTICE_S} s go into "
                f"stopping the study; got {self.time!r}"
            )
        for option, value in (("--partition", self.partition), ("--account", self.account)):
            if value is not None:
                check_word(option, value, r"[A-Za-z0-9_.,@+-]+", "one word of letters, digits and _ . , @ + -")
        for text in (*self.modules, self.venv or ""):
            check_line(text)
        if self.max_requeues < 0:
            raise ConfigError(f"--max-requeues must not be negative; got {self.max_requeues}")


def slurm_script(run: StudyRun, settings: SlurmSettings, *, made_by: Sequence[str]) -> str:
    """The batch script; `made_by` are the words of the command that made it.

    The first node runs the driver, and all nodes run trials. The script exits with the code of the driver.
    """
    return render(
        "slurm.sh.j2",
        run=run,
        made_by=made_by,
        settings=settings,
        notice_s=NOTICE_S,
        driver_stop_s=DRIVER_STOP_S,
        ray_stop_s=RAY_STOP_S,
        join_s=JOIN_S,
    )


def walltime_seconds(text: str) -> int:
    """Seconds of a wall time in one of Slurm's formats.

    The formats are minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes and
    days-hours:minutes:seconds (sbatch(1), option --time).

    Raises:
        ConfigError: the text has none of these formats.
    """
    if not (match := _TIME.fullmatch(text)):
        raise ConfigError(
            "--time must be minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes or "
            f"days-hours:minutes:seconds; got {text!r}"
        )
    numbers = [int(match[name]) for name in ("first", "second", "third") if match[name] is not None]
    if match["days"] is not None:
        units = (3600, 60, 1)
    else:
        units = (3600, 60, 1) if len(numbers) == 3 else (60, 1, 0)
    return int(match["days"] or 0) * 86400 + sum(n * unit for n, unit in zip(numbers, units, strict=False))
