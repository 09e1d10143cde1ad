"""What a probe's short answers really show of a model. Pure; what was not seen stays None."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from inference.gateway.sse import DONE, EventSplitter, EventTooLarge, event_data
from models_registry.vendors.base import Dialect, DialectError, Json
from models_registry.vendors.wire import usage_seen

EVENTS_MAX = 200
REPLY_CHARS_MAX = 1_600
TEXT_CHARS_MAX = 120
ITEMS_MAX = 3

Thinking = Literal["content", "field", "none"]


@dataclass(frozen=True, slots=True)
class Findings:
    usage: bool | None = None
    streams: bool | None = None
    thinking: Thinking | None = None  # <think> in the content, or a field of its own
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_ms: int | None = None  # until the first event with output
    dimensions: int | None = None
    pages: int | None = None

    def joined(self, streamed: "Findings") -> "Findings":
        """With what a second, streamed call showed."""
        seen = streamed.thinking if self.thinking in (None, "none") else self.thinking
        return replace(self, streams=streamed.streams, thinking=seen or self.thinking, first_ms=streamed.first_ms)


def findings_of(dialect: Dialect, body: bytes, content_type: str, request: Json) -> Findings:
    if request.get("stream"):
        return stream_findings([body, b"\n\n"], None)
    try:
        reply = dialect.parse(body, request, content_type)
    except DialectError:  # an empty answer is an answer, and shows its usage
        reply = None
    data = reply.data if reply else loaded(body)
    usage = reply.usage if reply else usage_seen(data.get("usage"))
    tokens = usage if usage and usage.prompt_tokens is not None else None
    return Findings(
        usage=tokens is not None if dialect.streams or "data" in data or "results" in data else None,
        thinking=thinking_of(data) if dialect.streams else None,
        input_tokens=tokens.prompt_tokens if tokens else None,
        output_tokens=tokens.completion_tokens if tokens else None,
        dimensions=dimensions_of(data),
        pages=usage.pages if usage else None,
    )


def stream_findings(pieces: Iterable[bytes], began: float | None) -> Findings:
    """Reads until [DONE], or as much as tells enough. `began` is on the monotonic clock."""
    splitter, count, first_ms = EventSplitter(), 0, None
    usage, message = None, {"content": "", "reasoning_content": ""}
    try:
        for event in (event for piece in pieces for event in splitter.feed(piece)):
            data = event_data(event)
            if data == DONE or count >= EVENTS_MAX:
                break
            chunk = loaded(data or b"")
            usage = usage_seen(chunk.get("usage")) or usage
            count += bool(chunk.get("choices"))
            if add_delta(message, chunk) and first_ms is None and began is not None:
                first_ms = round((time.monotonic() - began) * 1000)
    except EventTooLarge:
        return Findings(streams=False)
    return Findings(
        usage=usage is not None,
        streams=count > 0,
        thinking=thinking_of({"choices": [{"message": message}]}) if count else None,
        input_tokens=usage.prompt_tokens if usage else None,
        output_tokens=usage.completion_tokens if usage else None,
        first_ms=first_ms,
    )


def add_delta(message: dict[str, str], chunk: Json) -> bool:
    """Whether the chunk brought output."""
    added = False
    for part in parts_of(chunk, "delta"):
        for name, other in (("content", "content"), ("reasoning_content", "reasoning")):
            text = part.get(name) or part.get(other)
            if isinstance(text, str) and text:
                message[name] += text
                added = True
    return added


def thinking_of(data: Json) -> Thinking:
    for part in parts_of(data, "message"):
        if part.get("reasoning_content") or part.get("reasoning"):
            return "field"
        if str(part.get("content") or "").lstrip().startswith("<think>"):
            return "content"
    return "none"


def parts_of(data: Json, name: str) -> Iterable[Json]:
    choices = data.get("choices")
    found = [choice.get(name) for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    return [part for part in found if isinstance(part, dict)]


def dimensions_of(data: Json) -> int | None:
    rows = data.get("data")
    vector = rows[0].get("embedding") if isinstance(rows, list) and rows and isinstance(rows[0], dict) else None
    return len(vector) if isinstance(vector, list) else None


def loaded(body: bytes) -> Json:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return data if isinstance(data, dict) else {}


# --- the reply, as it is shown ----------------------------------------------------------------------
def reply_beginning(body: bytes) -> str:
    """Indented, with long texts and lists cut; what is no JSON as it came."""
    try:
        shown = orjson.dumps(shortened(orjson.loads(body)), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        shown = body[: REPLY_CHARS_MAX * 4].decode("utf-8", "replace")
    return shown if len(shown) <= REPLY_CHARS_MAX else f"{shown[:REPLY_CHARS_MAX]}…"


def shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= TEXT_CHARS_MAX else f"{value[:TEXT_CHARS_MAX]}…"
    if isinstance(value, list):
        rest = [f"… {len(value) - ITEMS_MAX}"] if len(value) > ITEMS_MAX else []
        return [shortened(item) for item in value[:ITEMS_MAX]] + rest
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items() if item is not None}
    return value
