"""Space on the disks that a study writes to: asked before it starts, and named when it is used up."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.cache_folder import cache_folder
from core.errors import StudyError
from core.settings.loading import from_settings
from core.storage.records import PlannedTrial, StudyPlan
from core.storage.store import Store

MAX_SIZED = 16
"""Number of arms whose trials are sized; the others are assumed to be like these."""
MIN_TEMPORARY_BYTES = 10**7
"""Space for the files of Ray in the temporary folder; it wrote 0.2 MB in a study of 24 trials."""


class DiskFullInterrupt(KeyboardInterrupt):
    """Raised in the driver when a disk is full; its text says which one.

    It is a KeyboardInterrupt because a full disk stops a study as Ctrl-C does, and because Ray Tune takes other errors
    for those of a single trial.
    """


def fullest_disk(store: Store) -> str:
    """Which of the disks that a study writes to is the fullest, as the beginning of a sentence."""
    places = [path for path in (store.local_root, cache_folder(), Path(tempfile.gettempdir())) if path is not None]
    free, place = min((shutil.disk_usage(_existing(path)).free, path) for path in places)
    return f"the disk of {place} is full ({size_text(free)} free)"


def check_room(store: Store, plan: StudyPlan, trials: Sequence[PlannedTrial]) -> None:
    """Check that the disks have room for what trials certainly write; nothing is written.

    Raises:
        StudyError: a disk lacks room.
    """
    temporary = Path(tempfile.gettempdir())
    if trials and (free := shutil.disk_usage(_existing(temporary)).free) < MIN_TEMPORARY_BYTES:
        raise StudyError(
            f"Ray needs {size_text(MIN_TEMPORARY_BYTES)} for temporary files, and the disk of {temporary} has "
            f"{size_text(free)} free: free space there, or name another folder by TMPDIR"
        )
    if store.local_root is None or not trials:
        return
    free = shutil.disk_usage(_existing(store.local_root)).free
    if (needed := _bytes_of(plan, trials)) > free:
        raise StudyError(
            f"the {len(trials)} trials to run write at least {size_text(needed)}, and the disk of {store.local_root} "
            f"has {size_text(free)} free: free space there, choose another --root, or keep less of each trial "
            "(trainer.n_audio_clips)"
        )


def size_text(n_bytes: float) -> str:
    """A size in MB or GB."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _bytes_of(plan: StudyPlan, trials: Sequence[PlannedTrial]) -> float:
    """Size of what trials certainly write, from that of a trial in each of some arms."""
    # Commands that only look at a study need not wait for torch.
    from study.planning.disk import least_trial_bytes

    by_arm = list({(trial.arm, trial.stage): trial for trial in trials}.values())
    sized = by_arm[:: -(-len(by_arm) // MAX_SIZED)]
    sizes = [least_trial_bytes(from_settings(plan.config_of(trial)), stage=trial.stage) for trial in sized]
    return len(trials) * sum(sizes) / len(sizes)


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())
