"""Whole replies as callers get them. Pure."""

import orjson

from accounts.money import nano_to_yuan
from billing.operations import Settlement
from billing.pricing import Usage
from inference.gateway.sse import comment
from models_registry.vendors.base import Json, Reply


def reply_body(operation: str, reply: Reply, usage: Usage, *, model: str, request_id: str) -> bytes:
    """The vendor's own bytes where they are canonical; else our shape."""
    if reply.body is not None:
        return reply.body
    match operation:
        case "rerank":
            return orjson.dumps(rerank_answer(reply.data, usage, model, request_id))
        case "ocr":
            return orjson.dumps(ocr_answer(reply.data, usage, model, request_id))
        case _:
            return orjson.dumps(reply.data)


def rerank_answer(data: Json, usage: Usage, model: str, request_id: str) -> Json:
    counted = {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.prompt_tokens}
    return {
        "id": data.get("id") or request_id,
        "model": model,
        "results": data["results"],
        "usage": data.get("usage") or counted,
    }


def ocr_answer(data: Json, usage: Usage, model: str, request_id: str) -> Json:
    return {
        "id": request_id,
        "object": "ocr",
        "model": model,
        "pages": data["pages"],
        "text": data["text"],
        "usage": {"pages": usage.pages},
        "raw": data["raw"],
    }


def usage_event(operation: str, model: str, request_id: str, created: int, usage: Usage) -> Json:
    """The chunk a caller asked for with `include_usage` and the upstream did not send."""
    return {
        "id": request_id,
        "object": "chat.completion.chunk" if operation == "chat" else "text_completion",
        "created": created,
        "model": model,
        "choices": [],
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        },
    }


def money_headers(settlement: Settlement) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-account-balance", nano_to_yuan(settlement.balance_nano).encode()),
        (b"x-request-cost", nano_to_yuan(settlement.charged_nano).encode()),
    ]


def money_comment(settlement: Settlement) -> bytes:
    cost, balance = nano_to_yuan(settlement.charged_nano), nano_to_yuan(settlement.balance_nano)
    return comment(f"cost={cost} balance={balance}")
