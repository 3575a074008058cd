"""Estimated against measured peak memory of trials: `python -m tests.benchmarks.memory [NAME...]`, some ten minutes.

Each case is a real trial of a few steps with its checkpoint and its evaluation, in a process of its own. The table
shows the peak after the imports, the dataset, the training and the end, the estimate, and their ratio; the command
fails if a ratio is beyond `core.training.memory_estimate.UNCERTAINTY`. Nothing larger than 10 GiB is run.
"""

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from core.training.memory_estimate import UNCERTAINTY, estimate_memory
from tests.support.measured_memory import config_of, measured_peaks

_ENGEL = {"synth.kind": "engel"}
_GREY = {"synth.oscillator.kind": "learnable", "synth.filter.kind": "learned"}
_FEW_CLIPS = {"data.n_train": 20, "data.n_validation": 8, "data.n_test": 8}
_PAPER = {"trainer.batch_size": 2, "trainer.evaluation_batch_size": 2, **_FEW_CLIPS}
_DENSE = [{"n_fft": 1024, "hop_length": 4, "win_length": 600}]

Case = tuple[str, Mapping[str, Any]]
"""Preset and dotted settings."""
QUICK: Mapping[str, Case] = {
    "default": ("small", {}),
    "batch of 256": ("small", {"trainer.batch_size": 256}),
    "width 256": ("small", {"encoder.width": 256, "data.n_test": 32}),
    "512 mel bands": ("small", {"encoder.n_mels": 512, "data.n_test": 32}),
    "48 kHz": ("small", {"audio.sample_rate": 48000, "audio.hop_length": 96, "audio.duration_s": 3.0, **_FEW_CLIPS}),
    "1,000 test clips, Engel": ("small", {**_ENGEL, "data.n_test": 1000, "trainer.evaluation_batch_size": 256}),
    "wavetable of 64 x 65,536": ("small", {**_GREY, "synth.oscillator.table_length": 65536, **_FEW_CLIPS}),
    "random splines": ("small", {"parameterization.kind": "random_spline"}),
}
"""Cases of some seconds each, one for each part that can dominate."""
CASES: Mapping[str, Case] = {
    **QUICK,
    "frame": ("small", {"parameterization.kind": "frame"}),
    "spline": ("small", {"parameterization.kind": "spline"}),
    "B-spline of learned knots": ("small", {"parameterization.kind": "b_spline", "parameterization.knots": "learned"}),
    "C1 Bezier": ("small", {"parameterization.kind": "c1_bezier"}),
    "gated spline": ("small", {"parameterization.kind": "gated_spline"}),
    "projected spline": ("small", {"parameterization.kind": "projected_spline"}),
    "LFO": ("small", {"parameterization.kind": "lfo"}),
    "LFO, clips of 20 s": ("small", {"parameterization.kind": "lfo", "audio.duration_s": 20.0}),
    "random splines, grey box": ("small", {**_GREY, "parameterization.kind": "random_spline"}),
    "oracle, grey box": ("small", {**_GREY, "parameterization.kind": "oracle"}),
    "constant": ("small", {"parameterization.kind": "constant"}),
    "batch of 64": ("small", {"trainer.batch_size": 64}),
    "width 128, dilated": ("small", {"encoder.width": 128, "encoder.dilations": [1, 4, 16, 2]}),
    "512 LSTM units": ("small", {"encoder.head_hidden": 512}),
    "2,048 LSTM units": ("small", {"encoder.head_hidden": 2048}),
    "n_fft 16,384": ("small", {"encoder.n_fft": 16384, "encoder.n_mels": 512}),
    "kernel of 9 x 101": ("small", {"encoder.kernel_time": 101, "encoder.kernel_mel": 9}),
    "bf16": ("small", {"encoder.precision": "bf16", "trainer.batch_size": 64}),
    "hop of 5": ("small", {"audio.hop_length": 5}),
    "clips of 20 s": ("small", {"audio.duration_s": 20.0}),
    "Engel": ("small", _ENGEL),
    "Engel, batch of 64": ("small", {**_ENGEL, "trainer.batch_size": 64}),
    "300 harmonics": ("small", {**_ENGEL, "synth.n_harmonics": 300}),
    "600 harmonics": ("small", {**_ENGEL, "synth.n_harmonics": 600}),
    "513 noise bands": ("small", {**_ENGEL, "synth.n_noise_bands": 513, "synth.noise_taps": 1024}),
    "Engel, granular": ("small", {**_ENGEL, "synth.control": "granular", "parameterization.kind": "frame"}),
    "Shan": ("small", {"synth.kind": "shan"}),
    "Shan, batch of 64": ("small", {"synth.kind": "shan", "trainer.batch_size": 64}),
    "FM, batch of 64": ("small", {"synth.kind": "fm", "trainer.batch_size": 64}),
    "subtractive, vibrato": ("small", {"synth.kind": "subtractive", "synth.vibrato_semitones": 1.0}),
    "grey box": ("small", _GREY),
    "grey box, logits": ("small", {**_GREY, "synth.filter.interpolate": "logits", "trainer.batch_size": 64}),
    "256 cycles, batch of 64": ("small", {**_GREY, "synth.oscillator.n_positions": 256, "trainer.batch_size": 64}),
    "2,000 test clips": ("small", {"data.n_test": 2000}),
    "8,000 training clips": ("small", {"data.n_train": 8000}),
    "100,000 segments": ("small", {"data.max_segments": 100_000, "data.n_train": 100}),
    "evaluation of 256": (
        "small",
        {"data.n_validation": 256, "trainer.evaluation_batch_size": 256, "encoder.width": 64},
    ),
    "dense loss": ("small", {"loss.resolutions": _DENSE}),
    "dense loss, batch of 32": ("small", {"loss.resolutions": _DENSE, "trainer.batch_size": 32}),
    "deep": (
        "small",
        {"encoder.n_mels": 256, "encoder.dilations": [1, 2, 4, 8, 16, 16, 16, 16], "encoder.width": 64},
    ),
    "untrained": ("small", {"trainer.max_steps": 0}),
    "paper": ("paper", _PAPER),
    "paper, Engel": ("paper", {**_PAPER, **_ENGEL}),
    "paper, grey box, spline": ("paper", {**_PAPER, **_GREY, "parameterization.kind": "spline"}),
    "paper, stride 4": ("paper", {**_PAPER, "encoder.stride": 4, "trainer.batch_size": 8}),
}
"""All cases: every variant, and every setting on which the memory depends."""


def main(names: list[str]) -> int:
    """Run the cases and print the table; returns the exit code."""
    console, worst = Console(), 1.0
    table = Table("case", "imports", "data", "training", "end", "estimate", "ratio", title="peak memory in MiB")
    for name in names or list(CASES):
        preset, settings = CASES[name]
        peaks = measured_peaks(settings, preset)
        estimate = estimate_memory(config_of(settings, preset)).peak
        measured = (peaks.imports, peaks.data, peaks.training, peaks.end)
        ratio = estimate / max(measured)
        worst = max(worst, ratio, 1 / ratio)
        table.add_row(name, *(f"{value / 2**20:,.0f}" for value in (*measured, estimate)), f"{ratio:.2f}")
        console.print(f"{name}: {ratio:.2f}", highlight=False)
    console.print(table)
    return int(worst > UNCERTAINTY)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
