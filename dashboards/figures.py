"""Figures made in Python: the front as a picture, spectrograms, and curves as SVG paths."""

import io
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy import ndarray
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from core.metrics.catalog import label
from dashboards.analysis.statistics import Estimate
from dashboards.analysis.study_results import ArmResult, StudyResults, front_arms
from dashboards.palette import Style
from dashboards.wording import Axis, better, plural

RANGE_DB = 80.0
MIN_HZ = 50.0
Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points."""
Align = Literal["left", "center", "right"]
_PLACES: tuple[tuple[int, int, Align], ...] = (
    (8, 7, "left"), (-8, 7, "right"), (8, -8, "left"), (-8, -8, "right"), (0, 13, "center"), (0, -13, "center"),
    (12, 20, "left"), (12, -20, "left"), (-12, 20, "right"), (-12, -20, "right"),
)  # fmt: skip


def front_png(results: StudyResults, x: Axis, y: Axis, styles: Mapping[str, Style]) -> bytes:
    """Arm means with intervals, seeds, and the front of two metrics, for a paper or a README."""
    figure = Figure(figsize=(7.2, 4.8), dpi=170, layout="constrained")
    axes = figure.subplots()
    shown = [arm for arm in results.arms if x.metric in arm.metrics and y.metric in arm.metrics]
    objectives = [axis.objective for axis in (x, y)]
    front = front_arms(results.arms, [o for o in objectives if o]) if all(objectives) else set()
    if shown:
        _limits(axes, shown, x.metric, y.metric)
        _front_line(axes, [arm for arm in shown if arm.name in front], x, y)
        for arm in shown:
            _arm(axes, arm, x.metric, y.metric, styles[arm.name], on_front=arm.name in front)
        _labels(figure, axes, shown, x.metric, y.metric, front)
    else:
        axes.text(0.5, 0.5, "no finished trial has both metrics yet", ha="center", transform=axes.transAxes)
    axes.set_xlabel(f"{label(x.metric)}, {better(x.direction)}")
    axes.set_ylabel(f"{label(y.metric)}, {better(y.direction)}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    counts = sorted({len(arm.finished) for arm in shown})
    seeds = f"{counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else plural(counts[0] if counts else 0, "seed")
    bars = "bars: 95 % t intervals, cut at the frame; " if counts and counts[-1] > 1 else ""
    state = "" if results.is_complete else "unfinished study; "
    axes.set_title(
        _plain(f"{results.plan.name}: {state}{results.split} means over {seeds}; {bars}crosses: baselines"),
        fontsize=8.5, loc="left", color="#444444",
    )  # fmt: skip
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def spectrogram_png(audio: Float[ndarray, " sample"], sample_rate: int, peak: float | None = None) -> bytes:
    """Log magnitude over log frequency (50 Hz to Nyquist), 80 dB below `peak`; 128 x at most 200 pixels.

    Args:
        peak: The magnitude shown brightest, so that two sounds share a scale; default the sound's own.
    """
    magnitudes, frequencies = _stft(audio, sample_rate)
    top = peak if peak is not None else float(magnitudes.max())
    decibels = 20 * np.log10(np.maximum(magnitudes, 1e-12) / max(top, 1e-9))
    rows = np.geomspace(MIN_HZ, sample_rate / 2, 128)
    image = np.stack([np.interp(rows, frequencies, column) for column in decibels.T], axis=1)
    # A PNG of 40 grey steps is half the size of one of 256, and looks the same at this size.
    steps = np.round(np.clip(1 + image / RANGE_DB, 0, 1) * 39) / 39
    buffer = io.BytesIO()
    imsave(buffer, steps, cmap="magma", vmin=0, vmax=1, origin="lower", format="png")
    return buffer.getvalue()


def spectral_peak(audio: Float[ndarray, " sample"], sample_rate: int) -> float:
    """The largest magnitude of a sound's spectrogram."""
    return float(_stft(audio, sample_rate)[0].max())


def curve_path(values: Sequence[float | None] | Float[ndarray, " frame"], n_bins: int = 300) -> str:
    """A curve in 0..1 as an SVG path over a box of 100 x 100; undefined frames leave a gap.

    A curve of more than two frames per bin is drawn by the least and the largest value of each bin, so that what
    wiggles still looks as if it did.
    """
    array = np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)
    positions = np.linspace(0, 100, len(array)) if len(array) > 1 else np.zeros(len(array))
    if len(array) > 2 * n_bins:
        kept = sorted(
            {
                int(part[pick])
                for part in np.array_split(np.arange(len(array)), n_bins)
                if np.isfinite(array[part]).any()
                for pick in (np.nanargmin(array[part]), np.nanargmax(array[part]))
            }
        )
        array, positions = array[kept], positions[kept]
    path, pen_down = [], False
    for position, value in zip(positions, np.clip(array, -0.2, 1.2), strict=True):
        if np.isfinite(value):
            path.append(f"{'L' if pen_down else 'M'}{position:.1f} {100 * (1 - value):.1f}")
        pen_down = bool(np.isfinite(value))
    return "".join(path)


