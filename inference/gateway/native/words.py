"""Canonical answers, usage and errors in DashScope's words and frames. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from billing.pricing import Usage
from inference.gateway.errors import GatewayError
from models_registry.vendors.base import Json
from models_registry.vendors.openai_shape import row_index

CODES: Mapping[str, str] = {
    "invalid_request_error": "InvalidParameter",
    "invalid_api_key": "InvalidApiKey",
    "insufficient_balance": "Arrearage",
    "max_cost_exceeded": "MaxCostExceeded",
    "permission_denied": "AccessDenied",
    "model_not_found": "ModelNotFound",
    "not_found": "InvalidURL",
    "method_not_allowed": "MethodNotAllowed",
    "request_too_large": "BadRequest.TooLarge",
    "rate_limit_exceeded": "Throttling.RateQuota",
    "internal_error": "InternalError",
    "upstream_error": "InternalError.Upstream",
    "model_unavailable": "ModelServingError",
    "ledger_unavailable": "ServiceUnavailable",
    "upstream_timeout": "RequestTimeOut",
}
MEDIA_TOKENS = ("image_tokens", "video_tokens", "audio_tokens")
UNFINISHED = "null"  # the word, while an answer goes on


def error_body(error: GatewayError, request_id: str) -> bytes:
    return orjson.dumps({"code": CODES[error.code], "message": error.message, "request_id": request_id})


def event(number: int, data: bytes, error: GatewayError | None = None) -> bytes:
    """The vendor tells the status in a comment; its own client reads it from a field `status`."""
    if error is None:
        return b"id:%d\nevent:result\n:HTTP_STATUS/200\ndata:%b\n\n" % (number, data)
    frame = b"id:%d\nevent:error\n:HTTP_STATUS/%d\nstatus:%d\ndata:%b\n\n"
    return frame % (number, error.status, error.status, data)


# --- whole answers -----------------------------------------------------------------------------------
def embedding_output(data: Json) -> Json:
    rows = sorted(data["data"], key=row_index)
    return {"embeddings": [{"text_index": at, "embedding": row["embedding"]} for at, row in enumerate(rows)]}


def rerank_output(data: Json) -> Json:
    return {"results": data["results"]}


def generation_output(choices: Iterable[Any], *, as_text: bool, as_parts: bool) -> Json:
    """`output` with one text, or with messages whose content is a string or parts."""
    known = [choice for choice in choices if isinstance(choice, dict)]
    if as_text:
        return text_output(known[0] if known else {})
    return {"choices": [native_choice(choice, as_parts) for choice in known]}


def text_output(choice: Json) -> Json:
    message = mapping(choice.get("message"))
    output = {"text": content_text(message), "finish_reason": choice.get("finish_reason") or "stop"}
    return {**output, **thinking(message)}


def native_choice(choice: Json, as_parts: bool) -> Json:
    message, text = mapping(choice.get("message")), content_text(mapping(choice.get("message")))
    content: Any = ([{"text": text}] if text else []) if as_parts else text
    calls = {"tool_calls": message["tool_calls"]} if message.get("tool_calls") else {}
    spoken = {
        "index": choice.get("index", 0),
        "finish_reason": choice.get("finish_reason") or "stop",
        "message": {"role": "assistant", "content": content, **thinking(message), **calls},
    }
    return {**spoken, "logprobs": choice["logprobs"]} if choice.get("logprobs") else spoken


def thinking(message: Json) -> Json:
    """Some upstreams call it `reasoning`."""
    thoughts = message.get("reasoning_content") or message.get("reasoning")
    return {"reasoning_content": thoughts} if isinstance(thoughts, str) and thoughts else {}


def content_text(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


# --- usage -------------------------------------------------------------------------------------------
def input_usage(usage: Usage) -> Json:
    """Of calls that generate nothing."""
    return {"total_tokens": usage.prompt_tokens}


def generation_usage(usage: Usage, told: Any) -> Json:
    """What is billed; pictures, films and thinking, which are parts of it, as `told` by the upstream."""
    counted = {
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
    details = mapping(told)
    read, written = mapping(details.get("prompt_tokens_details")), mapping(details.get("completion_tokens_details"))
    media = {name: source[name] for source in (details, read) for name in MEDIA_TOKENS if source.get(name)}
    return {
        **counted,
        **media,
        **({"prompt_tokens_details": read} if read else {}),
        **({"output_tokens_details": written} if written else {}),
    }


def mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
