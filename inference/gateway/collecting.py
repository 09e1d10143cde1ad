"""A stream collected into one reply: for callers of JSON whose upstream only streams. Pure."""

from typing import Any

from models_registry.vendors.base import Json


class Collector:
    """Feed it the chunks; `reply` is the completion they make."""

    def __init__(self) -> None:
        self.head: Json = {}
        self.choices: dict[int, Json] = {}
        self.usage: Any = None

    def read(self, event: Json) -> None:
        if not self.head:
            self.head = {key: value for key, value in event.items() if key not in {"choices", "usage", "object"}}
        self.usage = event.get("usage") or self.usage
        for piece in as_list(event.get("choices")):
            if isinstance(piece, dict):
                self.read_choice(piece)

    def read_choice(self, piece: Json) -> None:
        index = piece.get("index")
        index = index if isinstance(index, int) else 0
        choice = self.choices.setdefault(index, {"index": index, "finish_reason": None})
        choice["finish_reason"] = piece.get("finish_reason") or choice["finish_reason"]
        if isinstance(piece.get("text"), str):
            choice["text"] = choice.get("text", "") + piece["text"]
        delta = piece.get("delta")
        if isinstance(delta, dict):
            merge_delta(choice.setdefault("message", {"role": "assistant", "content": ""}), delta)

    def reply(self) -> Json:
        choices = [self.choices[index] for index in sorted(self.choices)]
        is_chat = any("message" in choice for choice in choices)
        return {
            **self.head,
            "object": "chat.completion" if is_chat else "text_completion",
            "choices": choices,
            "usage": self.usage,
        }


def merge_delta(message: Json, delta: Json) -> None:
    for name, value in delta.items():
        if name == "role" and value:
            message["role"] = value
        elif name == "tool_calls":
            merge_tool_calls(message.setdefault("tool_calls", []), as_list(value))
        elif isinstance(value, str):
            message[name] = (message.get(name) or "") + value


def merge_tool_calls(calls: list[Json], pieces: list[Any]) -> None:
    """Arguments arrive in pieces, by index."""
    for piece in pieces:
        if not isinstance(piece, dict):
            continue
        index = piece.get("index", len(calls))
        call = next((call for call in calls if call["index"] == index), None)
        if call is None:
            call = {"index": index, "id": "", "type": "function", "function": {"name": "", "arguments": ""}}
            calls.append(call)
        call["id"] = piece.get("id") or call["id"]
        function = piece.get("function")
        if isinstance(function, dict):
            for name in ("name", "arguments"):
                call["function"][name] += function[name] if isinstance(function.get(name), str) else ""


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