# ---------------------------------------------------------------------------------------------------------------------


def _stft(
    audio: Float[ndarray, " sample"], sample_rate: int
) -> tuple[Float[ndarray, "bin column"], Float[ndarray, " bin"]]:
    length = 2 ** round(np.log2(0.05 * sample_rate))
    hop = max(length // 8, len(audio) // 200)
    transform = ShortTimeFFT(hann(length, sym=False), hop, sample_rate)
    padded = np.pad(audio, (0, max(0, length - len(audio))))
    return np.abs(transform.stft(padded, padding="even")), transform.f


def _plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def _arm(axes: Axes, arm: ArmResult, x: str, y: str, style: Style, *, on_front: bool) -> None:
    seeds = sorted(arm.values[x].keys() & arm.values[y].keys())
    strength = 1.0 if on_front or not arm.is_eligible else 0.4
    axes.scatter(
        [arm.values[x][seed] for seed in seeds], [arm.values[y][seed] for seed in seeds],
        s=9, color=style.colour, alpha=0.45 * strength, linewidths=0, zorder=2,
    )  # fmt: skip
    axes.errorbar(
        arm.metrics[x].mean, arm.metrics[y].mean, xerr=_bar(arm.metrics[x]), yerr=_bar(arm.metrics[y]),
        marker=style.marker, markersize=8, color=style.colour, ecolor=style.colour, elinewidth=0.9,
        markerfacecolor=style.colour if on_front or arm.is_baseline else "white", markeredgewidth=1.3,
        alpha=strength, zorder=4,
    )  # fmt: skip


def _limits(axes: Axes, arms: Sequence[ArmResult], x: str, y: str) -> None:
    """Room for means and seeds; with two seeds intervals are so wide that they would squeeze everything else."""
    for metric, set_limits in ((x, axes.set_xlim), (y, axes.set_ylim)):
        values = [value for arm in arms for value in (arm.metrics[metric].mean, *arm.values[metric].values())]
        low, high = min(values), max(values)
        room = 0.12 * (high - low) or 0.1 * abs(high) or 0.1
        set_limits(low - room, high + room)


def _front_line(axes: Axes, front: Sequence[ArmResult], x: Axis, y: Axis) -> None:
    points = sorted((arm.metrics[x.metric].mean, arm.metrics[y.metric].mean) for arm in front)
    if len(points) > 1:
        xs, ys = zip(*points, strict=True)
        where: Literal["post", "pre"] = "post" if x.direction == "minimize" else "pre"
        axes.step(xs, ys, where=where, color="#444444", linewidth=1.1, zorder=1)


def _bar(estimate: Estimate) -> list[list[float]] | None:
    if estimate.lo is None or estimate.hi is None:
        return None
    return [[estimate.mean - estimate.lo], [estimate.hi - estimate.mean]]


def _labels(figure: Figure, axes: Axes, arms: Sequence[ArmResult], x: str, y: str, front: set[str]) -> None:
    """Name the arms beside their points, each on the side where there is most room; only the front if many."""
    figure.draw_without_rendering()
    points = axes.transData.transform([(arm.metrics[x].mean, arm.metrics[y].mean) for arm in arms]) * 72 / figure.dpi
    frame = np.asarray(axes.bbox.extents) * 72 / figure.dpi
    taken = [(px - 4, py - 4, px + 4, py + 4) for px, py in points]
    for arm, (px, py) in zip(arms, points, strict=True):
        if len(arms) > 15 and arm.name not in front:
            continue
        boxes = [_box(px + dx, py + dy, 5.2 * len(arm.name), align) for dx, dy, align in _PLACES]
        best = min(range(len(boxes)), key=lambda i: _cost(boxes[i], taken, frame))
        taken.append(boxes[best])
        dx, dy, align = _PLACES[best]
        axes.annotate(
            _plain(arm.name), (arm.metrics[x].mean, arm.metrics[y].mean), xytext=(dx, dy), textcoords="offset points",
            ha=align, va="center", fontsize=8.5, zorder=5, color="#1a1a1a" if arm.name in front else "#777777",
        )  # fmt: skip


def _box(x: float, y: float, width: float, align: Align) -> Box:
    left = x - {"left": 0.0, "center": 0.5, "right": 1.0}[align] * width
    return left, y - 5, left + width, y + 5


def _cost(box: Box, taken: Sequence[Box], frame: Float[ndarray, "4"]) -> float:
    """Area shared with what is there already, and what sticks out of the frame."""
    shared = sum(
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in taken
    )
    outside = max(frame[0] - box[0], box[2] - frame[2], frame[1] - box[1], box[3] - frame[3], 0.0)
    return float(shared + 100 * outside)
