"""Introspection of the config classes: annotations of their fields, and variants of tagged unions."""

import dataclasses
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from core.settings.annotations import ContentPath

PLAIN_TYPES = frozenset({int, float, str, bool, type(None)})
"""Types of the values of settings that are neither a config nor a tuple."""


@cache
def setting_types(cls: type) -> dict[str, Any]:
    """The annotation of each field of a config class, including range, unit and description."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


@cache
def setting_variants(cls: type) -> dict[str, tuple[type, ...]]:
    """The config classes that each field of a config class admits, see `variants_of`."""
    return {name: variants_of(annotation) for name, annotation in setting_types(cls).items()}


def variants_of(annotation: Any) -> tuple[type, ...]:
    """The config classes that an annotation admits: one or, in a tagged union, several; none for a plain value."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(member for member in members if dataclasses.is_dataclass(member) and isinstance(member, type))


def kind_of(cls: type) -> str | None:
    """The `kind` of a variant class; None for a class that is not a variant."""
    return next((str(field.default) for field in dataclasses.fields(cls) if field.name == "kind"), None)


def number_type(annotation: Any) -> type[int] | type[float] | None:
    """The type of a setting with numbers as values, `int` or `float`; None for any other setting."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    types = [member for member in members if member is not type(None)]
    return types[0] if len(types) == 1 and types[0] in (int, float) else None


@cache
def hashed_settings(cls: type) -> tuple[str, ...]:
    """Names of the fields of a config class whose values enter its digest, see `ContentPath`."""
    return tuple(name for name, annotation in setting_types(cls).items() if content_path(annotation) is None)


@cache
def hash_settings(cls: type) -> dict[str, str]:
    """Fields of a config class that contain the hash of a content, each with the field that names the content."""
    marks = {name: content_path(annotation) for name, annotation in setting_types(cls).items()}
    return {mark.hash_field: name for name, mark in marks.items() if mark is not None}


def content_path(annotation: Any) -> ContentPath | None:
    """The `ContentPath` in an annotation; None if there is none."""
    metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((item for item in metadata if isinstance(item, ContentPath)), None)
