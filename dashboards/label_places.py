"""Placement of labels in a scatter plot, with as little overlap between labels and marks as possible.

templates/label_places.js implements the same rule for the report page, whose axes are changed in the browser. Change
both files together; a browser test compares them.

A mark is a square that extends by 3/4 of `gap` from its centre to each side. A label is a box, 0.6 em per character
wide and 1 em high, at one of eight places around its mark, at the distance `gap` from the centre. Labels are placed in
order, each at the place of lowest cost, the first one if several are equal. The cost of a place is the area (em^2) that
its box shares with all marks and with the labels placed so far, plus 10 for each em by which it extends beyond the
frame.
"""

from collections.abc import Sequence

import numpy as np

Place = tuple[int, int]
"""Horizontal and vertical position relative to the mark: -1 left or below, 0 centred, 1 right or above."""
PLACES: tuple[Place, ...] = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))
"""Places for a label, in order of preference."""
CHARACTER_WIDTH_EM = 0.6
"""Assumed width of a character in em."""
MARK_SHARE = 0.75
"""Half the side of a mark, as a share of `gap`."""
COST_PER_EM_OUTSIDE = 10.0
"""Cost of each em by which a label extends beyond the frame."""
Box = tuple[float, float, float, float]
"""Left, bottom, right and top edge in em."""


def label_places(
    marks: Sequence[tuple[float, float]],
    labels: Sequence[str | None],
    frame: tuple[float, float],
    *,
    font_size: float,
    gap: float,
) -> list[Place | None]:
    """Choose the place of each label.

    Args:
        marks: Centres of all marks, relative to the lower left corner of the frame; all lengths have the same unit.
        labels: The label of each mark; None if it has none.
        frame: Width and height of the plot.
        font_size: Font size, the length of one em.
        gap: Distance from the centre of a mark to its label.

    Returns:
        The place of each label in the order of the marks; None for a mark without a label.
    """
    width, height, gap_em = frame[0] / font_size, frame[1] / font_size, gap / font_size
    half_side = MARK_SHARE * gap_em
    centres = [(x / font_size, y / font_size) for x, y in marks]
    occupied: list[Box] = [(x - half_side, y - half_side, x + half_side, y + half_side) for x, y in centres]
    places: list[Place | None] = []
    for label, (x, y) in zip(labels, centres, strict=True):
        if label is None:
            places.append(None)
            continue
        boxes = [_label_box(x, y, CHARACTER_WIDTH_EM * len(label), gap_em, place) for place in PLACES]
        best = int(np.argmin([_place_cost(box, occupied, width, height) for box in boxes]))
        occupied.append(boxes[best])
        places.append(PLACES[best])
    return places


def _label_box(x: float, y: float, length: float, gap: float, place: Place) -> Box:
    """The box of a label of the given length at a place around the mark at (x, y); all lengths in em."""
    centre_x, centre_y = x + place[0] * (gap + length / 2), y + place[1] * (gap + 0.5)
    return centre_x - length / 2, centre_y - 0.5, centre_x + length / 2, centre_y + 0.5


def _place_cost(box: Box, occupied: Sequence[Box], width: float, height: float) -> float:
    """The cost of a label box, given the occupied boxes and the size of the frame."""
    left, bottom, right, top = box
    shared = sum(
        max(0.0, min(right, other[2]) - max(left, other[0])) * max(0.0, min(top, other[3]) - max(bottom, other[1]))
        for other in occupied
    )
    return shared + COST_PER_EM_OUTSIDE * max(0.0, -left, -bottom, right - width, top - height)
