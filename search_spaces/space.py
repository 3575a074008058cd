"""Search spaces: dimensions over dotted config paths, which can be conditional on the values of other dimensions.

The values at the path of a part of the config, such as `synth`, are labelled groups of settings; conditions on such a
dimension name the labels.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from core.errors import ConfigError
from core.settings.dotted import nest
from core.settings.loading import apply_settings
from core.settings.presets import Preset
from core.settings.trial import TrialConfig
from search_spaces.domains import Choice, Domain, Option, Range, label_of
from search_spaces.paths import check_known, compose, describe_branches, has_path, known_paths
from search_spaces.strategy import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A dimension of a search space: a config path, its domain, and the conditions under which it exists."""

    path: str
    domain: Domain
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Values or labels of other dimensions, by path, under which this dimension exists."""


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
        """Whether the conditions hold; `when` gives the admitted values or labels by path."""
        return all(path in self.options and _matches(self.options[path], admitted) for path, admitted in when.items())


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
            ConfigError: a path is unknown, a value is invalid, a dimension exists at a point where its path does not,
                or conditions are cyclic, refer to no dimension or never hold.
        """
        self.dimensions = tuple(dimensions)
        self._order = _order(self.dimensions)
        self._preset = preset
        self._shared = dict(shared or {})
        _check_overlap(self.dimensions)
        for dimension in self.dimensions:
            _check_conditions(dimension, self.dimensions)
        self._check_points()

    @property
    def is_finite(self) -> bool:
        """Whether every dimension has a list of values."""
        return all(isinstance(dimension.domain, Choice) for dimension in self.dimensions)

    def points(self) -> list[Point]:
        """All combinations of values, the last dimension varying fastest.

        Raises:
            ConfigError: a dimension has a range, which has no finite list of values.
        """
        if ranges := [dimension.path for dimension in self.dimensions if isinstance(dimension.domain, Range)]:
            raise ConfigError(
                f"only lists of values expand to every combination; {', '.join(ranges)} has a range: give `values`"
            )
        return self._corners()

    def arms(self) -> list[Arm]:
        """An arm for every combination of values, with a readable name such as `engel spline-16`.

        Raises:
            ConfigError: two combinations have the same name, or a dimension has a range.
        """
        arms = [Arm(self._name(point), point.settings) for point in self.points()]
        if duplicates := sorted(name for name, count in Counter(arm.name for arm in arms).items() if count > 1):
            raise ConfigError(f"two combinations are both named {duplicates[0]!r}; give their values different labels")
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
            if Point(options).satisfies(dimension.when):
                options[dimension.path] = choose(dimension)
        return Point(
            {dimension.path: options[dimension.path] for dimension in self.dimensions if dimension.path in options}
        )

    def point_of(self, settings: Mapping[str, Any]) -> Point:
        """The point with these dotted settings; those of no dimension are ignored.

        Raises:
            ConfigError: a setting is missing, or is not among the values of its dimension.
        """

        def option_of(dimension: Dimension) -> Option:
            path = dimension.path
            if isinstance(dimension.domain, Range):
                value = settings.get(path)
                if isinstance(value, int | float) and dimension.domain.low <= value <= dimension.domain.high:
                    return Option(label=label_of(value), value=value)
            if isinstance(dimension.domain, Choice):
                for option in dimension.domain.options:
                    own = option.settings(path)
                    if own.keys() <= settings.keys() and all(settings[name] == own[name] for name in own):
                        return option
            raise ConfigError(f"space dimension {path} has no value for the settings {dict(settings)!r}")

        return self.point_with(option_of)

    def config(self, settings: Mapping[str, Any]) -> TrialConfig:
        """The config of an arm with these settings of its own."""
        return compose(self._preset, self._shared, settings)

    def corners(self) -> list[Point]:
        """Points with which the space is checked: combinations of all values of choices and both ends of ranges."""
        return self._corners()

    def _corners(self) -> list[Point]:
        """Combinations of the corners of all domains, sorted by their order in the space."""
        combinations = list(self._extend({}, self._order))
        position = {dimension.path: index for index, dimension in enumerate(self.dimensions)}
        rank = {
            (dimension.path, option.label): index
            for dimension in self.dimensions
            for index, option in enumerate(dimension.domain.corners())
        }
        points = [Point(dict(sorted(options.items(), key=lambda item: position[item[0]]))) for options in combinations]
        return sorted(
            points,
            key=lambda point: [
                rank[dimension.path, point.options[dimension.path].label] if dimension.path in point.options else -1
                for dimension in self.dimensions
            ],
        )

    def _extend(self, options: dict[str, Option], rest: Sequence[Dimension]) -> Iterator[dict[str, Option]]:
        """The options extended by all combinations of the remaining dimensions."""
        if not rest:
            yield options
            return
        first, *others = rest
        if not Point(options).satisfies(first.when):
            yield from self._extend(options, others)
            return
        for option in first.domain.corners():
            yield from self._extend({**options, first.path: option}, others)

    def _check_points(self) -> None:
        """Check that every dimension exists at some point and that every option is valid where it exists."""
        points = self._corners()
        for dimension in self.dimensions:
            if not any(dimension.path in point.options for point in points):
                raise ConfigError(
                    f"space dimension {dimension.path}: its conditions never hold together; change its `when`"
                )
        configs: dict[tuple[tuple[str, Any], ...], TrialConfig] = {}
        checked: set[tuple[object, ...]] = set()
        for point in points:
            kind_settings = {path: value for path, value in point.settings.items() if path.rpartition(".")[2] == "kind"}
            kinds = tuple(sorted(kind_settings.items()))
            if kinds not in configs:
                try:
                    configs[kinds] = compose(self._preset, self._shared, kind_settings)
                except ConfigError as error:
                    raise ConfigError(f"space, {self._name(point)}: {error}") from error
            for path, option in point.options.items():
                if (kinds, path, option.label) not in checked:
                    checked.add((kinds, path, option.label))
                    self._check_option(point, path, option, configs[kinds])

    def _check_option(self, point: Point, path: str, option: Option, config: TrialConfig) -> None:
        """Check that the settings of an option exist in a config with the kinds of the point, and are valid."""
        for setting in option.settings(path):
            check_known(setting)
            if not has_path(config, setting):
                raise ConfigError(
                    f"space dimension {path} also exists at {self._name(point)!r}, but {setting} exists only under "
                    f"{describe_branches(setting)}; {self._condition_for(setting)}"
                )
        try:
            apply_settings(self._preset, nest(option.settings(path).items()), config)
        except ConfigError as error:
            raise ConfigError(f"space dimension {path}, value {option.label!r}: {error}") from error

    def _condition_for(self, setting: str) -> str:
        """Remedy for a dimension without a condition: the condition under which the setting exists."""
        for branch in known_paths()[setting]:
            for union, kind in branch.items():
                for dimension in self.dimensions:
                    for option in dimension.domain.corners():
                        if option.settings(dimension.path).get(union) == kind:
                            return f'give it when = {{ "{dimension.path}" = "{option.label}" }}'
        return "set that in [config], or leave the dimension out"

    def _name(self, point: Point) -> str:
        """Readable name of a point; labels of conditional dimensions follow those they depend on."""
        parents = {dimension.path: self._parent(dimension, point) for dimension in self.dimensions}
        children: dict[str, list[str]] = {}
        for path in point.options:
            if parents[path] is not None:
                children.setdefault(str(parents[path]), []).append(path)

        def name_of(path: str, n_siblings: int) -> str:
            label = _label(path, point.options[path], n_siblings)
            below = children.get(path, [])
            separator = "-" if len(below) == 1 else " "
            return separator.join([label, *(name_of(child, len(below)) for child in below)])

        return " ".join(name_of(path, 0) for path in point.options if parents[path] is None)

    def _parent(self, dimension: Dimension, point: Point) -> str | None:
        """The dimension whose label precedes this one's in a name: the last one in its conditions, or None."""
        above = [path for path in point.options if path in dimension.when]
        return above[-1] if above else None


