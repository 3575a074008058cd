"""What the sound tells about the position in a wavetable: the loss of an estimate at one position against another.

Held notes of the small preset's white box are rendered at a target position p and an estimated position q, with

- `same`: everything else equal;
- `phase`: another start phase, as in training;
- `cutoff`: another phase, and a filter curve that is 0.05 too high, an error as early in training.

Values are means over notes (pitch, cutoff and resonance). A position is found from the sound alone if the loss is
smallest at q = p; `shift` is the mean distance of the smallest loss from p. `python -m tests.benchmarks.landscape`
writes `landscape.json` and `landscape.svg` to `dashboards/findings/recovery`, in about a minute on one core.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table
from torch import Tensor

from core.losses.build import build_loss
from core.seeding import generator
from core.settings.data import SyntheticDataConfig
from core.settings.presets import SMALL
from core.settings.synths import ModSynthConfig
from core.settings.trial import TrialConfig
from core.synths.build import build_synth
from core.synths.note import Note
from core.training.resolve import resolve
from core.wavetables import BUILTIN_WAVETABLES

FOLDER = Path("dashboards/findings/recovery")
POSITIONS = torch.linspace(0, 1, 17)
CASES = {"same": (False, 0.0), "phase": (True, 0.0), "cutoff": (True, 0.05)}
"""Whether the phase is another, and the error of the filter curve."""
_PITCHES_HZ = (130.0, 220.0, 370.0)
_CUTOFFS = (0.25, 0.5, 0.75)
_LEVEL, _RESONANCE = 0.7, 0.5
_SHOWN = (4, 12)
"""Indices of the target positions in the figure."""


def landscape(table: str) -> dict[str, Float[Tensor, "target estimate"]]:
    """Mean loss between target and estimated position in each case."""
    config = white_box(table)
    loss = build_loss(config.loss)
    pairs = [(f0_hz, cutoff) for f0_hz in _PITCHES_HZ for cutoff in _CUTOFFS]
    sums = {name: torch.zeros(len(POSITIONS), len(POSITIONS)) for name in CASES}
    for number, (f0_hz, cutoff) in enumerate(pairs):
        first, second = torch.rand(2, generator=generator(number, "phase")).tolist()
        targets = _notes(config, f0_hz, cutoff, first)
        for name, (other_phase, error) in CASES.items():
            estimates = _notes(config, f0_hz, cutoff + error, second if other_phase else first)
            for i, target in enumerate(targets):
                sums[name][i] += loss.per_clip(estimates, target.expand_as(estimates)) / len(pairs)
    return sums


def white_box(table: str) -> TrialConfig:
    """The small preset with notes of a quarter of a second, and a synth that plays the table."""
    config = SMALL.config
    data = SyntheticDataConfig(wavetable=table)
    audio = replace(config.audio, duration_s=0.25)
    return resolve(replace(config, device="cpu", audio=audio, data=data, synth=data.true_synth)).config


def shift(losses: Float[Tensor, "target estimate"]) -> float:
    """Mean distance of the position of the smallest loss from the target's."""
    return float((POSITIONS[losses.argmin(1)] - POSITIONS).abs().mean())


def figure(tables: dict[str, dict[str, Tensor]]) -> str:
    """An SVG with a panel per table: loss against estimated position, for two targets (dotted) in each case."""
    width, height, margin = 190, 120, 26
    colours = {"same": "#0072b2", "phase": "#009e73", "cutoff": "#d55e00"}
    parts = []
    for number, (table, losses) in enumerate(tables.items()):
        left, top = margin + (number % 5) * (width + margin), 50 + (number // 5) * (height + 50)
        largest = max(float(values[list(_SHOWN)].max()) for values in losses.values())
        parts.append(f'<text x="{left}" y="{top - 6}">{table} (0 to {largest:.1f})</text>')
        parts.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>')
        for shown, dash in zip(_SHOWN, ("", ' stroke-dasharray="5 3"'), strict=True):
            x = left + width * float(POSITIONS[shown])
            parts.append(f'<path d="M{x:.0f} {top}v{height}" stroke="#999" stroke-dasharray="1 3"/>')
            for case, values in losses.items():
                points = " ".join(
                    f"{left + width * float(q):.0f},{top + height * (1 - float(value) / largest):.1f}"
                    for q, value in zip(POSITIONS, values[shown], strict=True)
                )
                parts.append(f'<polyline points="{points}" fill="none" stroke="{colours[case]}"{dash}/>')
    legend = "".join(f'<tspan fill="{colour}">{case}  </tspan>' for case, colour in colours.items())
    title = (
        f'<text x="{margin}" y="20">Loss against estimated position; targets 0.25 and 0.75 (dashed): {legend}</text>'
    )
    size = f'width="{5 * (width + margin) + margin}" height="{2 * (height + 50) + 30}"'
    style = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{title}{"".join(parts)}</svg>\n'


def main() -> None:
    """Write data and figure, and print the table."""
    tables = {table: landscape(table) for table in BUILTIN_WAVETABLES}
    content: dict[str, Any] = {"positions": POSITIONS.tolist(), "tables": {}}
    shown = Table("wavetable", *(f"shift, {case}" for case in CASES))
    for table, losses in tables.items():
        rows = {
            case: [[round(value, 3) for value in row] for row in values.tolist()] for case, values in losses.items()
        }
        content["tables"][table] = {"shift": {case: round(shift(losses[case]), 3) for case in CASES}, "loss": rows}
        shown.add_row(table, *(f"{shift(losses[case]):.3f}" for case in CASES))
    Console(width=100).print(shown)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "landscape.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
    (FOLDER / "landscape.svg").write_text(figure(tables), encoding="utf-8")


def _notes(config: TrialConfig, f0_hz: float, cutoff: float, phase: float) -> Float[Tensor, "position sample"]:
    """A held note at every position."""
    assert isinstance(config.synth, ModSynthConfig)
    synth, n_frames, n = build_synth(config.synth, config.audio), config.audio.n_frames, len(POSITIONS)
    add = POSITIONS[:, None].expand(-1, n_frames)
    curves = torch.stack([add, torch.full_like(add, cutoff), torch.full_like(add, _LEVEL)], 1)
    note = Note(f0_hz=torch.full((n,), f0_hz), q=torch.full((n,), _RESONANCE), phase=torch.full((n,), phase))
    with torch.no_grad():
        sounds: Tensor = synth(curves, note)
    return sounds


if __name__ == "__main__":
    main()
