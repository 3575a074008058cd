"""How long it takes to inspect a folder of sounds: new, unchanged, and with one file changed.

    python -m tests.benchmarks.sounds [NUMBER]

writes sounds of 1 to 2 s without a pitch in their names, so that each is tracked, and prints times and memory.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from core.data.sources.audio_folder import AudioFolder
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig

SAMPLE_RATE = 44_100


def write_sounds(folder: Path, n: int) -> None:
    """Write decaying tones of eight harmonics."""
    for number in range(n):
        rng = np.random.default_rng(number)
        time_s = np.arange(round(SAMPLE_RATE * rng.uniform(1, 2))) / SAMPLE_RATE
        f0_hz = 80 * 2 ** rng.uniform(0, 3)
        phases = rng.uniform(0, 2 * np.pi, 8)
        harmonics = [np.sin(2 * np.pi * f0_hz * (k + 1) * time_s + phase) / (k + 1) for k, phase in enumerate(phases)]
        soundfile.write(folder / f"{number:05d}.wav", 0.2 * sum(harmonics) * np.exp(-time_s), SAMPLE_RATE)


def main(n: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name, "sounds"), Path(name, "cache")
        folder.mkdir()
        os.environ["XDG_CACHE_HOME"] = str(cache)
        write_sounds(folder, n)
        source = AudioFolder(AudioFolderConfig(folder=str(folder)), AudioConfig())
        for state in ("new", "unchanged", "one file changed"):
            if state == "one file changed":
                write_sounds(folder, 1)
            started, cpu_started = time.perf_counter(), time.process_time()
            scan = source.scan()
            wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
            print(f"{state:20} {wall_s:7.2f} s, {cpu_s:7.2f} s of CPU, {len(scan.files)} sounds")  # noqa: T201
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak_mib:.0f} MiB, {len(os.sched_getaffinity(0))} cores")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
