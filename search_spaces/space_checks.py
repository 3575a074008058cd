"""Checks of the dimensions of a space against each other and against the config types."""

import itertools
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from core.errors import ConfigError
from core.settings.dotted import nest
from core.settings.loading import apply_settings
from core.settings.presets import Preset
from core.settings.schema import number_type, variants_of
from core.settings.suggestions import did_you_mean
from core.settings.trial import TrialConfig
from core.settings.value_rules import listed, shown_value
from search_spaces.dimensions import Dimension
from search_spaces.options import Option, value_key
from search_spaces.paths import annotation_at, check_known, describe_branches, has_path, is_kind, known_paths
from search_spaces.ranges import Integer, Range


def in_order_of_dependence(dimensions: Sequence[Dimension]) -> list[Dimension]:
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
        raise ConfigError(
            f"the conditions of a space must not be cyclic; these are: {cycle}; leave out one `when`"
        ) from error
    return [dimension_by_path[path] for path in order if path in dimension_by_path]


def check_overlap(dimensions: Sequence[Dimension]) -> None:
    """Check that no two dimensions set the same path.

    Raises:
        ConfigError: two do.
    """
    paths_of_dimension = {
        dimension.path: {path for option in dimension.domain.corners() for path in option.settings(dimension.path)}
        for dimension in dimensions
    }
    for first, second in itertools.combinations(paths_of_dimension, 2):
        if common := sorted(paths_of_dimension[first] & paths_of_dimension[second]):
            raise ConfigError(
                f"both space dimensions {first} and {second} would set {common[0]}; leave one of them out"
            )


def admitted_labels(dimension: Dimension, dimensions: Sequence[Dimension]) -> Mapping[str, frozenset[str]]:
    """The labels of other dimensions' values, by path, that the conditions of a dimension admit.

    Raises:
        ConfigError: a condition refers to no other dimension, to a range, or to a value that is not among those of the
            other dimension.
    """
    others = {other.path: other for other in dimensions}
    labels_by_path: dict[str, frozenset[str]] = {}
    for path, admitted in dimension.when.items():
        if path not in others:
            is_setting = path in known_paths()
            reason = "which does not vary here" if is_setting else "which is no setting"
            hint = did_you_mean(path, others, otherwise=f"a condition names another dimension: {listed(others)}")
            raise ConfigError(f"space dimension {dimension.path} depends on {path}, {reason}; {hint}")
        domain = others[path].domain
        if isinstance(domain, Range):
            raise ConfigError(
                f"space dimension {dimension.path} depends on {path}, which is a range; a condition needs values"
            )
        labels = {option.label for option in domain.values()}
        label_of_value = {value_key(option.value): option.label for option in domain.values()}
        found: set[str] = set()
        for value in admitted:
            label = value if isinstance(value, str) and value in labels else label_of_value.get(value_key(value))
            if label is None:
                raise ConfigError(
                    f"space dimension {dimension.path} exists when {path} = {shown_value(value)}, "
                    f"which is not among its values: {listed([option.label for option in domain.values()])}; "
                    "change its `when`"
                )
            found.add(label)
        labels_by_path[path] = frozenset(found)
    return labels_by_path


def sets_kind(dimension: Dimension) -> bool:
    """Whether a dimension selects variants of the config."""
    return not isinstance(dimension.domain, Range) and any(
        is_kind(path) for option in dimension.domain.corners() for path in option.settings(dimension.path)
    )


def check_dimension_exists(
    dimension: Dimension,
    options: Sequence[Option],
    config: TrialConfig,
    point: str,
    dimensions: Sequence[Dimension],
) -> None:
    """Check that all settings of a dimension exist in a config.

    Args:
        dimension: The dimension.
        options: Its options.
        config: A config with the kinds of a point at which the dimension exists.
        point: Name of the point, for the error message.
        dimensions: All dimensions of the space.

    Raises:
        ConfigError: a setting is unknown or does not exist in the config.
    """
    for setting in dict.fromkeys(path for option in options for path in option.settings(dimension.path)):
        check_known(setting)
        if not has_path(config, setting):
            raise ConfigError(
                f"space dimension {dimension.path} also exists at {shown_value(point)}, but {setting} exists only "
                f"under {describe_branches(setting)}; {_condition_for(setting, dimensions)}"
            )


def check_options(dimension: Dimension, options: Sequence[Option], config: TrialConfig, preset: Preset) -> None:
    """Check the options of a dimension against the type and range of its setting in a config.

    Raises:
        ConfigError: the setting does not take such values.
    """
    where = f"space dimension {dimension.path}"
    domain = dimension.domain
    if isinstance(domain, Range):
        annotation = annotation_at(config, dimension.path)
        if variants_of(annotation):
            raise ConfigError(f"{where}: this is a group of settings, and a range needs a number; give `values`")
        number = number_type(annotation)
        text = f"a range from {domain.low} to {domain.high}"
        if number is None:
            raise ConfigError(f"{where}: the setting is no number, so {text} does not fit; give `values`")
        if number is int and not isinstance(domain, Integer):
            raise ConfigError(
                f"{where}: the setting takes whole numbers only; got {text} of real numbers; use an integer range"
            )
    for index, option in enumerate(options):
        try:
            apply_settings(preset, nest(option.settings(dimension.path).items()), config)
        except ConfigError as error:
            if isinstance(domain, Range):
                end, remedy = ("low", "raise low") if index == 0 else ("high", "lower high")
                raise ConfigError(f"{where}, {end} = {option.label}: {error}; {remedy}") from error
            raise ConfigError(f"{where}, value {shown_value(option.label)}: {error}; correct or remove it") from error


def _condition_for(setting: str, dimensions: Sequence[Dimension]) -> str:
    """Remedy for a dimension without a condition: the condition under which the setting exists."""
    for branch in known_paths()[setting]:
        for union, kind in branch.items():
            for dimension in dimensions:
                for option in dimension.domain.corners():
                    if option.settings(dimension.path).get(union) == kind:
                        return f'give it when = {{ "{dimension.path}" = "{option.label}" }}'
    return "set that in [config], or leave the dimension out"
