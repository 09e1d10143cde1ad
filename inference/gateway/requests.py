"""A caller's bytes become a checked canonical request. Only what the gateway itself acts on is checked here."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from inference.gateway.errors import BadRequest
from models_registry.vendors.base import Json

MESSAGES_MAX = 10_000
TEXTS_MAX = 2_048
CHOICES_MAX = 128
DEPTH_MAX = 250  # what the JSON writer can write again
TOKENS_MAX = 10_000_000
MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,80}/[A-Za-z0-9.+-]{1,80}\Z")


class Operation(NamedTuple):
    """`kind` is the kind of model it takes; `check` raises BadRequest and drops what that kind never has."""

    name: str
    kind: str
    check: Callable[[Json], None]


def parse_json(body: bytes) -> Json:
    """The request's JSON object. Raises BadRequest that names the position of a mistake."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno} (character {error.pos})"
        raise BadRequest(f"The body is not valid JSON: {plain_mistake(body, error)} at {where}.") from error
    if not isinstance(request, dict):
        raise BadRequest(f"The body must be a JSON object, not {json_type(request)}.")
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX:
        check_depth(request)
    return request


def check_depth(request: Json) -> None:
    try:
        orjson.dumps(request)
    except orjson.JSONEncodeError as error:
        raise BadRequest(f"The body is nested too deeply: at most {DEPTH_MAX} levels.") from error


def plain_mistake(body: bytes, error: orjson.JSONDecodeError) -> str:
    """What is wrong there, in words."""
    return error.msg.split(":")[0] if body.strip() else "the body is empty"


def json_type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def mistyped(name: str, wanted: str, value: Any) -> BadRequest:
    return BadRequest(f"'{name}' must be {wanted}, not {json_type(value)}.", param=name)


def required(request: Json, name: str, wanted: str) -> Any:
    value = request.get(name)
    if value is None:
        raise BadRequest(f"'{name}' is required: {wanted}.", param=name)
    return value


# --- fields ------------------------------------------------------------------------------------------
def check_model(request: Json) -> str:
    name = required(request, "model", "the name of a model, as GET /v1/models lists them")
    if not isinstance(name, str):
        raise mistyped("model", "a string", name)
    return name


def check_whole(request: Json, name: str, low: int, high: int) -> None:
    value = request.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise mistyped(name, "a whole number", value)
    if not low <= value <= high:
        raise BadRequest(f"'{name}' must be between {low} and {high}, not {value}.", param=name)


def check_boolean(request: Json, name: str) -> None:
    value = request.get(name)
    if value is not None and not isinstance(value, bool):
        raise mistyped(name, "true or false", value)


def check_output(request: Json) -> None:
    check_boolean(request, "stream")
    check_whole(request, "max_tokens", 1, TOKENS_MAX)
    check_whole(request, "max_completion_tokens", 1, TOKENS_MAX)
    check_whole(request, "n", 1, CHOICES_MAX)
    check_whole(request, "best_of", 1, CHOICES_MAX)
    options = request.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise mistyped("stream_options", "an object", options)
    wanted = (options or {}).get("include_usage")
    if wanted is not None and not isinstance(wanted, bool):
        raise mistyped("stream_options.include_usage", "true or false", wanted)


def drop_stream(request: Json) -> None:
    """What never streams is neither asked to, nor told of it. A multipart body says "false" in letters."""
    stream = request.pop("stream", None)
    request.pop("stream_options", None)
    if isinstance(stream, str):
        stream = stream.strip().lower() not in {"", "0", "false"}
    if stream is not None and stream is not False:
        raise BadRequest(
            "'stream' must be false or left out: only chat and completions can be streamed.", param="stream"
        )


