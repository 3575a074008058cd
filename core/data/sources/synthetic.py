"""Data source: random modulation curves or LFO shapes rendered by a white-box Mod. Synth.

A random curve is a 1-D piecewise Bezier curve with several segments of degree 1 to 3 and uniformly distributed control
points, or a sine (`data.curves`). Test clips may play LFO shapes instead, which training has never met
(`data.test_modulations`). Pitch (log-uniform) and resonance (uniform) are constant, the start phase is random.
Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204. Everything random derives from `data.seed` and the clip's
number.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips, Dataset
from core.data.base import DataSource, SourceScan
from core.data.lfo_shapes import DrawnLfo
from core.data.vital_lfos import named_shapes, named_shapes_sha256
from core.modulations import modulation_names
from core.ops.bezier import evaluate_over_time, knots
from core.seeding import generator
from core.settings.audio import AudioConfig
from core.settings.data import RANDOM, SyntheticDataConfig
from core.synths.build import build_synth
from core.synths.note import note_by_id
from core.wavetables import wavetable_sha256

_RENDER_BATCH = 32
"""Clips rendered at once."""


class Synthetic(DataSource):
    """Random curves and the sounds that the config's `true_synth` renders from them."""

    def __init__(self, config: SyntheticDataConfig, audio_config: AudioConfig) -> None:
        self._config = config
        self._audio_config = audio_config
        self.planned_sha256 = None
        if config.wavetable_sha256 is not None and config.test_modulations_sha256 is not None:
            self.planned_sha256 = _joint_sha256(config.wavetable_sha256, config.test_modulations_sha256)
        self.description = f"the wavetable {config.wavetable}"
        if config.test_modulations != RANDOM:
            self.description += f" or the LFO shapes {config.test_modulations}"

    def scan(self) -> SourceScan:
        config = self._config
        sha256 = _joint_sha256(wavetable_sha256(config.wavetable), named_shapes_sha256(config.test_modulations))
        summary = {"clips": sum(config.expected_clips), "pitch": "exact"}
        return SourceScan(sha256=sha256, n_clips=config.expected_clips, summary=summary)

    def load(self) -> Dataset:
        """The clips in three splits, which are consecutive ranges of clip numbers."""
        self.check_unchanged(self.scan())
        n_clips = self._config.expected_clips
        train, validation, test = (
            range(sum(n_clips[:split]), sum(n_clips[: split + 1])) for split in range(len(n_clips))
        )
        return Dataset(
            train=self.clips(train),
            validation=self.clips(validation),
            test=self.clips(test, named_shapes(self._config.test_modulations)),
        )

    def clips(self, numbers: range, shapes: Sequence[DrawnLfo] = ()) -> Clips:
        """The clips with these numbers, with random curves or, if there are shapes, with random ones of these."""
        config, audio_config = self._config, self._audio_config
        names = modulation_names(config.true_modulations)
        curves = [(number, name) for number in numbers for name in names]
        modulation = self._drawn_shapes(curves, shapes) if shapes else self._random_curves(curves)
        constants = torch.stack([torch.rand(2, generator=generator(config.seed, "note", number)) for number in numbers])
        f0_hz = config.min_f0_hz * torch.exp(constants[:, 0] * math.log(config.max_f0_hz / config.min_f0_hz))
        clips = Clips(
            ids=tuple(f"synthetic-{number:05d}" for number in numbers),
            audio=torch.zeros(len(numbers), audio_config.n_samples),
            f0_hz=f0_hz,
            q=constants[:, 1],
            modulation=modulation.view(len(numbers), len(names), -1),
            modulation_names=names,
        )
        synth = build_synth(config.true_synth, audio_config)
        with torch.no_grad():
            for start in range(0, len(numbers), _RENDER_BATCH):
                batch = clips[slice(start, start + _RENDER_BATCH)]
                assert batch.modulation is not None
                note = note_by_id(batch, config.seed, "target phase", with_noise=False)
                clips.audio[start : start + len(batch)] = synth(batch.modulation, note)
        return clips

    def _random_curves(self, curves: Sequence[tuple[int, str]]) -> Float[Tensor, "curve frame"]:
        """A random curve for each pair of a clip's number and a modulation."""
        config = self._config
        draws = [generator(config.seed, "modulation", *curve) for curve in curves]
        match config.curves:
            case "splines":
                drawn = [draw_curve(config.max_segments, draw, config.segment_widths) for draw in draws]
                return evaluate_curves(drawn, self._audio_config.n_frames)
            case "lfos":
                rates = config.min_lfo_hz, config.max_lfo_hz
                lfos = [draw_lfo_curve(rates, self._audio_config, draw) for draw in draws]
                return torch.stack(lfos)
            case _:
                assert_never(config.curves)

    def _drawn_shapes(
        self, curves: Sequence[tuple[int, str]], shapes: Sequence[DrawnLfo]
    ) -> Float[Tensor, "curve frame"]:
        """One of the shapes for each pair of a clip's number and a modulation, played over the whole clip."""
        config = self._config
        frames = [shape.frames(self._audio_config.n_frames, config.test_cycles) for shape in shapes]
        values = torch.from_numpy(np.stack(frames)).float()
        draws = (generator(config.seed, "LFO shape", *curve) for curve in curves)
        return values[torch.cat([torch.randint(len(shapes), (1,), generator=draw) for draw in draws])]


