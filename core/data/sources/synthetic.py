"""Data source: random modulation curves rendered by a white-box Mod. Synth.

A curve is a 1-D piecewise Bezier curve with several segments of degree 1 to 3 and uniformly distributed control points;
segment widths are equal in half of the curves and random in the others. Pitch (log-uniform) and resonance (uniform) are
constant, the start phase is random. Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204. Curves, pitch and
resonance derive from `data.seed` and the clip's number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips, Dataset
from core.data.base import DataSource, SourceScan
from core.modulations import modulation_names
from core.ops.bezier import evaluate_over_time, knots
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.data import SyntheticDataConfig
from core.synths.build import build_synth
from core.synths.note import draw_note
from core.wavetables import wavetable_sha256

_RENDER_BATCH = 32
"""Clips rendered at once."""


class Synthetic(DataSource):
    """Random curves and the sounds that the config's `true_synth` renders from them."""

    def __init__(self, config: SyntheticDataConfig, audio_config: AudioConfig) -> None:
        self._config = config
        self._audio_config = audio_config
        self.planned_sha256 = config.wavetable_sha256
        self.description = f"the wavetable {config.wavetable}"

    def scan(self) -> SourceScan:
        summary = {"clips": sum(self._config.expected_clips), "pitch": "exact"}
        return SourceScan(
            sha256=wavetable_sha256(self._config.wavetable), n_clips=self._config.expected_clips, summary=summary
        )

    def load(self) -> Dataset:
        """The clips in three splits, which are consecutive ranges of clip numbers."""
        self.check_unchanged(self.scan())
        n_clips = self._config.expected_clips
        first = (0, n_clips[0], n_clips[0] + n_clips[1])
        train, validation, test = (
            self.clips(range(start, start + count)) for start, count in zip(first, n_clips, strict=True)
        )
        return Dataset(train=train, validation=validation, test=test)

    def clips(self, numbers: range) -> Clips:
        """The clips with these numbers."""
        config, audio_config = self._config, self._audio_config
        names = modulation_names(config.true_modulations)
        curves = [
            draw_curve(config.max_segments, generator(config.seed, "modulation", number, name))
            for number in numbers
            for name in names
        ]
        constants = torch.stack([torch.rand(2, generator=generator(config.seed, "note", number)) for number in numbers])
        f0_hz = config.min_f0_hz * torch.exp(constants[:, 0] * math.log(config.max_f0_hz / config.min_f0_hz))
        clips = Clips(
            ids=tuple(f"synthetic-{number:05d}" for number in numbers),
            audio=torch.zeros(len(numbers), audio_config.n_samples),
            f0_hz=f0_hz,
            q=constants[:, 1],
            modulation=evaluate_curves(curves, audio_config.n_frames).view(len(numbers), len(names), -1),
            modulation_names=names,
        )
        synth = build_synth(config.true_synth, audio_config)
        with torch.no_grad():
            for start in range(0, len(numbers), _RENDER_BATCH):
                batch = clips[slice(start, start + _RENDER_BATCH)]
                assert batch.modulation is not None
                note = draw_note(batch, generator(config.seed, "target phase", numbers[start]), with_noise=False)
                clips.audio[start : start + len(batch)] = synth(batch.modulation, note)
        return clips


@dataclass(frozen=True, slots=True)
class RandomCurve:
    """Random parameters of a piecewise Bezier curve."""

    widths: Float[Tensor, " segment"]
    """Relative widths of the segments."""
    values: Float[Tensor, " point"]
    """Values of the control points, in 0..1."""
    degree: int
    """Degree of all segments."""


def draw_curve(max_segments: int, draw: torch.Generator) -> RandomCurve:
    """A random curve of 1 to `max_segments` segments."""
    n_segments = int(torch.randint(1, max_segments + 1, (), generator=draw))
    degree = int(torch.randint(1, 4, (), generator=draw))
    widths = torch.rand(n_segments, generator=draw, dtype=torch.float64).clamp_min(1e-3)
    if torch.rand((), generator=draw) < 0.5:
        widths = torch.ones_like(widths)
    values = torch.rand(n_segments * degree + 1, generator=draw, dtype=torch.float64)
    return RandomCurve(widths, values, degree)


def evaluate_curves(curves: Sequence[RandomCurve], n_frames: int) -> Float[Tensor, "curve {n_frames}"]:
    """Values of the curves at equally spaced times; curves of the same size are evaluated together."""
    sizes = [(len(curve.widths), curve.degree) for curve in curves]
    frames = torch.empty(len(curves), n_frames)
    for size in set(sizes):
        index = [i for i, other in enumerate(sizes) if other == size]
        widths = torch.stack([curves[i].widths for i in index])
        values = torch.stack([curves[i].values for i in index])
        frames[index] = curve_from_segments(widths, values, size[1], n_frames).float()
    return frames


def curve_from_segments(
    widths: Float[Tensor, "*shape segment"], values: Float[Tensor, "*shape point"], degree: int, n_frames: int
) -> Float[Tensor, "*shape frame"]:
    """Piecewise Bezier curves over time; the control points of a segment are equally spaced within its width."""
    spacing = (widths / widths.sum(-1, keepdim=True) / degree).repeat_interleave(degree, dim=-1)
    time = torch.linspace(0, 1, n_frames, dtype=torch.float64, device=values.device)
    return evaluate_over_time(knots(spacing), values, degree, time)
