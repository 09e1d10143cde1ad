"""What a generating call will say, before any vendor's shape is put on it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Literal

import orjson

from simulator.replies.shapes import RefusedError, text_of
from simulator.replies.usage import Usage, prompt_tokens, usage_of
from simulator.switches import DEFAULT_CHUNKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulator.replies.shapes import Call
    from simulator.switches import Switches

MAX_CHOICES = 128
VIDEO_TOKENS = 100
VIDEO_NAMES = {"video", "video_url"}
TOOL_CALL_ID = "call_sim_1"

# The tags are cut in their middle: whoever looks for "<think>" in one piece must fail.
THINK_PIECES = ("<th", "ink>\nhm", "m</thi", "nk>\n\n")


@dataclass(frozen=True, slots=True)
class Piece:
    kind: Literal["content", "reasoning", "tool_name", "tool_arguments"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    id: str
    model: str
    created: int
    choices: int
    pieces: tuple[Piece, ...]
    finish: str
    prompt_tokens: int
    video_tokens: int = 0  # a part of the prompt's
    switches: Switches

    def joined(self, *kinds: str) -> str:
        return "".join(piece.text for piece in self.pieces if piece.kind in kinds)

    @property
    def reasoning_tokens(self) -> int:
        return self.choices * sum(piece.kind == "reasoning" for piece in self.pieces)

    def usage(self, pieces_said: int | None = None) -> Usage:
        completion = self.completion_tokens(pieces_said)
        usage = usage_of(self.prompt_tokens, completion, self.switches.usage_shape, self.reasoning_tokens)
        return {**usage, "prompt_tokens_details": {"video_tokens": self.video_tokens}} if self.video_tokens else usage

    def completion_tokens(self, pieces_said: int | None = None) -> int:
        """Tokens after so many pieces; a prescribed total grows in proportion."""
        prescribed = self.switches.completion
        if prescribed is None:
            return self.choices * (len(self.pieces) if pieces_said is None else pieces_said)
        if pieces_said is None:
            return prescribed
        return prescribed * pieces_said // max(1, len(self.pieces))

    def has_usage_at(self, position: int) -> bool:
        """Whether chunk `position` carries usage: 0 is the first, then one per piece, then the finish."""
        mode = self.switches.usage
        if mode == "first":
            return position == 0
        if mode == "odd":
            return position == (len(self.pieces) + 1) // 2
        return mode == "each"


def plan_call(
    call: Call, texts: Iterable[str], params: Mapping[str, Any], *, prompts: int = 1, videos: int = 0
) -> Plan:
    """`params` holds n, max_tokens and tools: the body itself, or DashScope's `parameters`."""
    switches = call.switches
    tool = _tool_name(params) if switches.tools else None
    pieces = _pieces(switches, tool)
    limit = _positive(params, "max_completion_tokens") or _positive(params, "max_tokens") or len(pieces)
    natural = "tool_calls" if tool else "stop"
    return Plan(
        id=f"chatcmpl-{uuid.uuid4()}",
        model=call.model,
        created=call.now,
        choices=_choices(params) * prompts,
        pieces=pieces[:limit],
        finish=switches.finish or ("length" if limit < len(pieces) else natural),
        prompt_tokens=prompt_tokens(switches, texts) + VIDEO_TOKENS * videos,
        video_tokens=VIDEO_TOKENS * videos,
        switches=switches,
    )


def message_texts(messages: object) -> list[str]:
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise RefusedError("messages must be a list of messages that is not empty")
    return [text_of(message.get("content")) for message in messages]


def video_count(messages: object) -> int:
    """Films and lists of frames in the parts of messages, by OpenAI's or DashScope's names."""
    parts = [m["content"] for m in messages if isinstance(m.get("content"), list)] if isinstance(messages, list) else []
    return sum(bool(VIDEO_NAMES & part.keys()) for content in parts for part in content if isinstance(part, dict))


def tool_call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": TOOL_CALL_ID, "type": "function", "function": {"name": name, "arguments": arguments}}


def _pieces(switches: Switches, tool: str | None) -> tuple[Piece, ...]:
    if switches.empty or switches.usage == "only":
        return ()
    reasoning = [Piece("reasoning", f"r{i} ") for i in range(1, switches.reasoning + 1)]
    if tool:
        return (*reasoning, *_tool_pieces(tool))
    think = THINK_PIECES if switches.think else ()
    return (*reasoning, *(Piece("content", text) for text in (*think, *_words(switches))))


def _words(switches: Switches) -> Iterable[str]:
    wanted = switches.chunks
    count = (len(switches.text) or DEFAULT_CHUNKS) if wanted is None else wanted
    if switches.huge and count:
        size, rest = divmod(switches.huge, count)
        return ["x" * (size + rest), *["x" * size] * (count - 1)]
    if switches.text:
        return islice(cycle(switches.text), count)
    # Frames can only be split inside a character if there is one of several bytes.
    letter = "字" if switches.half else "w"
    return [f"{letter}{i} " for i in range(1, count + 1)]


def _tool_pieces(name: str) -> list[Piece]:
    arguments = orjson.dumps({"city": "北京", "days": 3}).decode()
    parts = [arguments[i : i + 8] for i in range(0, len(arguments), 8)]
    return [Piece("tool_name", name), *(Piece("tool_arguments", part) for part in parts)]


def _tool_name(params: Mapping[str, Any]) -> str | None:
    tools = params.get("tools")
    if not tools or not isinstance(tools, list) or params.get("tool_choice") == "none":
        return None
    function = tools[0].get("function") if isinstance(tools[0], dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise RefusedError("tools[0].function.name is missing")
    return str(function["name"])


def _choices(params: Mapping[str, Any]) -> int:
    wanted = _positive(params, "n") or 1
    if wanted > MAX_CHOICES:
        raise RefusedError(f"n is at most {MAX_CHOICES}")
    return wanted


def _positive(params: Mapping[str, Any], name: str) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RefusedError(f"{name} must be a positive integer")
    return value