@dataclass(frozen=True, slots=True)
class RandomCurve:
    """Random parameters of a piecewise Bezier curve."""

    widths: Float[Tensor, " segment"]
    """Relative widths of the segments."""
    values: Float[Tensor, " point"]
    """Values of the control points, in 0..1."""
    degree: int
    """Degree of all segments."""


def draw_curve(
    max_segments: int, draw: torch.Generator, segment_widths: Literal["half_random", "mixed"] = "half_random"
) -> RandomCurve:
    """A random curve of 1 to `max_segments` segments.

    Args:
        max_segments: Largest number of segments.
        draw: Source of the parameters.
        segment_widths: `half_random`, as in the reference: half of the equal width plus a random share of the other
            half, so no width is below half of the equal one; shares are uniform numbers over their sum. `mixed`: equal
            in half of the curves and random in the others, some of whose segments are steep.
    """
    n_segments = int(torch.randint(1, max_segments + 1, (), generator=draw))
    degree = int(torch.randint(1, 4, (), generator=draw))
    shares = torch.rand(n_segments, generator=draw, dtype=torch.float64).clamp_min(1e-3)
    shares /= shares.sum()
    equal = torch.full_like(shares, 1 / n_segments)
    match segment_widths:
        case "half_random":
            widths = 0.5 * equal + 0.5 * shares
        case "mixed":
            widths = equal if torch.rand((), generator=draw) < 0.5 else shares
        case _:
            assert_never(segment_widths)
    values = torch.rand(n_segments * degree + 1, generator=draw, dtype=torch.float64)
    return RandomCurve(widths, values, degree)


def draw_lfo_curve(
    rates_hz: tuple[float, float], audio_config: AudioConfig, draw: torch.Generator
) -> Float[Tensor, " frame"]:
    """A sine in 0..1 with a log-uniform rate, a uniform phase, a depth of 0.3 to 1 and a uniform offset.

    Args:
        rates_hz: Lowest and highest rate.
        audio_config: Frame rate and number of frames.
        draw: Source of the parameters.
    """
    position, phase, depth, offset = torch.rand(4, generator=draw, dtype=torch.float64).tolist()
    rate_hz = rates_hz[0] * (rates_hz[1] / rates_hz[0]) ** position
    depth = 0.3 + 0.7 * depth
    time_s = torch.arange(audio_config.n_frames, dtype=torch.float64) / audio_config.frame_rate
    sine = 0.5 + 0.5 * torch.sin(2 * math.pi * (rate_hz * time_s + phase))
    curve: Tensor = offset * (1 - depth) + depth * sine
    return curve.float()


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


def _joint_sha256(*hashes: str) -> str:
    """Hash of the hashes of the wavetable and of the LFO shapes."""
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()
