"""Search spaces: dimensions over dotted config paths, which can be conditional on the values of other dimensions.

The values at the path of a part of the config, such as `synth`, are labelled groups of settings; conditions on such a
dimension name the labels.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.errors import ConfigError
from core.settings.presets import Preset
from core.settings.trial import TrialConfig
from core.settings.value_rules import shown_value
from search_spaces.dimensions import Dimension
from search_spaces.domains import Domain
from search_spaces.options import Option
from search_spaces.paths import Composer, is_kind
from search_spaces.point_names import point_name
from search_spaces.ranges import Range
from search_spaces.space_checks import (
    admitted_labels,
    check_dimension_exists,
    check_options,
    check_overlap,
    in_order_of_dependence,
    sets_kind,
)
from search_spaces.strategy import Arm

MAX_POINTS = 100_000
"""Largest number of points of a space that are listed."""
MAX_CORNERS = 4096
"""Largest number of corners with which a space is checked."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a space: an option for each dimension that exists there, in the order of the space."""

    options: Mapping[str, Option]
    """Chosen option of each dimension, by path."""

    @property
    def settings(self) -> dict[str, Any]:
        """Dotted settings of all options."""
        return {path: value for name, option in self.options.items() for path, value in option.settings(name).items()}

    def satisfies(self, when: Mapping[str, tuple[Any, ...]]) -> bool:
        """Whether conditions hold; `when` gives the admitted values or labels by path."""
        return all(
            path in self.options and (self.options[path].label in admitted or self.options[path].value in admitted)
            for path, admitted in when.items()
        )


