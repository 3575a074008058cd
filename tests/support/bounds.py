"""Numbers, texts and lists in the annotations of config classes and of entries of study files, with their bounds."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Interval, Le, Lt, MaxLen

from core.settings.schema import number_type, setting_types
from search_spaces.paths import annotation_at, is_kind, known_paths
from tests.support.configs import configured

SIZED = (str, tuple, list, dict)
"""Types whose values have a length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Ends of the range of a number; infinite where there is none."""

    low: float = -math.inf
    high: float = math.inf
    low_is_open: bool = False
    high_is_open: bool = False

    @property
    def are_finite(self) -> bool:
        """Whether there are both ends."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def past_low(self, number: type) -> float:
        """The largest number of a type that lies below the range."""
        return _past(self.low, number, is_open=self.low_is_open, towards=-math.inf)

    def past_high(self, number: type) -> float:
        """The smallest number of a type that lies above the range."""
        return _past(self.high, number, is_open=self.high_is_open, towards=math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A number, text or list in an annotation."""

    place: str
    """Class, field and place within its annotation."""
    type: Any
    notes: tuple[Any, ...]

    @property
    def bounds(self) -> Bounds:
        """Range of a number."""
        return bounds_of(self.notes)

    @property
    def max_length(self) -> int | None:
        """Largest length; None if there is none."""
        return next((note.max_length for note in self.notes if isinstance(note, MaxLen)), None)


def bounds_of(notes: tuple[Any, ...]) -> Bounds:
    """The range that notes of an annotation state."""
    found = Bounds()
    gt: Any
    ge: Any
    lt: Any
    le: Any
    for note in notes:
        match note:
            case Interval(gt=gt, ge=ge, lt=lt, le=le):
                pass
            case Gt() | Ge() | Lt() | Le():
                gt, ge, lt, le = (getattr(note, name, None) for name in ("gt", "ge", "lt", "le"))
            case _:
                continue
        if gt is not None or ge is not None:
            found = dataclasses.replace(found, low=ge if gt is None else gt, low_is_open=gt is not None)
        if lt is not None or le is not None:
            found = dataclasses.replace(found, high=le if lt is None else lt, high_is_open=lt is not None)
    return found


def leaves(cls: type) -> Iterator[Leaf]:
    """The leaves in the annotations of a dataclass and of all dataclasses in them, each class once."""
    seen: set[type] = set()
    waiting = [cls]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        for name, annotation in setting_types(each).items():
            yield from _leaves(f"{each.__name__}.{name}", annotation, (), waiting)


def _leaves(place: str, annotation: Any, notes: tuple[Any, ...], waiting: list[type]) -> Iterator[Leaf]:
    """The leaves of an annotation; dataclasses in it are added to those that wait."""
    if get_origin(annotation) is Annotated:
        bare, *own = get_args(annotation)
        yield from _leaves(place, bare, (*notes, *own), waiting)
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _leaves(place, member, notes, waiting)
    elif dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        waiting.append(annotation)
    elif annotation in (int, float) or annotation in SIZED or get_origin(annotation) in SIZED:
        yield Leaf(place=place, type=annotation, notes=notes)
        for member in get_args(annotation):
            if member is not Ellipsis and (get_origin(annotation) is not dict or member is not str):
                yield from _leaves(f"{place}[]", member, (), waiting)


def _past(end: float, number: type, *, is_open: bool, towards: float) -> float:
    """The number of a type next to the end of a range, on the side that does not belong to it."""
    if is_open:
        return number(end)  # type: ignore[no-any-return]
    if number is int:
        return int(end) + (1 if towards > 0 else -1)
    return math.nextafter(end, towards)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSetting:
    """A setting that is a number, with the kinds under which it exists."""

    path: str
    kinds: tuple[str, ...]
    """Assignments of kinds, such as `synth.kind=engel`, outer ones first."""
    type: type
    bounds: Bounds

    def outside(self) -> tuple[float, float]:
        """The numbers next to both ends of the range that do not belong to it."""
        return self.bounds.past_low(self.type), self.bounds.past_high(self.type)

    def inside(self) -> tuple[float, float]:
        """The smallest and the largest number of the range."""
        low, high = self.bounds.low, self.bounds.high
        return (
            math.nextafter(low, math.inf) if self.bounds.low_is_open else low,
            math.nextafter(high, -math.inf) if self.bounds.high_is_open else high,
        )


def number_settings() -> list[NumberSetting]:
    """All settings of a trial that are numbers, each under the first kinds that have it."""
    found = []
    for path, branches in known_paths().items():
        kinds = tuple(f"{union}={kind}" for union, kind in branches[0].items())
        config = configured(*kinds) if kinds else configured("seed=0")
        annotation = None if is_kind(path) else annotation_at(config, path)
        if (number := number_type(annotation)) is not None:
            bounds = bounds_of(get_args(annotation)[1:])
            found.append(NumberSetting(path=path, kinds=kinds, type=number, bounds=bounds))
    return found
