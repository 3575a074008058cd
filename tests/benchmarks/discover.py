"""Speed of `modstudy apply`: 1,000 sounds of a second through the trained encoder of an arm of the preset `small`.

The sounds have no pitch in their names, so that each is tracked. All is included: decoding, pitch, curves, effects,
estimates, and writing.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from core.discovery.sound_reading import Reading, named_files
from core.discovery.trained_arm import TrainedArm
from core.settings.loading import preset_named
from core.storage.records import TrialRecord
from core.training.model import build_model
from core.training.resolve import resolve
from study.applied_sounds import apply_to_files

SAMPLE_RATE = 16_000
N_SOUNDS = 1000


def write_notes(folder: Path, n: int, seconds: float = 1.0) -> None:
    """Write tones of eight harmonics with a tremolo, at pitches and rates of their own."""
    for number in range(n):
        rng = np.random.default_rng(number)
        time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        f0_hz, rate_hz = 80 * 2 ** rng.uniform(0, 3), rng.uniform(1, 8)
        tones = sum(np.sin(2 * np.pi * f0_hz * k * time_s + rng.uniform(0, 6)) / k for k in range(1, 9))
        soundfile.write(
            folder / f"{number:05d}.wav", 0.2 * tones * (1 + 0.5 * np.sin(2 * np.pi * rate_hz * time_s)), SAMPLE_RATE
        )


def bench_apply(n: int = N_SOUNDS) -> None:
    """Apply an arm to sounds, and print seconds and sounds per second."""
    config = resolve(preset_named("small").config).config
    arm = TrainedArm(build_model(config).eval(), config)
    record = TrialRecord(
        digest="0" * 16, study="bench", arm="lpf", seed=0, attempt="0001-bench", outcome="finished", config={}
    )
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "sounds"), Path(name, "out")
        folder.mkdir()
        write_notes(folder, n)
        # Kernels are compiled before, as by `make setup`.
        first = named_files(sorted(folder.iterdir())[:2])
        reading = Reading(sample_rate=config.audio.sample_rate)
        apply_to_files(arm, record, first, reading, Path(name, "first"), sounds=True)
        started, cpu_started = time.perf_counter(), time.process_time()
        applied = apply_to_files(arm, record, named_files([folder]), reading, out, sounds=True)
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
        n_done = len(applied.mss)
    print(  # noqa: T201
        f"apply: {n_done} sounds of 1 s in {wall_s:.1f} s ({cpu_s:.1f} s of CPU), {n_done / wall_s:.0f} sounds/s, "
        f"{torch.get_num_threads()} threads"
    )


if __name__ == "__main__":
    bench_apply()
