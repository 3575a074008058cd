"""Where the labels of a scatter plot go, so that they cover each other and the marks as little as possible.

The page's script has the same rule (templates/label_places.js), because the page changes its axes by itself; change
both together, a test in the browser compares them.

A mark is a square that reaches 3/4 of `gap` from its centre to each side. A label is a box of 0.6 em a character by
1 em, in one of eight places around its mark, `gap` away from the centre. Each label takes the cheapest place, the first
of equals. A place costs the area (em^2) that its box shares with all marks and with the labels placed before, and 10
for each em by which it leaves the frame.
"""

from collections.abc import Sequence

import numpy as np

Place = tuple[int, int]
"""Horizontal and vertical side of the mark: -1 left or below, 0 centred, 1 right or above."""
PLACES: tuple[Place, ...] = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))
CHARACTER_WIDTH_EM = 0.6
MARK_SHARE = 0.75
"""Half the side of a mark over `gap`."""
COST_PER_EM_OUTSIDE = 10.0
Box = tuple[float, float, float, float]
"""Left, bottom, right, top in em."""


def label_places(
    marks: Sequence[tuple[float, float]],
    labels: Sequence[str | None],
    frame: tuple[float, float],
    *,
    font_size: float,
    gap: float,
) -> list[Place | None]:
    """A place for each label, in order.

    Args:
        marks: Centres of all marks, from the frame's lower left corner; all lengths share one unit.
        labels: One per mark; None where a mark has no label.
        frame: Width and height of the plot.
        font_size: The em.
        gap: Distance from a mark's centre to its labels.

    Returns:
        The place of each label, None where there is no label.
    """
    width, height, gap_em = frame[0] / font_size, frame[1] / font_size, gap / font_size
    half = MARK_SHARE * gap_em
    centres = [(x / font_size, y / font_size) for x, y in marks]
    taken: list[Box] = [(x - half, y - half, x + half, y + half) for x, y in centres]
    places: list[Place | None] = []
    for label, (x, y) in zip(labels, centres, strict=True):
        if label is None:
            places.append(None)
            continue
        boxes = [_box(x, y, CHARACTER_WIDTH_EM * len(label), gap_em, place) for place in PLACES]
        best = int(np.argmin([_cost(box, taken, width, height) for box in boxes]))
        taken.append(boxes[best])
        places.append(PLACES[best])
    return places


def _box(x: float, y: float, length: float, gap: float, place: Place) -> Box:
    centre_x, centre_y = x + place[0] * (gap + length / 2), y + place[1] * (gap + 0.5)
    return centre_x - length / 2, centre_y - 0.5, centre_x + length / 2, centre_y + 0.5


def _cost(box: Box, taken: Sequence[Box], width: float, height: float) -> float:
    left, bottom, right, top = box
    shared = sum(
        max(0.0, min(right, other[2]) - max(left, other[0])) * max(0.0, min(top, other[3]) - max(bottom, other[1]))
        for other in taken
    )
    return shared + COST_PER_EM_OUTSIDE * max(0.0, -left, -bottom, right - width, top - height)
