"""A search space: dimensions over dotted config paths, some of which exist only where others have certain values.

A path that names a part of the config (`synth`) takes labelled groups of settings; a condition on it names labels.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from core.errors import ConfigError
from core.settings.dotted import nest
from core.settings.loading import apply_settings
from core.settings.presets import Preset
from core.settings.trial import TrialConfig
from search_spaces.domains import Domain, Option, Range, label_of
from search_spaces.paths import check_known, compose, describe_branches, has_path, known_paths
from search_spaces.strategy import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One thing that varies, and where it exists."""

    path: str
    domain: Domain
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Paths of other dimensions, each with the values (or labels) under which this one exists."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value for each dimension that exists there, in the order of the space."""

    options: Mapping[str, Option]

    @property
    def settings(self) -> dict[str, Any]:
        return {path: value for name, option in self.options.items() for path, value in option.settings(name).items()}

    def meets(self, when: Mapping[str, tuple[Any, ...]]) -> bool:
        return all(path in self.options and _matches(self.options[path], admitted) for path, admitted in when.items())


class Space:
    """Dimensions that were checked against the config types, over a preset and the settings that all points share."""

    def __init__(
        self, dimensions: Sequence[Dimension], preset: Preset, shared: Mapping[str, Any] | None = None
    ) -> None:
        """
        Args:
            dimensions: What varies; their order is that of the names and of the points.
            preset: The sizes that nothing here sets.
            shared: Dotted settings below all points.

        Raises:
            ConfigError: an unknown path, a value that its setting refuses, a dimension that is met where its path
                does not exist, conditions that are cyclic, name no dimension, or can never hold.
        """
        self.dimensions = tuple(dimensions)
        self._order = _order(self.dimensions)
        self._preset = preset
        self._shared = dict(shared or {})
        _check_overlap(self.dimensions)
        for dimension in self.dimensions:
            _check_conditions(dimension, self.dimensions)
        self._check_points()

    def points(self) -> list[Point]:
        """Every combination, each once, the last dimension varying fastest.

        Raises:
            ConfigError: a dimension has a range, which no list of combinations covers.
        """
        if ranges := [dimension.path for dimension in self.dimensions if isinstance(dimension.domain, Range)]:
            raise ConfigError(
                f"only lists of values expand to every combination; {', '.join(ranges)} has a range: give `values`"
            )
        return self._corners()

    def arms(self) -> list[Arm]:
        """Every combination under a readable name, such as `engel spline-16`.

        Raises:
            ConfigError: two combinations would have one name.
        """
        arms = [Arm(self._name(point), point.settings) for point in self.points()]
        if twice := sorted(name for name, count in Counter(arm.name for arm in arms).items() if count > 1):
            raise ConfigError(f"two combinations are both named {twice[0]!r}; give their values different labels")
        return arms

    def point_at(self, positions: Mapping[str, float]) -> Point:
        """The point at a position in [0, 1) of each dimension's domain; dimensions whose condition fails are left out.

        Args:
            positions: By path of the dimension, those that do not exist at the point included.
        """
        options: dict[str, Option] = {}
        for dimension in self._order:
            if Point(options).meets(dimension.when):
                options[dimension.path] = dimension.domain.at(positions[dimension.path])
        return Point(
            {dimension.path: options[dimension.path] for dimension in self.dimensions if dimension.path in options}
        )

    def corners(self) -> list[Point]:
        """Points that stand for the whole space when it is checked: every value of a choice, both ends of a range."""
        return self._corners()

    # ------------------------------------------------------------------------------------------------------------

    def _corners(self) -> list[Point]:
        found = list(self._extend({}, self._order))
        position = {dimension.path: place for place, dimension in enumerate(self.dimensions)}
        rank = {
            (dimension.path, option.label): place
            for dimension in self.dimensions
            for place, option in enumerate(dimension.domain.corners())
        }
        points = [Point(dict(sorted(options.items(), key=lambda item: position[item[0]]))) for options in found]
        return sorted(
            points,
            key=lambda point: [
                rank[dimension.path, point.options[dimension.path].label] if dimension.path in point.options else -1
                for dimension in self.dimensions
            ],
        )

    def _extend(self, options: dict[str, Option], rest: Sequence[Dimension]) -> Iterator[dict[str, Option]]:
        if not rest:
            yield options
            return
        first, *others = rest
        if not Point(options).meets(first.when):
            yield from self._extend(options, others)
            return
        for option in first.domain.corners():
            yield from self._extend({**options, first.path: option}, others)

    def _check_points(self) -> None:
        points = self._corners()
        for dimension in self.dimensions:
            if not any(dimension.path in point.options for point in points):
                raise ConfigError(
                    f"space dimension {dimension.path}: its conditions never hold together; change its `when`"
                )
        configs: dict[tuple[tuple[str, Any], ...], TrialConfig] = {}
        checked: set[tuple[object, ...]] = set()
        for point in points:
            chosen = {path: value for path, value in point.settings.items() if path.rpartition(".")[2] == "kind"}
            kinds = tuple(sorted(chosen.items()))
            if kinds not in configs:
                try:
                    configs[kinds] = compose(self._preset, self._shared, chosen)
                except ConfigError as error:
                    raise ConfigError(f"space, {self._name(point)}: {error}") from error
            for path, option in point.options.items():
                if (kinds, path, option.label) not in checked:
                    checked.add((kinds, path, option.label))
                    self._check_option(point, path, option, configs[kinds])

    def _check_option(self, point: Point, path: str, option: Option, config: TrialConfig) -> None:
        for setting in option.settings(path):
            check_known(setting)
            if not has_path(config, setting):
                raise ConfigError(
                    f"space dimension {path} is also met at {self._name(point)!r}, but {setting} exists only under "
                    f"{describe_branches(setting)}; {self._condition_for(setting)}"
                )
        try:
            apply_settings(self._preset, nest(option.settings(path).items()), config)
        except ConfigError as error:
            raise ConfigError(f"space dimension {path}, value {option.label!r}: {error}") from error

    def _condition_for(self, setting: str) -> str:
        """What to do so that a dimension is met only where its setting exists."""
        for branch in known_paths()[setting]:
            for union, kind in branch.items():
                for dimension in self.dimensions:
                    for option in dimension.domain.corners():
                        if option.settings(dimension.path).get(union) == kind:
                            return f'give it when = {{ "{dimension.path}" = "{option.label}" }}'
        return "set that in [config], or leave the dimension out"

    def _name(self, point: Point) -> str:
        parents = {dimension.path: self._parent(dimension, point) for dimension in self.dimensions}
        children: dict[str, list[str]] = {}
        for path in point.options:
            if parents[path] is not None:
                children.setdefault(str(parents[path]), []).append(path)

        def part(path: str, siblings: int) -> str:
            own = _part(path, point.options[path], siblings)
            below = children.get(path, [])
            joint = "-" if len(below) == 1 else " "
            return joint.join([own, *(part(child, len(below)) for child in below)])

        return " ".join(part(path, 0) for path in point.options if parents[path] is None)

    def _parent(self, dimension: Dimension, point: Point) -> str | None:
        """The dimension that this one's part of a name is appended to: the last one that it is conditional on."""
        above = [path for path in point.options if path in dimension.when]
        return above[-1] if above else None