def check_chat(request: Json) -> None:
    messages = required(request, "messages", "an array of messages, each with role and content")
    if not isinstance(messages, list):
        raise mistyped("messages", "an array", messages)
    if not 1 <= len(messages) <= MESSAGES_MAX:
        raise BadRequest(f"'messages' must hold 1 to {MESSAGES_MAX} messages.", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise mistyped(f"messages[{index}]", "an object", message)
        if not isinstance(message.get("role"), str):
            raise BadRequest(f"'messages[{index}].role' must be a string.", param=f"messages[{index}].role")
    check_output(request)


def check_completions(request: Json) -> None:
    prompt = required(request, "prompt", "a string or an array of strings")
    if not isinstance(prompt, str | list):
        raise mistyped("prompt", "a string or an array", prompt)
    if isinstance(prompt, list) and not 1 <= len(prompt) <= TOKENS_MAX:
        raise BadRequest("'prompt' must not be empty.", param="prompt")
    check_output(request)


def check_embeddings(request: Json) -> None:
    value = required(request, "input", "a string or an array of strings")
    if not isinstance(value, str | list):
        raise mistyped("input", "a string or an array", value)
    if not value:
        raise BadRequest("'input' must not be empty.", param="input")
    if isinstance(value, list):
        check_inputs(value)
    form = request.get("encoding_format")
    if form not in (None, "float", "base64"):
        raise BadRequest("'encoding_format' must be 'float' or 'base64'.", param="encoding_format")
    check_whole(request, "dimensions", 1, 100_000)
    drop_stream(request)


def check_inputs(items: list[Any]) -> None:
    """Strings, token ids, or arrays of token ids; not a mixture."""
    kinds = {type(item) for item in items}
    if kinds not in ({str}, {int}, {list}):
        raise BadRequest("'input' must be an array of strings, or of token ids.", param="input")
    if kinds != {int} and len(items) > TEXTS_MAX:
        raise BadRequest(f"'input' must hold at most {TEXTS_MAX} items, not {len(items)}.", param="input")
    if kinds == {str} and not all(items):
        raise BadRequest("'input' must not hold empty strings.", param="input")


def check_rerank(request: Json) -> None:
    query = required(request, "query", "a string")
    if not isinstance(query, str):
        raise mistyped("query", "a string", query)
    documents = required(request, "documents", "an array of strings")
    if not isinstance(documents, list):
        raise mistyped("documents", "an array", documents)
    if not 1 <= len(documents) <= TEXTS_MAX:
        raise BadRequest(f"'documents' must hold 1 to {TEXTS_MAX} documents.", param="documents")
    for index, document in enumerate(documents):
        text = document.get("text") if isinstance(document, dict) else document
        if not isinstance(text, str):
            raise mistyped(f"documents[{index}]", "a string, or an object with a text", document)
    check_whole(request, "top_n", 1, TOKENS_MAX)
    check_boolean(request, "return_documents")
    drop_stream(request)


def check_ocr(request: Json) -> None:
    """`image` was turned into `file` before; see `decode_data_url` and inference.pictures."""
    if not request.get("file"):
        raise BadRequest(
            "A picture is required: multipart 'file', or JSON 'image' with a data URL or http(s) URL.",
            param="file",
        )
    drop_stream(request)


def known_type(content_type: str) -> str:
    """It will stand in a header of the upstream's request: nothing but a media type may pass."""
    return content_type if MEDIA_TYPE.match(content_type) else "application/octet-stream"


def decode_data_url(url: str) -> tuple[bytes, str]:
    """The picture and content type of `data:image/png;base64,…`. Raises BadRequest."""
    head, comma, payload = url.partition(",")
    content_type = known_type(head.removeprefix("data:").split(";")[0])
    if not comma or not head.endswith(";base64"):
        raise BadRequest("'image' must be a base64 data URL, data:image/png;base64,…", param="image")
    try:
        return base64.b64decode(payload, validate=True), content_type
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"'image' is not valid base64: {error}.", param="image") from error


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("chat", "llm", check_chat),
        Operation("completions", "llm", check_completions),
        Operation("embeddings", "embedding", check_embeddings),
        Operation("rerank", "rerank", check_rerank),
        Operation("ocr", "ocr", check_ocr),
    )
}
