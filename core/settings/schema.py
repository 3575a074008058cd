"""Introspection of the config classes: annotations of their fields, and variants of tagged unions."""

import dataclasses
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from core.settings.annotations import ContentPath


@cache
def setting_types(cls: type) -> dict[str, Any]:
    """The annotation of each field of a config class, including range, unit and description."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def variants_of(annotation: Any) -> tuple[type, ...]:
    """The config classes that an annotation admits: one or, in a tagged union, several; none for a plain value."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(member for member in members if dataclasses.is_dataclass(member) and isinstance(member, type))


def kind_of(cls: type) -> str | None:
    """The `kind` of a variant class; None for a class that is not a variant."""
    return next((str(field.default) for field in dataclasses.fields(cls) if field.name == "kind"), None)


def content_path(annotation: Any) -> ContentPath | None:
    """The `ContentPath` in an annotation; None if there is none."""
    metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((item for item in metadata if isinstance(item, ContentPath)), None)
