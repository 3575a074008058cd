"""The curves of some clips of a trial as an SVG figure, which takes a fraction of the time of a plotting library."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from core.visible_text import visible
from dashboards.report.curve_paths import curve_path

PANEL, GAP, HEADING = 220, 34, 26
"""Width of a panel, distance between panels, and height of the heading, in pixels."""
HEIGHT = 130
"""Height of a panel in pixels."""
TRUTH, ESTIMATE = "#9a9a9a", "#0072B2"
"""Colours of true and of recovered curves."""


def curves_svg(rows: Sequence[Mapping[str, Any]], title: str) -> str:
    """SVG figure with a row of panels for each clip, and a panel for each modulation with values in 0..1.

    Args:
        rows: Rows of the table of curves (`core.storage.curves.SCHEMA`), one per clip and modulation.
        title: Heading of the figure.
    """
    clips = list(dict.fromkeys(str(row["clip_id"]) for row in rows))
    modulations = list(dict.fromkeys(str(row["modulation"]) for row in rows))
    width = GAP + len(modulations) * (PANEL + GAP)
    height = HEADING + len(clips) * (HEIGHT + GAP) + 8
    panels = [
        _panel(row, GAP + modulations.index(row["modulation"]) * (PANEL + GAP), HEADING + GAP // 2
               + clips.index(row["clip_id"]) * (HEIGHT + GAP))
        for row in rows
    ]  # fmt: skip
    legend = f'<tspan fill="{ESTIMATE}">recovered</tspan>'
    if any(row["target"] for row in rows):
        legend += ' over <tspan fill="#6a6a6a">truth</tspan>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/><text x="{GAP}" y="18" fill="#333">'
        f"{html.escape(visible(title))}: {legend}</text>{''.join(panels)}</svg>"
    )


# ---------------------------------------------------------------------------------------------------------------------


def _panel(row: Mapping[str, Any], x: float, y: float) -> str:
    """Panel of one clip and modulation with its upper left corner."""
    lines = [
        _line(curve, colour, width)
        for curve, colour, width in ((row["target"], TRUTH, 3), (row["estimate"], ESTIMATE, 1.5))
        if curve
    ]
    curve = row["estimate"] or row["target"] or ()
    duration = (len(curve) - 1) / row["frame_rate"] if len(curve) > 1 and row["frame_rate"] else math.nan
    name = f"{row['modulation']}, {row['clip_id']}" + ("" if math.isnan(duration) else f", {duration:.3g} s")
    caption = html.escape(visible(name))
    return (
        f'<g transform="translate({x} {y})"><text y="-4" fill="#555" font-size="11">{caption}</text>'
        f'<rect width="{PANEL}" height="{HEIGHT}" fill="none" stroke="#ddd"/>'
        f'<svg width="{PANEL}" height="{HEIGHT}" viewBox="0 -2 100 104" preserveAspectRatio="none">'
        f"{''.join(lines)}</svg></g>"
    )


def _line(curve: Sequence[float], colour: str, width: float) -> str:
    """A curve as an SVG element."""
    return (
        f'<path d="{curve_path(curve, n_bins=200)}" fill="none" stroke="{colour}" stroke-width="{width}" '
        'vector-effect="non-scaling-stroke"/>'
    )
