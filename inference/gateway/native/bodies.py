"""DashScope's request bodies, `input` and `parameters`, as canonical ones. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from inference.gateway.errors import BadRequest
from inference.gateway.requests import mistyped, required
from models_registry.vendors.base import Json

# What the answer looks like is ours to see to, and no parameter may stand in for a field of the request itself.
NOT_PASSED = {"model", "messages", "input", "query", "documents", "stream", "stream_options", "encoding_format"}
FORMATS = {"result_format", "incremental_output"}


def generation(body: Json) -> Json:
    """`input.prompt` is a message of the user after those of `input.messages`."""
    given, parameters = parts_of(body)
    if given.get("history") is not None:
        raise BadRequest("'input.history' is not taken; send the turns in 'input.messages'.", param="input.history")
    messages, prompt = given.get("messages"), given.get("prompt")
    if prompt is not None and not isinstance(prompt, str):
        raise mistyped("input.prompt", "a string", prompt)
    if messages is not None and not isinstance(messages, list):
        raise mistyped("input.messages", "an array", messages)
    if not messages and not prompt:
        raise BadRequest("'input.messages' or 'input.prompt' is required.", param="input.messages")
    spoken = [canonical_message(message) for message in messages or []]
    if prompt:
        spoken.append({"role": "user", "content": prompt})
    return {**passed(parameters, FORMATS), **named(body), "messages": spoken}


def embedding(body: Json) -> Json:
    given, parameters = parts_of(body)
    texts = required(given, "texts", "an array of strings, in 'input'")
    if parameters.get("output_type") not in (None, "dense"):
        raise BadRequest("'output_type' must be 'dense'.", param="output_type")
    renamed = {"dimensions": parameters["dimension"]} if parameters.get("dimension") is not None else {}
    return {**passed(parameters, {"dimension", "output_type"}), **renamed, **named(body), "input": texts}


def rerank(body: Json) -> Json:
    given, parameters = parts_of(body)
    asked: Json = {name: given[name] for name in ("query", "documents") if name in given}
    return {**passed(parameters, set()), **named(body), **asked}


def beside(body: Json) -> Json:
    """On chat/completions parameters may also stand beside `input`, where that path's own stand."""
    parameters = body.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise mistyped("parameters", "an object", parameters)
    if body.get("stream"):
        raise BadRequest("A body with 'input' is not streamed here; send 'messages' instead.", param="stream")
    outside = {name: value for name, value in body.items() if name not in {"model", "input", "parameters"}}
    return {**named(body), "input": body["input"], "parameters": {**outside, **(parameters or {})}}


def parts_of(body: Json) -> tuple[Json, Json]:
    given = required(body, "input", "an object with what the model is to read")
    if not isinstance(given, dict):
        raise mistyped("input", "an object", given)
    parameters = body.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise mistyped("parameters", "an object", parameters)
    return given, parameters or {}


def named(body: Json) -> Json:
    return {"model": body["model"]} if "model" in body else {}


def passed(parameters: Json, own: set[str]) -> Json:
    return {name: value for name, value in parameters.items() if name not in NOT_PASSED and name not in own}


# --- messages ----------------------------------------------------------------------------------------
def canonical_message(message: Any) -> Any:
    """What is no message is left as it is: the check of canonical messages names it."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [canonical_part(part) for part in message["content"]]}


def canonical_part(part: Any) -> Any:
    """`{"image": URL}` becomes OpenAI's part; what else it says, `fps` or `max_pixels`, stays beside it."""
    if not isinstance(part, dict) or "type" in part:
        return part
    for name, build in PARTS.items():
        if name in part:
            rest = {key: value for key, value in part.items() if key != name}
            return {**rest, **build(part[name])}
    return part


def canonical_video(video: Any) -> Json:
    """A film by its address, or a list of its frames."""
    if isinstance(video, list):
        return {"type": "video", "video": video}
    return {"type": "video_url", "video_url": {"url": video}}


PARTS: Mapping[str, Callable[[Any], Json]] = {
    "text": lambda text: {"type": "text", "text": text},
    "image": lambda url: {"type": "image_url", "image_url": {"url": url}},
    "video": canonical_video,
    "audio": lambda url: {"type": "input_audio", "input_audio": {"data": url}},
}
