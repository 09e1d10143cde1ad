"""`<think>…</think>` at the beginning of an answer becomes `reasoning_content`: whole, or delta by delta. Pure.

What is lifted does not depend on where a stream was cut. A tag that is never closed leaves all of it reasoning.
"""

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import Any, NamedTuple

from models_registry.vendors.base import Json, Reply

OPEN, CLOSE = "<think>", "</think>"
INDENT_MAX = 1000  # held back while a tag may still follow it; more than that is an answer


class Place(Enum):
    BEFORE = "before the tag, if there is one"
    INSIDE = "in the reasoning"
    BEHIND = "in the whitespace behind the closing tag, which is dropped"
    ANSWER = "in the answer"


class Lifted(NamedTuple):
    content: str
    reasoning: str = ""


class Lifter:
    """The content of one choice. What may yet become a tag is held back until `flush`."""

    __slots__ = ("held", "place")

    def __init__(self) -> None:
        self.place = Place.BEFORE
        self.held = ""

    def feed(self, piece: str) -> Lifted:
        text, self.held = self.held + piece, ""
        match self.place:
            case Place.BEFORE:
                return self.before(text)
            case Place.INSIDE:
                return self.inside(text)
            case Place.BEHIND:
                return self.behind(text)
            case Place.ANSWER:
                return Lifted(text)

    def before(self, text: str) -> Lifted:
        start = text.lstrip()
        if len(text) - len(start) <= INDENT_MAX:
            if start.startswith(OPEN):
                self.place = Place.INSIDE
                return self.inside(start.removeprefix(OPEN))
            if OPEN.startswith(start):
                self.held = text
                return Lifted("")
        self.place = Place.ANSWER
        return Lifted(text)

    def inside(self, text: str) -> Lifted:
        reasoning, tag, rest = text.partition(CLOSE)
        if tag:
            self.place = Place.BEHIND
            return Lifted(self.behind(rest).content, reasoning)
        kept = tag_begun(text)
        self.held = text[len(text) - kept :]
        return Lifted("", text[: len(text) - kept])

    def behind(self, text: str) -> Lifted:
        content = text.lstrip()
        if content:
            self.place = Place.ANSWER
        return Lifted(content)

    def flush(self) -> Lifted:
        """What was held back, now that no tag can come of it."""
        held, self.held = self.held, ""
        if self.place is Place.INSIDE:
            return Lifted("", held)
        self.place = Place.ANSWER
        return Lifted(held)


def tag_begun(text: str) -> int:
    """How many characters at the end may be the beginning of a closing tag."""
    return next(size for size in range(len(CLOSE) - 1, -1, -1) if text.endswith(CLOSE[:size]))


def lift_text(text: str) -> Lifted:
    lifter = Lifter()
    content, reasoning = lifter.feed(text)
    rest = lifter.flush()
    return Lifted(content + rest.content, reasoning + rest.reasoning)


def lift_reply(reply: Reply) -> Reply:
    """A whole reply; its own bytes stay where there was nothing to lift. The text that is counted stays the same."""
    changed = [lift_message(choice.get("message")) for choice in choices_of(reply.data)]
    return replace(reply, body=None) if any(changed) else reply


def lift_message(message: Any) -> bool:
    """Whether the message was changed."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), str):
        return False
    content, reasoning = lift_text(message["content"])
    if content == message["content"]:
        return False
    message["content"] = content
    message["reasoning_content"] = had_reasoning(message) + reasoning
    return True


class StreamLifter:
    """The chunks of a stream, each choice for itself."""

    __slots__ = ("choices", "head")

    def __init__(self) -> None:
        self.choices: dict[int, Lifter] = {}
        self.head: Json = {}

    def lift(self, event: Json) -> bool:
        """Whether the event was changed. A choice's finish brings what was held back of it."""
        if not self.head:
            self.head = {name: event[name] for name in ("id", "object", "created", "model") if name in event}
        changed = [self.lift_choice(choice) for choice in choices_of(event)]
        return any(changed)

    def lift_choice(self, choice: Json) -> bool:
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        piece = delta.get("content")
        piece = piece if isinstance(piece, str) else ""
        index = choice.get("index")
        lifter = self.choices.setdefault(index if isinstance(index, int) else 0, Lifter())
        content, reasoning = lifter.feed(piece)
        if choice.get("finish_reason"):
            rest = lifter.flush()
            content, reasoning = content + rest.content, reasoning + rest.reasoning
        if content == piece and not reasoning:
            return False
        choice["delta"] = lifted_delta(delta, Lifted(content, reasoning))
        return True

    def rest(self) -> Json | None:
        """The chunk that a stream without a finish still owes."""
        held = [(index, lifter.flush()) for index, lifter in self.choices.items() if lifter.held]
        choices = [{"index": index, "delta": lifted_delta({}, text), "finish_reason": None} for index, text in held]
        return {**self.head, "choices": choices} if choices else None


def lifted_delta(delta: Json, lifted: Lifted) -> Json:
    """Null says that the answer has not begun, as the vendors with a `reasoning_content` of their own say it."""
    changed = {**delta, "content": lifted.content or None}
    if lifted.reasoning:
        changed["reasoning_content"] = had_reasoning(delta) + lifted.reasoning
    return changed


def had_reasoning(part: Json) -> str:
    had = part.get("reasoning_content")
    return had if isinstance(had, str) else ""


def choices_of(data: Json) -> Iterator[Json]:
    choices = data.get("choices")
    return (choice for choice in choices if isinstance(choice, dict)) if isinstance(choices, list) else iter(())
