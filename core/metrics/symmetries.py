"""Transformations of modulation curves that might leave a sound unchanged: candidates for symmetries of a synth.

If the sound of transformed curves cannot be told from that of the curves, no loss on the sound can choose between them,
and a person who reads one must know of the other. Each candidate is a small dataclass; `candidates` lists those of a
synth. All keep curves in 0..1: values are clamped, and the ends of moved or smoothed curves are repeated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from core.modulations import Modulation
from core.ops.low_pass import convolve, lowpass_kernel
from core.ops.sizes import check_low_pass_size

Curves = Float[Tensor, "clip modulation frame"]

OFFSETS = (-0.1, -0.05, 0.05, 0.1)
DEPTHS = (0.5, 0.9, 1.1)
SHIFTS = (-5, -1, 1, 5)
"""In frames."""
CUTOFFS_HZ = (8.0, 4.0)
LEVEL_FACTOR = 0.8
"""Factor of an amplitude curve in a trade."""
COMPENSATIONS = (-0.2, -0.1, 0.1, 0.2)
"""Offsets of another curve that might make up for the level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inversion:
    """v -> 1 - v, of one curve or of several at once."""

    kind: Literal["inversion"] = "inversion"
    modulations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Each of two curves in the place of the other."""

    kind: Literal["swap"] = "swap"
    modulations: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """v -> v + by."""

    kind: Literal["offset"] = "offset"
    modulations: tuple[int, ...]
    by: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """v -> m + factor (v - m), m the mean of the curve over the clip."""

    kind: Literal["depth"] = "depth"
    modulations: tuple[int, ...]
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The curve some frames later; earlier if negative."""

    kind: Literal["shift"] = "shift"
    modulations: tuple[int, ...]
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoothing:
    """The curve through the zero-phase low-pass of `core.ops.low_pass`."""

    kind: Literal["smoothing"] = "smoothing"
    modulations: tuple[int, ...]
    cutoff_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The curve of the next clip, and for the last clip that of the first."""

    kind: Literal["exchange"] = "exchange"
    modulations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """An amplitude curve times a factor, and another curve moved by an offset that might make up for it.

    The first of `modulations` is the amplitude; without a second one nothing makes up for its level.
    """

    kind: Literal["trade"] = "trade"
    modulations: tuple[int, ...]
    factor: float
    offset: float = 0.0


Transformation = Inversion | Swap | Offset | Depth | Shift | Smoothing | Exchange | Trade


def transformed(transformation: Transformation, curves: Curves, frame_rate: float) -> Curves:
    """The curves after a transformation, in 0..1; those that it does not name stay as they are.

    Args:
        transformation: What is done.
        curves: Curves in 0..1 of some clips.
        frame_rate: Frames per second.

    Raises:
        ValueError: the frame rate cannot resolve the cutoff of a low-pass.
    """
    found = curves.clone()
    places = list(transformation.modulations)
    own = curves[:, places]
    match transformation:
        case Inversion():
            new = 1 - own
        case Swap():
            new = own.flip(1)
        case Offset(by=by):
            new = own + by
        case Depth(factor=factor):
            mean = own.mean(-1, keepdim=True)
            new = mean + factor * (own - mean)
        case Shift(frames=frames):
            n_frames = own.shape[-1]
            new = own[..., (torch.arange(n_frames, device=own.device) - frames).clamp(0, n_frames - 1)]
        case Smoothing(cutoff_hz=cutoff_hz):
            new = convolve(own.contiguous(), lowpass_kernel(cutoff_hz, frame_rate).to(own))
        case Exchange():
            new = own.roll(-1, 0)
        case Trade(factor=factor, offset=offset):
            new = torch.cat([factor * own[:, :1], own[:, 1:] + offset], 1)
        case _:
            assert_never(transformation)
    found[:, places] = new.clamp(0, 1)
    return found


def candidates(
    modulations: Sequence[Modulation], n_clips: int, n_frames: int, frame_rate: float
) -> tuple[Transformation, ...]:
    """The candidates for a synth, without those that its clips rule out.

    Args:
        modulations: The modulations of the synth.
        n_clips: Clips whose curves are transformed; one alone has no other to exchange its curve with.
        n_frames: Frames of each curve, which must be longer than the kernel of a low-pass.
        frame_rate: Frames per second, which must resolve the cutoff of a low-pass.
    """
    return tuple(_candidates(modulations, n_clips, n_frames, frame_rate))


def label(transformation: Transformation) -> str:
    """The transformation in a few words, without the modulations."""
    match transformation:
        case Inversion():
            return "1 - v"
        case Swap():
            return "swap"
        case Offset(by=by):
            return f"v {_signed(by)}"
        case Depth(factor=factor):
            return f"depth x {factor:g}"
        case Shift(frames=frames):
            return f"{abs(frames)} frame{'s' if abs(frames) > 1 else ''} {'later' if frames > 0 else 'earlier'}"
        case Smoothing(cutoff_hz=cutoff_hz):
            return f"low-pass {cutoff_hz:g} Hz"
        case Exchange():
            return "of the next clip"
        case Trade(factor=factor, offset=offset, modulations=modulations):
            return f"v x {factor:g}" + (f", other {_signed(offset)}" if len(modulations) > 1 else "")
        case _:
            assert_never(transformation)


# ---------------------------------------------------------------------------------------------------------------------


def _candidates(
    modulations: Sequence[Modulation], n_clips: int, n_frames: int, frame_rate: float
) -> Iterator[Transformation]:
    places = range(len(modulations))
    pairs = list(combinations(places, 2))
    for group in [*((place,) for place in places), *pairs]:
        yield Inversion(modulations=group)
    for pair in pairs:
        yield Swap(modulations=pair)
    cutoffs = [cutoff for cutoff in CUTOFFS_HZ if _is_resolved(cutoff, n_frames, frame_rate)]
    for own in ((place,) for place in places):
        yield from (Offset(modulations=own, by=by) for by in OFFSETS)
        yield from (Depth(modulations=own, factor=factor) for factor in DEPTHS)
        yield from (Shift(modulations=own, frames=frames) for frames in SHIFTS)
        yield from (Smoothing(modulations=own, cutoff_hz=cutoff) for cutoff in cutoffs)
        if n_clips > 1:
            yield Exchange(modulations=own)
    for level in (place for place in places if modulations[place].is_amplitude):
        yield Trade(modulations=(level,), factor=LEVEL_FACTOR)
        for other in (place for place in places if place != level):
            yield from (Trade(modulations=(level, other), factor=LEVEL_FACTOR, offset=by) for by in COMPENSATIONS)


def _is_resolved(cutoff_hz: float, n_frames: int, frame_rate: float) -> bool:
    try:
        check_low_pass_size(cutoff_hz, frame_rate, n_frames)
    except ValueError:
        return False
    return True


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value):g}"
