"""Templates of the pages: everything that is filled in is escaped, and its control characters are shown."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from core.visible_text import visible


def page_environment(package: str) -> Environment:
    """Jinja environment for the templates in the folder `templates` of a package."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    """What is written for the value of an expression."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
