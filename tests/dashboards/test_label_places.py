"""Labels beside their marks."""

from dashboards.label_places import PLACES, label_places

FRAME = (300.0, 200.0)


def places(
    marks: list[tuple[float, float]], labels: list[str | None], frame: tuple[float, float] = FRAME
) -> list[tuple[int, int] | None]:
    return list(label_places(marks, labels, frame, font_size=10.0, gap=6.0))


def test_a_lone_label_takes_the_first_place() -> None:
    assert places([(150, 100)], ["frame"]) == [PLACES[0]]


def test_a_label_stays_inside_the_frame() -> None:
    assert places([(290, 100)], ["frame"]) == [(-1, 1)]
    assert places([(10, 195)], ["frame"]) == [(1, -1)]
    assert places([(290, 195)], ["frame"]) == [(-1, -1)]


def test_a_label_avoids_marks_and_earlier_labels() -> None:
    # The second mark lies where the first label would be; the third label would cover the first one.
    assert places([(150, 100), (170, 110)], ["frame", None]) == [(-1, 1), None]
    first, second = places([(150, 100), (150, 103)], ["frame", "lpf-8"])
    assert (first, second) == ((1, 1), (-1, 1))


def test_in_a_narrow_strip_a_label_goes_beside_its_mark() -> None:
    assert places([(20, 5)], ["frame"], frame=(100.0, 10.0)) == [(1, 0)]


def test_marks_without_a_label_have_no_place() -> None:
    assert places([(1, 1), (2, 2)], [None, None]) == [None, None]
