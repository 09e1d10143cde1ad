"""The switches that tell the simulator how to answer one call.

They follow the model's name, each after a `;`, as in `chat;chunks=20;chunk_ms=50`. Calls that name no
model carry them in the query (`?sim=pages=2`), in a path segment (`/sim;pages=2/openapi/v1/unicom-ocr`) or in
the header `X-Sim` (percent-encoded where not ASCII). All sources add up; later ones win: path, query, model,
header. A flag stands alone or takes `=1` or `=0`. "Chunk k" counts content chunks from 1; 0 means after the
status line and headers, before the first event. A k beyond the last chunk never happens.

A handshake comes before any of these: for TLS errors start it with `--tls` (see `certificates`).

What is said
    chunks=N        pieces of the answer, "w1 ", "w2 " … (8)
    text=a,b,c      the pieces themselves, \\n for a new line; repeated when chunks asks for more
    finish=WORD     finish_reason in place of "stop", "length" or "tool_calls"
    think           content starts with <think>…</think>, its tags cut across pieces (4 more pieces)
    reasoning=N     N pieces of reasoning_content first; they count as completion tokens
    tools           a call with `tools` is answered by a tool call
    extra           adds prefill_time and decode_time_arr
    dims=N          length of embeddings (8); the request's dimensions win
    max_inputs=N    more embedding inputs are refused with 400
    base64=ignored  encoding_format is not honoured
    top_n=ignored   every document comes back from rerank
    bare            rerank answers 元景's bare array, whoever asks
    pages=N         pages of an OCR reply (1)
    ocr=unknown     an OCR reply of no known shape

Usage
    prompt=N  completion=N   the counts in place of the counted ones
    usage=last      in a chunk of its own at the end of a stream, if include_usage asks for it (the default)
    usage=none      never, in JSON neither
    usage=each      cumulative, in every chunk
    usage=first     final numbers in the first chunk only
    usage=odd       final numbers in a middle content chunk only
    usage=only      usage and nothing else: no content, no choices
    usage_shape=openai | input_output | total

Times
    first_ms=N      delay before the first byte
    chunk_ms=N      delay between chunks

Refusals
    key=VALUE       401 unless Authorization is "Bearer VALUE"
    key_raw=VALUE   401 unless Authorization is the bare VALUE
    status=N        this status with an error body; 429 adds Retry-After: 7
    status_body=T   the message of any error below
    retry_after=N   the Retry-After of an error
    location=URL    the Location of an error (status=302)
    html=N          this status with an HTML body
    error200        200 with an error body; in a stream the first event is the error
    stream_only     400 for a call that does not stream
    fail_first=N    500 for the first N calls of exactly this model string

Faults
    cut=K           the connection closes after chunk k; JSON: in mid body
    reset           TCP RST at once
    reset_at=K      TCP RST after chunk k; JSON: in mid body
    hang            accepted and never answered
    hang_at=K       stalls for ever after chunk k; JSON: in mid body
    error_at=K      an error event after chunk k, then the end without [DONE]
    empty           stream: nothing but [DONE]; JSON: empty content
    empty=body      a zero-length body
    empty=eof       a stream that ends without an event; JSON: a zero-length body
    huge=BYTES      content of that size, spread over the chunks; other JSON is padded to it
    badutf8         an invalid byte in the first content chunk; JSON: in its first text
    crlf            events end in CRLF
    half            events arrive split at odd places, also inside a UTF-8 character
    comment         an SSE comment before each event
    no_done         no [DONE]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable

UsageMode = Literal["last", "none", "each", "first", "odd", "only"]
UsageShape = Literal["openai", "input_output", "total"]
Empty = Literal["content", "body", "eof"]
Honour = Literal["honoured", "ignored"]

DEFAULT_CHUNKS = 8


class SwitchError(ValueError):
    """A switch that does not exist or has an impossible value; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    chunks: int | None = None
    text: tuple[str, ...] = ()
    finish: str | None = None
    think: bool = False
    reasoning: int = 0
    tools: bool = False
    extra: bool = False
    dims: int = 8
    max_inputs: int | None = None
    base64: Honour = "honoured"
    top_n: Honour = "honoured"
    bare: bool = False
    pages: int = 1
    ocr: Literal["known", "unknown"] = "known"

    prompt: int | None = None
    completion: int | None = None
    usage: UsageMode = "last"
    usage_shape: UsageShape | None = None

    first_ms: int = 0
    chunk_ms: int = 0

    key: str | None = None
    key_raw: str | None = None
    status: int | None = None
    status_body: str | None = None
    retry_after: int | None = None
    location: str | None = None
    html: int | None = None
    error200: bool = False
    stream_only: bool = False
    fail_first: int = 0

    cut: int | None = None
    reset: bool = False
    reset_at: int | None = None
    hang: bool = False
    hang_at: int | None = None
    error_at: int | None = None
    empty: Empty | None = None
    huge: int = 0
    badutf8: bool = False
    crlf: bool = False
    half: bool = False
    comment: bool = False
    no_done: bool = False


