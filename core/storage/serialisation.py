"""JSON of the records of studies, sealed by its own sha256 (`core.storage.sealed`)."""

import re
from collections.abc import Callable
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from core.errors import DamageError, StoreError
from core.storage.records import SCHEMA_VERSION, PlanSegment, StudyDefinition, TrialRecord
from core.storage.sealed import has_json_seal, seal_json, unseal_json

RERUN = "resume the study, which runs its trial again and keeps the damaged files aside"
"""What to do about damage of a file of an attempt."""
_MAX_REASON = 200
"""Maximum number of characters of what is wrong with the fields of a file."""
_SEALED_SINCE = 4
"""The first schema version with sealed files."""
_VERSION = re.compile(rb'"schema_version"\s*:\s*(\d{1,9})')
_DEFINITION_ADAPTER: TypeAdapter[StudyDefinition] = TypeAdapter(StudyDefinition)
_SEGMENT_ADAPTER: TypeAdapter[PlanSegment] = TypeAdapter(PlanSegment)
_RECORD_ADAPTER: TypeAdapter[TrialRecord] = TypeAdapter(TrialRecord)
Content = TypeVar("Content")


def definition_to_json(definition: StudyDefinition) -> bytes:
    return seal_json(_DEFINITION_ADAPTER.dump_json(definition, indent=1))


def definition_from_json(data: bytes, where: str = "the definition of the study") -> StudyDefinition:
    """The definition from its JSON; arguments and errors are those of `record_from_json`."""
    return _from_json(data, where, _DEFINITION_ADAPTER.validate_json, "restore the file from a copy")


def segment_to_json(segment: PlanSegment) -> bytes:
    return seal_json(_SEGMENT_ADAPTER.dump_json(segment))


def segment_from_json(data: bytes, where: str = "a segment of the plan") -> PlanSegment:
    """A segment from its JSON; arguments and errors are those of `record_from_json`."""
    return _from_json(data, where, _SEGMENT_ADAPTER.validate_json, "restore the file from a copy")


def record_to_json(record: TrialRecord) -> bytes:
    return seal_json(_RECORD_ADAPTER.dump_json(record, indent=1))


def record_from_json(data: bytes, where: str = "the record of a trial") -> TrialRecord:
    """A record from its JSON.

    Args:
        data: The JSON.
        where: Where it is stored, for messages.

    Raises:
        DamageError: it is not as it was stored.
        StoreError: it was stored with another schema version than this code reads.
    """
    return _from_json(data, where, _RECORD_ADAPTER.validate_json, RERUN)


def _from_json(data: bytes, where: str, validate: Callable[[bytes], Content], remedy: str) -> Content:
    """The content of sealed JSON; errors are those of `record_from_json`."""
    try:
        body = unseal_json(data)
    except ValueError as reason:
        version = _version(data)
        if version is not None and version < _SEALED_SINCE and not has_json_seal(data):
            raise _other_version(where, version) from None
        raise DamageError(f"{where} is damaged: {reason}", remedy) from None
    version = _version(body)
    if version != SCHEMA_VERSION:
        raise _other_version(where, version)
    try:
        return validate(body)
    except (ValidationError, RecursionError) as error:
        raise DamageError(f"{where} is damaged: {_problem(error)}", remedy) from error


def _version(data: bytes) -> int | None:
    """The schema version of JSON; None if it has none."""
    # The last occurrence: the version is the last field, and a config may have a setting with the same name.
    found = _VERSION.findall(data)
    return int(found[-1]) if found else None


def _other_version(where: str, version: int | None) -> StoreError:
    """The error for a file of another schema version, whose fields mean other things even where they can be read."""
    newer = version is not None and version > SCHEMA_VERSION
    return StoreError(
        f"{where} was stored with schema version {'unknown' if version is None else version}, and this modstudy reads "
        f"version {SCHEMA_VERSION}; "
        + ("upgrade modstudy" if newer else "use the modstudy that stored it")
        + ", or launch the study anew under another --name or --root"
    )


def _problem(error: ValidationError | RecursionError) -> str:
    """What is wrong with the fields of a file."""
    if isinstance(error, RecursionError):
        return "its values are nested too deeply"
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}"[:_MAX_REASON]
