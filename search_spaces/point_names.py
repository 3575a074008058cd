"""Readable names of the points of a space, made of the labels of their options."""

from collections.abc import Collection, Mapping

from search_spaces.names import fitted_name
from search_spaces.options import Option, label_of


def point_name(options: Mapping[str, Option], parents: Mapping[str, Collection[str]]) -> str:
    """Name of a point, such as `engel spline-16`.

    The label of a conditional dimension follows that of the last dimension on which it depends.

    Args:
        options: Chosen option of each dimension that exists at the point, by path, in the order of the space.
        parents: Paths on which each dimension depends.
    """
    top: list[str] = []
    children: dict[str, list[str]] = {}
    for path in options:
        above = [other for other in options if other in parents[path]] if parents[path] else []
        (children.setdefault(above[-1], []) if above else top).append(path)

    def name_of(path: str, n_siblings: int) -> str:
        label = _label(path, options[path], n_siblings)
        below = children.get(path, [])
        separator = "-" if len(below) == 1 else " "
        return separator.join([label, *(name_of(child, len(below)) for child in below)])

    return fitted_name(" ".join(name_of(path, 0) for path in top))


def _label(path: str, option: Option, n_siblings: int) -> str:
    """Label of an option in a name, with the last part of the path if the value alone is ambiguous."""
    is_descriptive = isinstance(option.value, str | Mapping) or option.label != label_of(option.value)
    if is_descriptive or n_siblings == 1:
        return option.label
    return f"{path.rpartition('.')[2]}={option.label}"
