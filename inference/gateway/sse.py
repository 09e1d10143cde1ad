"""Server-sent events on the wire: cut a byte stream into events, read an event's data. Pure."""

import re

BREAK = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n")
EVENT_BYTES_MAX = 16_000_000


class EventTooLarge(Exception):
    """An event has no end in sight."""


class EventSplitter:
    """Feed it what the network brings; it gives back whole events, byte for byte, each with its blank line."""

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        data = self.rest + chunk if self.rest else chunk
        if b"\r" in data:
            return self.feed_any_newline(data)
        pieces = data.split(b"\n\n")
        self.keep(pieces.pop())
        return [piece + b"\n\n" for piece in pieces]

    def feed_any_newline(self, data: bytes) -> list[bytes]:
        events, start = [], 0
        for match in BREAK.finditer(data):
            if data.endswith(b"\r") and match.end() == len(data) and match.group() == b"\r\r":
                break  # the second \r may be the first half of a \r\n still on its way
            events.append(data[start : match.end()])
            start = match.end()
        self.keep(data[start:])
        return events

    def keep(self, rest: bytes) -> None:
        if len(rest) > EVENT_BYTES_MAX:
            raise EventTooLarge
        self.rest = rest


def event_data(event: bytes) -> bytes | None:
    """The event's data, its lines joined; None for a comment or an event without data."""
    if event.startswith(b"data: ") and event.find(b"\n", 6) == len(event) - 2:
        return event[6:-2]
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def comment(text: str) -> bytes:
    return f": {text}\n\n".encode()


def data_event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


DONE = b"[DONE]"
DONE_EVENT = data_event(DONE)
KEEPALIVE = comment("keepalive")
