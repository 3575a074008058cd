"""A sampler of the user's own, given by the import path of its class."""

import importlib
from collections.abc import Mapping
from typing import Any

from core.errors import ConfigError
from core.settings.value_rules import shown_value
from search_spaces.samplers.base import Sampler

_EXAMPLE = 'its class is a subclass of search_spaces.samplers.base.Sampler, given as "package.module:Class"'


def custom_sampler(path: str, seed: int, options: Mapping[str, Any]) -> Sampler:
    """The sampler `Class(seed=seed, **options)` for the path `module:Class`.

    Raises:
        ConfigError: the class cannot be imported or called, or is not a sampler.
    """
    module_name, colon, class_name = path.partition(":")
    if not (colon and module_name and class_name):
        raise ConfigError(f"search.sampler.path names no class; {_EXAMPLE}; got {shown_value(path)}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # The module is the user's, and may raise anything.
        raise ConfigError(
            f"search.sampler.path: cannot import {module_name}: {type(error).__name__}: {error}; "
            "correct the path, or add the folder of the module to PYTHONPATH"
        ) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Sampler)):
        reason = "has no such class" if found is None else "is no sampler"
        raise ConfigError(f"search.sampler.path: {path} {reason}; {_EXAMPLE}")
    try:
        return found(seed=seed, **options)  # type: ignore[call-arg]
    except Exception as error:
        raise ConfigError(
            f"search.sampler: {class_name}(seed=..., **options) raised {type(error).__name__}: {error}; "
            f"options are {shown_value(dict(options))}"
        ) from error
