"""wcode's chat: OpenAI's shape, except that a film by its address is asked and answered in DashScope's own. Pure.

Its document (example 4) knows no other form for films, and no stream of one.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from models_registry.vendors.base import Json, Outgoing, Reply, Target
from models_registry.vendors.openai_shape import ChatDialect, json_outgoing
from models_registry.vendors.wire import json_object

NATIVE_NAMES = {"text": "text", "image_url": "image", "video_url": "video", "video": "video", "input_audio": "audio"}
NOT_PARAMETERS = {"model", "messages", "stream", "stream_options"}
MEDIA_TOKENS = ("image_tokens", "video_tokens", "audio_tokens")


@dataclass(frozen=True, slots=True)
class FilmChatDialect(ChatDialect):
    def build(self, request: Json, target: Target) -> Outgoing:
        if target.operation == "chat" and not request.get("stream") and shows_film(request):
            return json_outgoing(native_request(request, target.upstream_model), target)
        return ChatDialect.build(self, request, target)

    def parse(self, body: bytes, request: Json, content_type: str) -> Reply:
        data = json_object(body)
        if isinstance(data.get("output"), dict) and "choices" not in data:
            body = orjson.dumps(canonical_reply(data, request.get("model")))
        return ChatDialect.parse(self, body, request, content_type)


def shows_film(request: Json) -> bool:
    contents = [message.get("content") for message in request["messages"]]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return any(isinstance(part, dict) and part.get("type") == "video_url" for part in parts)


# --- what is asked -----------------------------------------------------------------------------------
def native_request(request: Json, model: str) -> Json:
    named = {"model": model, "input": {"messages": [native_message(message) for message in request["messages"]]}}
    parameters = {name: value for name, value in request.items() if name not in NOT_PARAMETERS}
    return {**named, "parameters": parameters} if parameters else named


def native_message(message: Json) -> Json:
    content = message.get("content")
    parts = [{"text": content}] if isinstance(content, str) else content
    return {**message, "content": [native_part(part) for part in parts] if isinstance(parts, list) else parts}


def native_part(part: Any) -> Any:
    """`{"type": "video_url", "video_url": {"url": URL}}` is `{"video": URL}`; what else it says stays beside it."""
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in NATIVE_NAMES:
        return part
    value = part.get(kind)
    if isinstance(value, dict):
        value = value.get("url") or value.get("data")
    rest = {name: told for name, told in part.items() if name not in ("type", kind)}
    return {NATIVE_NAMES[kind]: value, **rest}


# --- what is answered --------------------------------------------------------------------------------
def canonical_reply(data: Json, model: Any) -> Json:
    choices = data["output"].get("choices")
    reply: Json = {
        "id": data.get("request_id"),
        "object": "chat.completion",
        "created": 0,  # the native shape tells no time
        "model": model,
        "choices": [canonical_choice(at, one) for at, one in enumerate(choices if isinstance(choices, list) else [])],
    }
    return {**reply, "usage": canonical_usage(data["usage"])} if isinstance(data.get("usage"), dict) else reply


def canonical_choice(index: int, choice: Any) -> Any:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return choice
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return {"index": index, **choice, "message": {**message, "content": content}}


def canonical_usage(usage: Json) -> Json:
    """The tokens of a film are a part of the input's."""
    media = {name: usage[name] for name in MEDIA_TOKENS if name in usage}
    said = {"prompt_tokens": usage.get("input_tokens"), "completion_tokens": usage.get("output_tokens")}
    total = sum(count for count in said.values() if isinstance(count, int))
    return {**said, "total_tokens": total, **({"prompt_tokens_details": media} if media else {})}
