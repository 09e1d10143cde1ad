"""OpenAI's chat and text completions, whole and streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from simulator.replies.plan import message_texts, plan_call, tool_call, video_count
from simulator.replies.shapes import DONE, Event, RefusedError, Reply, Stream, json_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulator.replies.plan import Piece, Plan
    from simulator.replies.shapes import Call

Chunk = dict[str, Any]
Delta = dict[str, Any]

# OpenAI's schema wants them said, and `logprobs` beside the message, also where there are none.
NONE_SUCH: Delta = {"refusal": None, "annotations": []}


def chat(call: Call) -> Reply:
    messages = call.body.get("messages")
    plan = plan_call(call, message_texts(messages), call.body, videos=video_count(messages))
    if call.stream:
        return Stream(_events(plan, _chat_choice, "chat.completion.chunk", _wants_usage(call), role=True))
    choices = [_message_choice(plan, index) for index in range(plan.choices)]
    return json_body(_whole(plan, "chat.completion", choices))


def completions(call: Call) -> Reply:
    prompts = _prompts(call.body.get("prompt"))
    plan = plan_call(call, prompts, call.body, prompts=len(prompts))
    if call.stream:
        return Stream(_events(plan, _text_choice, "text_completion", _wants_usage(call), role=False))
    choices = [_text_choice(index, _all_text(plan), plan.finish) for index in range(plan.choices)]
    return json_body(_whole(plan, "text_completion", choices))


def _prompts(prompt: object) -> list[str]:
    if isinstance(prompt, str):
        return [prompt]
    if isinstance(prompt, list) and prompt and all(isinstance(p, str) for p in prompt):
        return prompt
    if isinstance(prompt, list) and prompt and all(isinstance(p, int) for p in prompt):
        return [" ".join(map(str, prompt))]
    raise RefusedError("prompt must be a string, a list of strings or a list of tokens")


def _wants_usage(call: Call) -> bool:
    options = call.body.get("stream_options")
    asked = isinstance(options, dict) and options.get("include_usage") is True
    return call.switches.usage == "only" or (asked and call.switches.usage == "last")


def _whole(plan: Plan, kind: str, choices: list[Chunk]) -> Chunk:
    reply = {**_base(plan, kind), "choices": [] if plan.switches.usage == "only" else choices}
    if plan.switches.usage != "none":
        reply["usage"] = plan.usage()
    return {**reply, **_extra(plan)}


def _base(plan: Plan, kind: str) -> Chunk:
    return {"id": plan.id, "object": kind, "created": plan.created, "model": plan.model}


def _extra(plan: Plan) -> Chunk:
    if not plan.switches.extra:
        return {}
    return {"prefill_time": 12, "decode_time_arr": [3] * len(plan.pieces)}


def _message_choice(plan: Plan, index: int) -> Chunk:
    message: Delta = {"role": "assistant", "content": plan.joined("content"), **NONE_SUCH}
    if reasoning := plan.joined("reasoning"):
        message["reasoning_content"] = reasoning
    if name := plan.joined("tool_name"):
        message |= {"content": None, "tool_calls": [tool_call(name, plan.joined("tool_arguments"))]}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": plan.finish}


def _chat_choice(index: int, delta: Delta, finish: str | None) -> Chunk:
    return {"index": index, "delta": delta, "finish_reason": finish}


def _text_choice(index: int, delta: Delta, finish: str | None) -> Chunk:
    return {"index": index, "text": delta.get("content") or "", "logprobs": None, "finish_reason": finish}


def _all_text(plan: Plan) -> Delta:
    return {"content": plan.joined("content")}


def _delta(piece: Piece) -> Delta:
    if piece.kind == "reasoning":
        return {"content": None, "reasoning_content": piece.text}
    if piece.kind == "tool_name":
        return {"tool_calls": [{"index": 0, **tool_call(piece.text, "")}]}
    if piece.kind == "tool_arguments":
        return {"tool_calls": [{"index": 0, "function": {"arguments": piece.text}}]}
    return {"content": piece.text}


def _events(
    plan: Plan, choice: Callable[[int, Delta, str | None], Chunk], kind: str, wants_usage: bool, *, role: bool
) -> Iterator[Event]:
    base = _base(plan, kind)
    if plan.switches.usage != "only":
        if role:
            first = {"role": "assistant", "content": ""}
            yield from (_event(base, plan, choice(i, first, None), 0) for i in range(plan.choices))
        yield from _piece_events(plan, base, choice)
        yield from _finish_events(plan, base, choice)
    if wants_usage:
        yield Event(orjson.dumps({**base, "choices": [], "usage": plan.usage()}))
    if not plan.switches.no_done:
        yield DONE


def _piece_events(plan: Plan, base: Chunk, choice: Callable[[int, Delta, str | None], Chunk]) -> Iterator[Event]:
    step = 0
    for position, piece in enumerate(plan.pieces, start=1):
        step += piece.kind != "reasoning"
        for index in range(plan.choices):
            last = index == plan.choices - 1
            completes = step if last and piece.kind != "reasoning" else None
            yield _event(base, plan, choice(index, _delta(piece), None), position, completes, pause=last)


def _finish_events(plan: Plan, base: Chunk, choice: Callable[[int, Delta, str | None], Chunk]) -> Iterator[Event]:
    base = {**base, **_extra(plan)}
    position = len(plan.pieces) + 1
    for index in range(plan.choices):
        yield _event(base, plan, choice(index, {"content": ""}, plan.finish), position)


def _event(
    base: Chunk, plan: Plan, choice: Chunk, position: int, step: int | None = None, *, pause: bool = False
) -> Event:
    chunk = {**base, "choices": [choice]}
    if plan.has_usage_at(position):
        said = min(position, len(plan.pieces)) if plan.switches.usage == "each" else None
        chunk["usage"] = plan.usage(said)
    return Event(orjson.dumps(chunk), step, pause)
