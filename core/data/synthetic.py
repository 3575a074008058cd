"""Synthetic modulations: random curves played by a white-box Mod. Synth, with exact truth.

A curve is a 1-D piecewise Bezier with 1 to 8 segments of degree 1 to 3, segment widths half equal and half random, and
uniform control points. Pitch is log-uniform and constant, resonance uniform and constant, the start phase random.
Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204. Everything derives from `data.seed` and the clip's number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.config import FrozenWavetableConfig, ModSynthConfig, SignalConfig, SyntheticDataConfig
from core.data.clips import Clips, Dataset
from core.metrics.catalog import SIGNALS
from core.parameterizations.baselines import curve_from_segments
from core.seeding import generator
from core.synths.build import build_synth
from core.synths.note import draw_note

_RENDER_BATCH = 32


def synthetic_dataset(config: SyntheticDataConfig, signal: SignalConfig) -> Dataset:
    """The three splits; a clip's number alone decides what it is, so splits never share one."""
    n = (config.n_train, config.n_validation, config.n_test)
    first = (0, n[0], n[0] + n[1])
    train, validation, test = (
        synthetic_clips(config, signal, range(start, start + count)) for start, count in zip(first, n, strict=True)
    )
    return Dataset(train=train, validation=validation, test=test)


def synthetic_clips(config: SyntheticDataConfig, signal: SignalConfig, numbers: range) -> Clips:
    """Draw and render the clips with these numbers."""
    drawn = [
        draw_curve(config.max_segments, generator(config.seed, "modulation", number, name))
        for number in numbers
        for name in SIGNALS
    ]
    modulation = evaluate_curves(drawn, signal.n_frames).view(len(numbers), len(SIGNALS), -1)
    constants = torch.stack([torch.rand(2, generator=generator(config.seed, "note", number)) for number in numbers])
    f0_hz = config.min_f0_hz * torch.exp(constants[:, 0] * math.log(config.max_f0_hz / config.min_f0_hz))
    clips = Clips(
        ids=tuple(f"synthetic-{number:05d}" for number in numbers),
        audio=torch.zeros(len(numbers), signal.n_samples),
        f0_hz=f0_hz,
        q=constants[:, 1],
        modulation=modulation,
    )
    synth = build_synth(
        ModSynthConfig(oscillator=FrozenWavetableConfig(wavetable=config.wavetable), filter=config.filter), signal
    )
    with torch.no_grad():
        for start in range(0, len(numbers), _RENDER_BATCH):
            part = clips[slice(start, start + _RENDER_BATCH)]
            assert part.modulation is not None
            note = draw_note(part, generator(config.seed, "target phase", numbers[start]), with_noise=False)
            clips.audio[start : start + len(part)] = synth(part.modulation, note)
    return clips


@dataclass(frozen=True, slots=True)
class RandomCurve:
    """What is drawn for one curve."""

    widths: Float[Tensor, " segment"]
    values: Float[Tensor, " point"]
    degree: int


def draw_curve(max_segments: int, draw: torch.Generator) -> RandomCurve:
    """Draw one random modulation curve in 0..1."""
    n_segments = int(torch.randint(1, max_segments + 1, (), generator=draw))
    degree = int(torch.randint(1, 4, (), generator=draw))
    widths = torch.rand(n_segments, generator=draw, dtype=torch.float64).clamp_min(1e-3)
    if torch.rand((), generator=draw) < 0.5:
        widths = torch.ones_like(widths)
    values = torch.rand(n_segments * degree + 1, generator=draw, dtype=torch.float64)
    return RandomCurve(widths, values, degree)


def evaluate_curves(curves: Sequence[RandomCurve], n_frames: int) -> Float[Tensor, "curve {n_frames}"]:
    """All curves over time; those of one shape are evaluated together."""
    shapes = [(len(curve.widths), curve.degree) for curve in curves]
    frames = torch.empty(len(curves), n_frames)
    for shape in set(shapes):
        index = [i for i, other in enumerate(shapes) if other == shape]
        widths = torch.stack([curves[i].widths for i in index])
        values = torch.stack([curves[i].values for i in index])
        frames[index] = curve_from_segments(widths, values, shape[1], n_frames).float()
    return frames
