"""DashScope's native generation: `input` and `parameters` in, `output` out, whole or as its own SSE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from simulator.replies.plan import message_texts, plan_call, tool_call, video_count
from simulator.replies.shapes import Event, Reply, Stream, json_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulator.replies.plan import Plan
    from simulator.replies.shapes import Call

# The vendor writes the word, not JSON's null, while an answer goes on.
UNFINISHED = "null"


def text_generation(call: Call) -> Reply:
    as_messages = mapping(call.body, "parameters").get("result_format") == "message"
    return _generation(call, as_messages=as_messages, as_parts=False)


def multimodal_generation(call: Call) -> Reply:
    """Also what wcode answers on chat/completions when the body holds `input.messages`."""
    return _generation(call, as_messages=True, as_parts=True)


def mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def native_usage(plan: Plan, pieces_said: int | None = None) -> dict[str, Any]:
    if plan.switches.usage_shape is not None:
        return plan.usage(pieces_said)
    prompt, completion, video = plan.prompt_tokens, plan.completion_tokens(pieces_said), plan.video_tokens
    usage = {"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion}
    return {**usage, "video_tokens": video} if video else usage


def _generation(call: Call, *, as_messages: bool, as_parts: bool) -> Reply:
    given, parameters = mapping(call.body, "input"), mapping(call.body, "parameters")
    prompt = given.get("prompt")
    texts = [prompt] if isinstance(prompt, str) else message_texts(given.get("messages"))
    plan = plan_call(call, texts, {**call.body, **parameters}, videos=video_count(given.get("messages")))
    shape = _Shape(plan, as_messages, as_parts)
    if call.stream:
        return Stream(_events(shape, incremental=parameters.get("incremental_output") is True))
    reply = shape.reply(0, len(plan.pieces), plan.finish)
    if plan.switches.usage != "none":
        reply["usage"] = native_usage(plan)
    return json_body(reply)


class _Shape:
    """One reply shape for the whole answer and for any stretch of its pieces."""

    def __init__(self, plan: Plan, as_messages: bool, as_parts: bool) -> None:
        self.plan, self.as_messages, self.as_parts = plan, as_messages, as_parts

    def reply(self, start: int, stop: int, finish: str) -> dict[str, Any]:
        pieces = self.plan.pieces[start:stop]
        said = {kind: "".join(p.text for p in pieces if p.kind == kind) for kind in _KINDS}
        if self.as_messages:
            count = 0 if self.plan.switches.usage == "only" else self.plan.choices
            choices = [{"index": i, "finish_reason": finish, "message": self._message(said)} for i in range(count)]
            output: dict[str, Any] = {"choices": choices}
        else:
            output = {"text": said["content"], "finish_reason": finish}
        return {"output": output, "request_id": self.plan.id.removeprefix("chatcmpl-")}

    def _message(self, said: dict[str, str]) -> dict[str, Any]:
        content: object = [{"text": said["content"]}] if self.as_parts else said["content"]
        message: dict[str, Any] = {"role": "assistant", "content": content}
        if said["reasoning"]:
            message["reasoning_content"] = said["reasoning"]
        if said["tool_name"] or said["tool_arguments"]:
            message["tool_calls"] = [tool_call(said["tool_name"], said["tool_arguments"])]
        return message


_KINDS = ("content", "reasoning", "tool_name", "tool_arguments")


def _events(shape: _Shape, *, incremental: bool) -> Iterator[Event]:
    plan, step = shape.plan, 0
    if plan.switches.empty:
        return
    for position, piece in enumerate(plan.pieces, start=1):
        step += piece.kind != "reasoning"
        reply = shape.reply(position - 1 if incremental else 0, position, UNFINISHED)
        completes = step if piece.kind != "reasoning" else None
        yield _event(shape, reply, position, completes)
    end = len(plan.pieces)
    yield _event(shape, shape.reply(end if incremental else 0, end, plan.finish), end + 1)


def _event(shape: _Shape, reply: dict[str, Any], position: int, step: int | None = None) -> Event:
    if _has_usage(shape.plan, position):
        said = min(position, len(shape.plan.pieces)) if shape.plan.switches.usage in ("each", "last") else None
        reply["usage"] = native_usage(shape.plan, said)
    head = f"id:{position}\nevent:result\n:HTTP_STATUS/200\n"
    return Event(orjson.dumps(reply), step, pause=step is not None, head=head)


def _has_usage(plan: Plan, position: int) -> bool:
    """The vendor's own habit, here `last`, is cumulative usage in every event."""
    if plan.switches.usage == "first":
        return position == 1
    return plan.switches.usage in ("last", "only") or plan.has_usage_at(position)
