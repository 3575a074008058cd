"""Rendering of the templates of cluster files, with quoting for the shell and for YAML."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from core.errors import ConfigError
from study.cluster_files.settings import ENVIRONMENT, OBJECT_STORE_BYTES, StudyRun


def render(template: str, *, run: StudyRun, made_by: Sequence[str], **context: Any) -> str:
    """A cluster file from its template.

    Args:
        template: Name of the template.
        run: The launch, `run` in the template.
        made_by: Words of the command that made the file, for the comment at its top.
        context: Further variables of the template.

    Raises:
        ConfigError: a word of the command contains a line break, which would end the comment.
    """
    environment = Environment(
        loader=PackageLoader("study.cluster_files"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # The default, {#, occurs in shell scripts.
        comment_start_string="{##",
        comment_end_string="##}",
    )
    environment.filters |= {"sh": shlex.quote, "command": shlex.join, "yaml": _yaml_scalar}
    made_by_line = shlex.join(made_by)
    if not made_by_line.isprintable():
        raise ConfigError(f"options of cluster files must have no line breaks; got {made_by_line!r}")
    return environment.get_template(template).render(
        run=run,
        made_by=made_by_line,
        environment_variables=ENVIRONMENT,
        object_store_bytes=OBJECT_STORE_BYTES,
        **context,
    )


def _yaml_scalar(value: object) -> str:
    """A value as JSON, which is also YAML, so that no text is taken for a number, a boolean or a comment."""
    return json.dumps(value, ensure_ascii=False)
