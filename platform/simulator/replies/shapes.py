"""What a dialect hands to the server: one whole body, or the events of a stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulator.switches import Switches


class RefusedError(Exception):
    """The request itself is wrong; answered with a status of the 4xx range."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event. `step`: the content chunk it completes; `pause`: chunk_ms passes after it."""

    data: bytes
    step: int | None = None
    pause: bool = False
    head: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    data: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    events: Iterable[Event]


Reply = Body | Stream
DONE = Event(b"[DONE]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request after the switches were taken out of it."""

    switches: Switches
    model: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    file_name: str | None = None
    stream: bool = False
    native: bool = False
    now: int = 0


def json_body(payload: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Body:
    return Body(orjson.dumps(payload), status, headers=headers or {})


def text_of(content: object) -> str:
    """The text of a message's content: a string, or parts of which some carry `text`."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
