"""Server-sent events as bytes, well-formed and otherwise."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.replies.shapes import Event
    from simulator.switches import Switches

COMMENT = b": keep-alive\n\n"
# Of a reply that says nothing in words, its names.
TEXTS = tuple(
    f'"{name}":"'.encode()
    for name in (
        *("content", "text", "arguments", "message"),
        *("document", "model", "request_id"),
    )
)


def frame(event: Event, switches: Switches) -> bytes:
    data = spoiled(event.data) if switches.badutf8 and event.step == 1 else event.data
    # DashScope writes "data:" without a blank, OpenAI with one.
    prefix = b"data:" if event.head else b"data: "
    raw = event.head.encode() + prefix + data + b"\n\n"
    if switches.comment:
        raw = COMMENT + raw
    return raw.replace(b"\n", b"\r\n") if switches.crlf else raw


def spoiled(data: bytes) -> bytes:
    """The same JSON with a byte that is never UTF-8 at the start of its first text."""
    for key in TEXTS:
        if key in data:
            return data.replace(key, key + b"\xff", 1)
    return data


def halves(raw: bytes) -> list[bytes]:
    """Cut at an odd place, inside the first character of several bytes, and inside the end of the frame."""
    inside = next((i + 1 for i, byte in enumerate(raw) if byte >= 0x80), len(raw) // 2)
    cuts = sorted({0, 3, inside, (len(raw) * 3 // 4) | 1, len(raw) - 1, len(raw)} & set(range(len(raw) + 1)))
    return [raw[start:stop] for start, stop in pairwise(cuts)]
