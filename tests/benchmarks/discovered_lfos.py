"""What `modstudy discover` says of sounds of Vital with one LFO of a known rate, and how its presets sound.

Renders 20 sounds of 3 s each with a tremolo, a filter LFO and an LFO on the wavetable position, half of them with an
envelope, fits them at 16 kHz, and prints the table of the README: whether the words name the rate within 10 % and the
module, with chance beside it, and whether the preset, played by Vital, is nearer to the sound than a still synth.

    python -m tests.benchmarks.discovered_lfos [--n 20] [--out FOLDER]
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core.data.periodic_lfo import Target
from core.data.renderers.vital_rates import render_vital_rates
from core.discovery.files import safe_name
from core.discovery.sound_input import load_sound
from core.discovery.sound_reading import Reading, named_files
from core.exchange.vital_preset import render_vital_preset
from core.metrics.audio import mss_distance
from core.settings.discovery import DiscoverySettings
from study.discovered_sounds import Discovered, Discovery, discover_files, use_one_thread

MODULES: dict[Target, str] = {"tremolo": "env", "filter": "sub", "position": "add"}
"""The modulation that each LFO moves."""
RATE = 16_000
SEED = 11
"""Another than that of the sounds on which the fit was developed, 7."""
TOLERANCE = 0.1


@dataclass(frozen=True)
class Outcome:
    """What came of a sound."""

    target: str
    true_hz: float
    found_hz: float
    """Rate of the LFO that the words say moves the right module; NaN if they name none."""
    main: str | None
    main_hz: float
    mss: float
    constant_mss: float
    preset_mss: float
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Render, discover and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--n", type=int, default=20, help="sounds of each kind (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="folder for sounds and results; by default a temporary one")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        outcomes = []
        for target in MODULES:
            if not (folder / target).exists():
                render_vital_rates(folder / target, target=target, n=options.n, seed=SEED, rates_hz=(1.0, 12.0))
            outcomes += _discovered(folder / target, target, folder / f"found-{target}")
    print(_table(outcomes))  # noqa: T201


def _discovered(sounds: Path, target: Target, out: Path) -> list[Outcome]:
    """The outcomes of the sounds of a folder."""
    with (sounds / "metadata.csv").open(newline="", encoding="utf-8") as file:
        declared = {row["file"]: float(row["lfo_hz"]) for row in csv.DictReader(file)}
    discovery = Discovery(reading=Reading(sample_rate=RATE), settings=DiscoverySettings(), out=out, tempo_bpm=120.0)
    use_one_thread()
    outcomes = []
    for found in discover_files(named_files([sounds]), discovery, processes=2, on_progress=lambda *_: None):
        assert isinstance(found, Discovered), found.reason
        summary = json.loads((found.folder / "summary.json").read_text(encoding="utf-8"))
        words = summary["description"]
        curves = {each["name"]: each["curve"] for each in words["modulations"]}
        lfo = curves[MODULES[target]]["lfo"]
        outcomes.append(
            Outcome(
                target=target,
                true_hz=declared[found.named.file],
                found_hz=np.nan if lfo is None else lfo["rate_hz"],
                main=words["main_modulation"],
                main_hz=words["main_rate_hz"] or np.nan,
                mss=summary["mss"],
                constant_mss=summary["constant_mss"],
                preset_mss=_preset_distance(found.folder, summary),
                seconds=found.seconds,
            )
        )
    return outcomes


def _preset_distance(folder: Path, summary: dict[str, object]) -> float:
    """Distance `audio.mss` of the preset, rendered by Vital, from the sound; both with a peak of 1."""
    text = (folder / f"{safe_name(str(summary['name']))}.vital").read_text(encoding="utf-8")
    target = torch.from_numpy(load_sound(folder / "target.wav").audio)
    note, duration_s = summary["vital_note"], summary["duration_s"]
    assert isinstance(note, int)
    assert isinstance(duration_s, float)
    played = torch.from_numpy(render_vital_preset(text, note, sample_rate=RATE, duration_s=duration_s)).float()
    played = torch.nn.functional.pad(played, (0, max(0, len(target) - len(played))))[: len(target)]
    return float(mss_distance(target[None], played[None] / played.abs().max(), RATE))


def _table(outcomes: Sequence[Outcome]) -> str:
    """The table of the README."""
    lines = [
        "| LFO on | sounds | rate right | chance | module right | named elsewhere | preset nearer than still | "
        "mss: fit / preset / still |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, module in MODULES.items():
        own = [each for each in outcomes if each.target == name]
        true, found = (np.array([getattr(each, key) for each in own]) for key in ("true_hz", "found_hz"))
        matches = np.abs(found[:, None] - true) <= TOLERANCE * true
        n = len(own)
        chance = (matches.sum() - matches.trace()) / (n * (n - 1))
        right = np.mean([each.main == module for each in own])
        others = np.mean([each.main == module for each in outcomes if each.target != name])
        nearer = np.mean([each.preset_mss < each.constant_mss for each in own])
        means = [np.mean([getattr(each, key) for each in own]) for key in ("mss", "preset_mss", "constant_mss")]
        lines.append(
            f"| {name} | {n} | {matches.trace() / n:.0%} | {chance:.0%} | {right:.0%} | {others:.0%} | {nearer:.0%} | "
            f"{' / '.join(f'{mean:.2f}' for mean in means)} |"
        )
    seconds = np.mean([each.seconds for each in outcomes])
    return "\n".join(lines) + f"\n\n{seconds:.0f} s per sound, two at once."


if __name__ == "__main__":
    main()
