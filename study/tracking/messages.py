"""Messages from a running study to the process that delivers it to MLflow: one JSON object per line.

They are sent through a pipe and not on the command line, where other users could read passwords in URIs.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to deliver, and where; the first message."""

    root: str
    """Root of the store of the study: a folder or a URI."""
    tracking_uri: str
    artifact_location: str | None
    """URI for the artifacts of a new experiment; None selects the tracker's default."""
    kind: Literal["task"] = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A trial has a new record."""

    digest: str
    kind: Literal["recorded"] = "recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The study has ended; the last message."""

    status: str
    """Final MLflow status of the study: `FINISHED`, `FAILED` or `KILLED`."""
    kind: Literal["ended"] = "ended"


Message = Task | Recorded | Ended
_ADAPTER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def to_line(message: Message) -> bytes:
    """A message as a line, with its line break."""
    return _ADAPTER.dump_json(message) + b"\n"


def from_line(line: bytes) -> Message:
    """The message of a line."""
    return _ADAPTER.validate_json(line)
