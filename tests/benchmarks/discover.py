"""Speed of `modstudy discover` on one sound, and of `modstudy apply` on 1,000.

A sound of 3 s is discovered with one thread, at 16 and at 44.1 kHz, with all files and the page. The trained encoder of
an arm of the preset `small` is applied to 1,000 sounds of a second. No sound has a pitch in its name, so that each is
tracked. All is included but the start of Python: decoding, pitch, curves, effects, estimates, tempo, and writing. It
fails where a limit is passed.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch

from core.discovery.sound_reading import Reading, named_files
from core.discovery.trained_arm import TrainedArm
from core.settings.discovery import DiscoverySettings
from core.settings.loading import preset_named
from core.storage.records import TrialRecord
from core.training.model import build_model
from core.training.resolve import resolve
from study.applied_sounds import apply_to_files
from study.discovered_sounds import Discovered, Discovery, discover_file, use_one_thread

SAMPLE_RATE = 16_000
N_SOUNDS = 1000
APPLY_LIMIT_S = 60.0
"""Seconds for `N_SOUNDS` on two cores."""
LIMITS_S = {16_000: 60.0, 44_100: 240.0}
"""Seconds for a sound of 3 s on one core, by sample rate."""


def write_notes(folder: Path, n: int, seconds: float = 1.0, sample_rate: int = SAMPLE_RATE) -> None:
    """Write tones of eight harmonics with a tremolo, at pitches and rates of their own."""
    for number in range(n):
        rng = np.random.default_rng(number)
        time_s = np.arange(round(seconds * sample_rate)) / sample_rate
        f0_hz, rate_hz = 80 * 2 ** rng.uniform(0, 3), rng.uniform(1, 8)
        tones = sum(np.sin(2 * np.pi * f0_hz * k * time_s + rng.uniform(0, 6)) / k for k in range(1, 9))
        soundfile.write(
            folder / f"{number:05d}.wav", 0.2 * tones * (1 + 0.5 * np.sin(2 * np.pi * rate_hz * time_s)), sample_rate
        )


def bench_discover(sample_rate: int) -> bool:
    """Discover a sound of 3 s, print the seconds, and return whether they are within the limit."""
    use_one_thread()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "sounds")
        folder.mkdir()
        write_notes(folder, 2, 3.0, sample_rate)
        discovery = Discovery(reading=Reading(), settings=DiscoverySettings(), out=Path(name, "out"))
        first, second = named_files(sorted(folder.iterdir()))
        # Kernels and librosa are loaded by a short fit, as by the sounds before the last of a folder.
        few = replace(discovery, settings=DiscoverySettings(steps=5))
        discover_file(first, few, lambda *_: None)
        started = time.perf_counter()
        found = discover_file(second, discovery, lambda *_: None)
        seconds = time.perf_counter() - started
    assert isinstance(found, Discovered), found.reason
    limit = LIMITS_S[sample_rate]
    print(f"discover: 3 s at {sample_rate} Hz in {seconds:.1f} s on one core (limit {limit:g} s)")  # noqa: T201
    return seconds <= limit


def bench_apply(n: int = N_SOUNDS) -> bool:
    """Apply an arm to sounds, print seconds and sounds per second, and return whether they are within the limit."""
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
        f"{torch.get_num_threads()} threads (limit {APPLY_LIMIT_S:g} s for {N_SOUNDS})"
    )
    return wall_s <= APPLY_LIMIT_S * n / N_SOUNDS


if __name__ == "__main__":
    passed = [bench_apply(), *map(bench_discover, LIMITS_S)]
    sys.exit(0 if all(passed) else 1)
