"""The config classes read as a schema: types, ranges, units and descriptions of settings, and variants of a union."""

import dataclasses
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from core.settings.annotations import ContentPath


@cache
def setting_types(cls: type) -> dict[str, Any]:
    """The annotation of each field of a config class, with its range, unit and description."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def variants_of(annotation: Any) -> tuple[type, ...]:
    """The config classes that an annotation admits: one for a part, several for a tagged union, none for a value."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(member for member in members if dataclasses.is_dataclass(member) and isinstance(member, type))


def kind_of(cls: type) -> str | None:
    """The name of a variant, None for a class that is no variant."""
    return next((str(field.default) for field in dataclasses.fields(cls) if field.name == "kind"), None)


def content_path(annotation: Any) -> ContentPath | None:
    """The mark of a setting that is the path of a content, None for any other setting."""
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((note for note in notes if isinstance(note, ContentPath)), None)
