"""Peak memory of real trials, each run in a process of its own, to compare the estimate with.

`python -m tests.support.measured_memory SETTINGS`, with dotted settings as JSON, runs one trial and prints its peaks.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.settings.dotted import nest
from core.settings.loading import apply_settings
from core.settings.presets import PRESETS
from core.settings.trial import TrialConfig

FEW_STEPS: Mapping[str, Any] = {
    "trainer.max_steps": 3,
    "trainer.validate_every": 2,
    "trainer.checkpoint_every": 2,
    "device": "cpu",
}
"""Settings of a trial that does everything that takes memory, in little time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Largest resident memory in bytes since the start of the process, at the end of each part of a trial."""

    imports: int
    data: int
    training: int
    end: int


def config_of(settings: Mapping[str, Any], preset: str = "small") -> TrialConfig:
    """The config of a short trial with some dotted settings."""
    return apply_settings(PRESETS[preset], nest({**FEW_STEPS, **settings}.items()))


def measured_peaks(settings: Mapping[str, Any], preset: str = "small", timeout_s: float = 300.0) -> Peaks:
    """Run a short trial in a process of its own, and return its peaks.

    The process builds its dataset itself, as the first process does that needs it.

    Args:
        settings: Dotted settings.
        preset: Name of the preset that they change.
        timeout_s: Time within which the trial must end.
    """
    with tempfile.TemporaryDirectory() as folder:
        kernels = os.environ.get("NUMBA_CACHE_DIR") or str(_kernels())
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.measured_memory", json.dumps([preset, dict(settings), folder])],
            env=os.environ | {"XDG_CACHE_HOME": folder, "NUMBA_CACHE_DIR": kernels, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    assert done.returncode == 0, done.stderr
    return Peaks(**json.loads(done.stdout.splitlines()[-1]))


def _kernels() -> Path:
    """Folder with the folders of compiled kernels."""
    from core.ops.kernel_cache import kernel_folder

    return kernel_folder().parent


def _run(preset: str, settings: dict[str, Any], folder: str) -> Peaks:
    """Run a trial in this process."""
    from unittest.mock import patch

    import ray.tune  # noqa: F401  (as a worker does)
    import torch

    from core.storage.store import Store
    from core.training import trial
    from core.training.resolve import resolve

    torch.set_num_threads(1)
    marks = {"imports": peak_bytes()}

    def marked(name: str, part: str) -> Any:
        """A patch of a function of the trial, after which the peak is noted under a name."""
        function = getattr(trial, part)

        def call(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            marks[name] = peak_bytes()
            return result

        return patch.object(trial, part, call)

    config = resolve(config_of(settings, preset)).config
    with marked("data", "cached_dataset"), marked("training", "fit"):
        record = trial.run_trial(config, store=Store(folder), study="memory", arm="arm")
    assert record.outcome in ("finished", "diverged", "nan"), record.error
    return Peaks(**marks, end=peak_bytes())


def peak_bytes() -> int:
    """Largest resident memory of this process so far; `ru_maxrss` would include that of the process it came from."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    import dataclasses

    print(json.dumps(dataclasses.asdict(_run(*json.loads(sys.argv[1])))))  # noqa: T201