class Space:
    """A search space: dimensions, a preset and settings shared by all points, checked against the config types."""

    def __init__(
        self, dimensions: Sequence[Dimension], preset: Preset, shared: Mapping[str, Any] | None = None
    ) -> None:
        """Build and check a space.

        Args:
            dimensions: The dimensions, in the order of points and of the parts of names.
            preset: Base config.
            shared: Dotted settings of all points.

        Raises:
            ConfigError: a path is unknown, a domain does not fit its setting, a dimension exists at a point where its
                path does not, or conditions are cyclic, refer to no dimension or never hold.
        """
        self.dimensions = tuple(dimensions)
        self._order = in_order_of_dependence(self.dimensions)
        check_overlap(self.dimensions)
        self._admitted = {dimension.path: admitted_labels(dimension, self.dimensions) for dimension in self.dimensions}
        self._composer = Composer(preset, shared or {})
        self._parents = {path for admitted in self._admitted.values() for path in admitted}
        self._check(preset)

    @property
    def is_finite(self) -> bool:
        """Whether there are so few points, at most `MAX_POINTS`, that they can be listed."""
        return all(dimension.domain.size is not None for dimension in self.dimensions) and self.n_points() <= MAX_POINTS

    def n_points(self) -> int:
        """Number of points, counted without listing them.

        Raises:
            ConfigError: a dimension has infinitely many values.
        """
        self._check_finite()
        return self._count(lambda domain: domain.size or 1)

    def points(self) -> list[Point]:
        """All combinations of values, the last dimension varying fastest.

        Raises:
            ConfigError: a dimension has infinitely many values, or there are more than `MAX_POINTS` points.
        """
        if (n_points := self.n_points()) > MAX_POINTS:
            raise ConfigError(
                f"the space has {n_points:,} combinations; at most {MAX_POINTS:,} are listed; give fewer values"
            )
        return self._points(lambda domain: domain.values() or ())

    def arms(self) -> list[Arm]:
        """An arm for every combination of values, with a readable name such as `engel spline-16`.

        Raises:
            ConfigError: two combinations have the same name, or as for `points`.
        """
        return list(self._arms)

    @cached_property
    def _arms(self) -> tuple[Arm, ...]:
        return tuple(self.arms_of(self.points()))

    def arms_of(self, points: Sequence[Point]) -> list[Arm]:
        """An arm for each of some points, named as in `arms`.

        Raises:
            ConfigError: two points have the same name.
        """
        arms = [Arm(self.name(point), point.settings) for point in points]
        if duplicates := sorted(name for name, count in Counter(arm.name for arm in arms).items() if count > 1):
            raise ConfigError(
                f"two combinations are both named {shown_value(duplicates[0])}; give their values different labels"
            )
        return arms

    def point_at(self, positions: Mapping[str, float]) -> Point:
        """The point at positions in [0, 1) of the domains; dimensions whose conditions do not hold are left out.

        Args:
            positions: By path of the dimension, also for dimensions that do not exist at the point.
        """
        return self.point_with(lambda dimension: dimension.domain.at(positions[dimension.path]))

    def point_with(self, choose: Callable[[Dimension], Option]) -> Point:
        """The point with chosen options.

        Args:
            choose: Called for each dimension that exists at the point, after those that its conditions refer to.
        """
        options: dict[str, Option] = {}
        for dimension in self._order:
            if self.exists(dimension, options):
                options[dimension.path] = choose(dimension)
        return self._point(options)

    def point_of(self, settings: Mapping[str, Any]) -> Point:
        """The point with these dotted settings; those of no dimension are ignored.

        Raises:
            ConfigError: a setting is missing, or is not among the values of its dimension.
        """

        def option_of(dimension: Dimension) -> Option:
            path, domain = dimension.path, dimension.domain
            if isinstance(domain, Range) and path in settings:
                return domain.from_parameter(settings[path])
            for option in () if isinstance(domain, Range) else domain.values():
                own = option.settings(path)
                if own.keys() <= settings.keys() and all(settings[name] == own[name] for name in own):
                    return option
            raise ConfigError(f"space dimension {path} has no value for the settings {shown_value(dict(settings))}")

        return self.point_with(option_of)

    def exists(self, dimension: Dimension, options: Mapping[str, Option]) -> bool:
        """Whether a dimension exists at a point with these options of the dimensions on which it depends."""
        return all(
            parent in options and options[parent].label in labels
            for parent, labels in self._admitted[dimension.path].items()
        )

    def config(self, settings: Mapping[str, Any]) -> TrialConfig:
        """The config of an arm with these settings of its own."""
        return self._composer.config(settings)

    def corners(self) -> list[Point]:
        """Combinations of all values of choices and both ends of ranges, with which rules between settings are checked.

        If there are more than `MAX_CORNERS`, only combinations in which at most one dimension is away from its first
        corner, for each combination of the dimensions on which others depend; `MAX_CORNERS` at most.
        """
        if self._count(lambda domain: len(domain.corners())) <= MAX_CORNERS:
            return self._points(lambda domain: domain.corners())
        return list(itertools.islice(self._corners_near_first(), MAX_CORNERS))

    def _corners_near_first(self) -> Iterator[Point]:
        """Corners in which at most one dimension is away from its first corner, see `corners`."""
        for chosen in self._combinations(self._parents):
            rest = [each for each in self._order if each.path not in self._parents and self.exists(each, chosen)]
            first = {**chosen, **{dimension.path: dimension.domain.corners()[0] for dimension in rest}}
            yield self._point(first)
            for dimension in rest:
                for option in dimension.domain.corners()[1:]:
                    yield self._point({**first, dimension.path: option})

    def name(self, point: Point) -> str:
        """Readable name of a point; labels of conditional dimensions follow those they depend on."""
        return point_name(point.options, self._admitted)

    def _count(self, size: Callable[[Domain], int]) -> int:
        """Number of points if the domains of dimensions on which no others depend have these sizes."""
        return sum(
            math.prod(
                size(dimension.domain)
                for dimension in self.dimensions
                if dimension.path not in self._parents and self.exists(dimension, options)
            )
            for options in self._combinations(self._parents)
        )

    def _points(self, values: Callable[[Domain], Sequence[Option]]) -> list[Point]:
        """All combinations of some values of the domains, sorted by their order in the space."""
        found: list[tuple[dict[str, int], dict[str, Option]]] = [({}, {})]
        for dimension in self._order:
            options_of_domain = list(enumerate(values(dimension.domain)))
            path = dimension.path
            extended = []
            for ranks, options in found:
                if self.exists(dimension, options):
                    extended += [({**ranks, path: i}, {**options, path: option}) for i, option in options_of_domain]
                else:
                    extended.append((ranks, options))
            found = extended
        paths = [dimension.path for dimension in self.dimensions]
        found.sort(key=lambda item: [item[0].get(path, -1) for path in paths])
        return [self._point(options) for _, options in found]

    def _point(self, options: Mapping[str, Option]) -> Point:
        """The point with these options, in the order of the space."""
        return Point(
            {dimension.path: options[dimension.path] for dimension in self.dimensions if dimension.path in options}
        )

    def _combinations(self, paths: set[str]) -> Iterator[dict[str, Option]]:
        """All combinations of the values of some dimensions, which include those on which they depend.

        Raises:
            ConfigError: there are more than `MAX_POINTS`.
        """
        dimensions = [dimension for dimension in self._order if dimension.path in paths]

        def extend(options: dict[str, Option], index: int) -> Iterator[dict[str, Option]]:
            if index == len(dimensions):
                yield options
            elif not self.exists(dimensions[index], options):
                yield from extend(options, index + 1)
            else:
                for option in dimensions[index].domain.values() or ():
                    yield from extend({**options, dimensions[index].path: option}, index + 1)

        for number, options in enumerate(extend({}, 0)):
            if number >= MAX_POINTS:
                raise ConfigError(
                    f"the dimensions {', '.join(dimension.path for dimension in dimensions)}, on which others depend, "
                    f"have more than {MAX_POINTS:,} combinations; give them fewer values"
                )
            yield options

    def _check_finite(self) -> None:
        """Raise ConfigError if a dimension has infinitely many values."""
        if paths := [dimension.path for dimension in self.dimensions if dimension.domain.size is None]:
            raise ConfigError(
                f"only finite domains expand to every combination; {', '.join(paths)} has a range of real numbers: "
                "give it `values` or a `step`"
            )

    def _check(self, preset: Preset) -> None:
        """Check that every dimension exists at some point and that every option is valid where it exists."""
        found: set[str] = set()
        configs: dict[tuple[tuple[str, str], ...], TrialConfig] = {}
        checked: set[tuple[object, ...]] = set()
        # The rules for an option depend only on the kinds at a point, so other dimensions need not be combined.
        structural = self._parents | {dimension.path for dimension in self.dimensions if sets_kind(dimension)}
        for chosen in self._combinations(structural):
            existing = [dimension for dimension in self._order if self.exists(dimension, chosen)]
            point = self._point(
                {dimension.path: chosen.get(dimension.path, dimension.domain.corners()[0]) for dimension in existing}
            )
            found.update(point.options)
            kind_settings = {path: value for path, value in Point(chosen).settings.items() if is_kind(path)}
            kinds = tuple(sorted((path, repr(value)) for path, value in kind_settings.items()))
            try:
                if kinds not in configs:
                    configs[kinds] = self._composer.config(kind_settings)
            except ConfigError as error:
                raise ConfigError(f"space, {self.name(point)}: {error}") from error
            for dimension in existing:
                options = [chosen[dimension.path]] if dimension.path in chosen else dimension.domain.corners()
                key = (kinds, dimension.path, options[0].label)
                if key not in checked:
                    checked.add(key)
                    check_dimension_exists(dimension, options, configs[kinds], self.name(point), self.dimensions)
                    check_options(dimension, options, configs[kinds], preset)
        for dimension in self.dimensions:
            if dimension.path not in found:
                raise ConfigError(
                    f"space dimension {dimension.path}: its conditions never hold together; change its `when`"
                )