def _label(path: str, option: Option, n_siblings: int) -> str:
    """Label of an option in a name, with the last part of the path if the value alone is ambiguous."""
    is_descriptive = isinstance(option.value, str | Mapping) or option.label != label_of(option.value)
    if is_descriptive or n_siblings == 1:
        return option.label
    return f"{path.rpartition('.')[2]}={option.label}"


def _matches(option: Option, admitted: tuple[Any, ...]) -> bool:
    """Whether the label or value of an option is admitted."""
    return option.label in admitted or any(option.value == value for value in admitted)


def _order(dimensions: Sequence[Dimension]) -> list[Dimension]:
    """The dimensions, each after those on which its conditions depend.

    Raises:
        ConfigError: a path is unknown or occurs twice, or conditions are cyclic.
    """
    dimension_by_path: dict[str, Dimension] = {}
    for dimension in dimensions:
        check_known(dimension.path)
        if dimension.path in dimension_by_path:
            raise ConfigError(f"space dimension {dimension.path} occurs twice; put all its values into one")
        dimension_by_path[dimension.path] = dimension
    try:
        order = list(
            TopologicalSorter({path: dimension_by_path[path].when.keys() for path in dimension_by_path}).static_order()
        )
    except CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise ConfigError(f"the conditions of a space must not be cyclic; these are: {cycle}") from error
    return [dimension_by_path[path] for path in order if path in dimension_by_path]


def _check_overlap(dimensions: Sequence[Dimension]) -> None:
    """Check that no two dimensions set the same path."""
    paths_of_dimension = {
        dimension.path: {path for option in dimension.domain.corners() for path in option.settings(dimension.path)}
        for dimension in dimensions
    }
    for first, second in itertools.combinations(paths_of_dimension, 2):
        if common := sorted(paths_of_dimension[first] & paths_of_dimension[second]):
            raise ConfigError(
                f"both space dimensions {first} and {second} would set {common[0]}; leave one of them out"
            )


def _check_conditions(dimension: Dimension, dimensions: Sequence[Dimension]) -> None:
    """Check that the conditions of a dimension refer to possible values of other dimensions."""
    others = {other.path: other for other in dimensions}
    for path, admitted in dimension.when.items():
        if path not in others:
            is_setting = path in known_paths()
            reason = "that does not vary here" if is_setting else "which is no setting"
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
                    f"space dimension {dimension.path} exists when {path} = {value!r}, "
                    f"which is not among its values: {labels}"
                )