def _part(path: str, option: Option, siblings: int) -> str:
    says_itself = isinstance(option.value, str | Mapping) or option.label != label_of(option.value)
    if says_itself or siblings == 1:
        return option.label
    return f"{path.rpartition('.')[2]}={option.label}"


def _matches(option: Option, admitted: tuple[Any, ...]) -> bool:
    return option.label in admitted or any(option.value == value for value in admitted)


def _order(dimensions: Sequence[Dimension]) -> list[Dimension]:
    by_path: dict[str, Dimension] = {}
    for dimension in dimensions:
        check_known(dimension.path)
        if dimension.path in by_path:
            raise ConfigError(f"space dimension {dimension.path} is there twice; put all its values into one")
        by_path[dimension.path] = dimension
    try:
        order = list(TopologicalSorter({path: by_path[path].when.keys() for path in by_path}).static_order())
    except CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise ConfigError(f"the conditions of a space must not run in a circle; these do: {cycle}") from error
    return [by_path[path] for path in order if path in by_path]


def _check_overlap(dimensions: Sequence[Dimension]) -> None:
    taken = {
        dimension.path: {path for option in dimension.domain.corners() for path in option.settings(dimension.path)}
        for dimension in dimensions
    }
    for first, second in itertools.combinations(taken, 2):
        if both := sorted(taken[first] & taken[second]):
            raise ConfigError(f"both space dimensions {first} and {second} would set {both[0]}; leave one of them out")


def _check_conditions(dimension: Dimension, dimensions: Sequence[Dimension]) -> None:
    others = {other.path: other for other in dimensions}
    for path, admitted in dimension.when.items():
        if path not in others:
            known = path in known_paths()
            reason = "that does not vary here" if known else "which is no setting"
            raise ConfigError(
                f"space dimension {dimension.path} depends on {path}, {reason}; a condition names another dimension"
            )
        domain = others[path].domain
        if isinstance(domain, Range):
            raise ConfigError(
                f"space dimension {dimension.path} depends on {path}, which is a range; a condition needs values"
            )
        for value in admitted:
            if not any(_matches(option, (value,)) for option in domain.options):
                labels = ", ".join(option.label for option in domain.options)
                raise ConfigError(
                    f"space dimension {dimension.path} exists when {path} = {value!r}, which never is: {labels}"
                )