def parse(text: str) -> Switches:
    """Read `name=value;flag;…`. Raises SwitchError naming what it does not understand."""
    values: dict[str, Any] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not name and not equals:
            continue
        if name not in _READERS:
            raise SwitchError(f"unknown switch '{name}'")
        values[name] = _READERS[name](name, value if equals else None)
    return Switches(**values)


def split_model(model: str) -> tuple[str, str]:
    """`chat;chunks=2` → (`chat`, `chunks=2`)."""
    name, _, switches = model.partition(";")
    return name, switches


def _flag(name: str, value: str | None) -> bool:
    if value is None:
        return True
    if value.strip() not in ("0", "1"):
        raise SwitchError(f"switch '{name}' is a flag: 0 or 1")
    return value.strip() == "1"


def _number(name: str, value: str | None, *, low: int = 0, high: int = 86_400_000) -> int:
    digits = (value or "").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 12 and low <= int(digits) <= high):
        raise SwitchError(f"switch '{name}' needs a number from {low} to {high}")
    return int(digits)


def _word(name: str, value: str | None) -> str:
    if not value:
        raise SwitchError(f"switch '{name}' needs a value")
    return value


def _pieces(name: str, value: str | None) -> tuple[str, ...]:
    return tuple(_word(name, value).replace("\\n", "\n").split(","))


def _choice(name: str, value: str | None, *, kind: object, bare: str = "") -> str:
    word = bare if value is None else value.strip()
    if word not in get_args(kind):
        raise SwitchError(f"switch '{name}' is one of {', '.join(get_args(kind))}")
    return word


_FLAGS = (
    *("think", "tools", "extra", "bare", "error200", "stream_only", "reset", "hang"),
    *("badutf8", "crlf", "half", "comment", "no_done"),
)
_POSITIONS = ("cut", "reset_at", "hang_at", "error_at")
_WORDS = ("finish", "key", "key_raw", "status_body", "location")

_READERS: dict[str, Callable[[str, str | None], object]] = {
    **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys(_POSITIONS, _number),
    **dict.fromkeys(_WORDS, _word),
    **dict.fromkeys(("first_ms", "chunk_ms", "prompt", "completion", "retry_after", "fail_first"), _number),
    **dict.fromkeys(("chunks", "reasoning", "max_inputs"), partial(_number, high=10_000)),
    **dict.fromkeys(("status", "html"), partial(_number, low=200, high=599)),
    "dims": partial(_number, low=1, high=65_536),
    "pages": partial(_number, high=10_000),
    "huge": partial(_number, high=2**28),
    "text": _pieces,
    "base64": partial(_choice, kind=Honour),
    "top_n": partial(_choice, kind=Honour),
    "ocr": partial(_choice, kind=Literal["known", "unknown"]),
    "usage": partial(_choice, kind=UsageMode),
    "usage_shape": partial(_choice, kind=UsageShape),
    "empty": partial(_choice, kind=Empty, bare="content"),
}
