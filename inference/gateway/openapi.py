"""The data plane's OpenAPI document."""

from functools import cache
from typing import Any

import orjson

from inference.gateway.errors import KINDS
from inference.gateway.native.speech import SERVICES
from inference.gateway.native.words import CODES

Json = dict[str, Any]

STRING, INTEGER, NUMBER, BOOLEAN = ({"type": name} for name in ("string", "integer", "number", "boolean"))
OBJECT: Json = {"type": "object"}
EVENT: Json = {"type": "object", "properties": {"data": STRING}, "description": "each event of the stream"}


def array(items: Json, **rules: Any) -> Json:
    return {"type": "array", "items": items, **rules}


def record(properties: Json, *required: str, **rules: Any) -> Json:
    return {"type": "object", "properties": properties, "required": list(required), **rules}


ERROR = record(
    {
        "error": record(
            {
                "message": STRING,
                "type": STRING,
                "param": {"type": ["string", "null"]},
                "code": {"type": "string", "enum": list(KINDS)},
            },
            "message", "type", "param", "code",
        ),
        "request_id": STRING,
    },
    "error", "request_id",
)  # fmt: skip
NATIVE_ERROR = record(
    {"code": {"type": "string", "enum": list(CODES.values())}, "message": STRING, "request_id": STRING},
    "code", "message", "request_id",
)  # fmt: skip
MODEL: Json = {"type": "string", "minLength": 1, "description": "as GET /v1/models lists it"}
OUTPUT: Json = {
    "stream": {"type": ["boolean", "null"]},
    "max_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000_000},
    "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000_000},
    "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 128},
}
TEXTS: Json = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        array({"type": "string", "minLength": 1}, minItems=1, maxItems=2048),
    ]
}
MESSAGES: Json = array(record({"role": STRING}, "role"), minItems=1, maxItems=10_000)
CHAT = record({"model": MODEL, "messages": MESSAGES, **OUTPUT}, "model", "messages")
CHAT_OR_NATIVE: Json = {
    "anyOf": [CHAT, record({"model": MODEL, "input": record({"messages": MESSAGES}, "messages")}, "model", "input")]
}
IMAGE: Json = {"type": "string", "description": "a data URL or http(s) URL"}
RERANK_OPTIONS: Json = {
    "top_n": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000_000},
    "return_documents": {"type": ["boolean", "null"]},
}
REQUESTS: Json = {
    "chat/completions": ("Chat, whole or streamed; a body with `input` is answered as DashScope does", CHAT_OR_NATIVE),
    "completions": ("Text completion", record({"model": MODEL, "prompt": TEXTS, **OUTPUT}, "model", "prompt")),
    "embeddings": (
        "Embeddings, as floats or base64",
        record(
            {"model": MODEL, "input": TEXTS, "encoding_format": {"enum": ["float", "base64", None]}},
            "model", "input",
        ),
    ),
    "rerank": (
        "Documents by relevance to a query",
        record(
            {
                "model": MODEL,
                "query": STRING,
                "documents": array(STRING, minItems=1, maxItems=2048),
                **RERANK_OPTIONS,
            },
            "model", "query", "documents",
        ),
    ),
    "ocr": ("Text of a picture", record({"model": MODEL, "image": IMAGE}, "model", "image")),
    "estimate": ("What a call would cost", CHAT),
}  # fmt: skip

PARAMETERS: Json = {
    "type": ["object", "null"],
    "properties": {
        "result_format": {"enum": ["text", "message", None]},
        "incremental_output": {"type": ["boolean", "null"]},
        "max_tokens": OUTPUT["max_tokens"],
        "n": OUTPUT["n"],
    },
    "description": "temperature, top_p, seed, stop, enable_search, enable_thinking, … are passed on",
}
PROMPT: Json = {"type": "string", "minLength": 1}
NATIVE: Json = {
    "aigc/text-generation/generation": (
        "Text generation",
        {"anyOf": [record({"messages": MESSAGES}, "messages"), record({"prompt": PROMPT}, "prompt")]},
        PARAMETERS,
    ),
    "aigc/multimodal-generation/generation": (
        "Generation from text, pictures, films and sound", record({"messages": MESSAGES}, "messages"), PARAMETERS
    ),
    "embeddings/text-embedding/text-embedding": (
        "Embeddings",
        record({"texts": TEXTS}, "texts"),
        {**PARAMETERS, "properties": {"dimension": {"type": ["integer", "null"], "minimum": 1, "maximum": 100_000}}},
    ),
    "rerank/text-rerank/text-rerank": (
        "Documents by relevance to a query",
        record({"query": STRING, "documents": array(STRING, minItems=1, maxItems=2048)}, "query", "documents"),
        {**PARAMETERS, "properties": RERANK_OPTIONS},
    ),
}  # fmt: skip
SSE_HEADER: Json = {
    "name": "X-DashScope-SSE",
    "in": "header",
    "schema": {"enum": ["enable", "disable"]},
    "description": "enable: the answer is streamed as DashScope's events",
}


@cache
def openapi_bytes() -> bytes:
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Model Console data plane",
                "version": "1",
                "description": "OpenAI-compatible inference; every /v1 path also answers without /v1. The paths under "
                f"{SERVICES} speak DashScope's own language.",
            },
            "servers": [{"url": "/"}],
            "components": {
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
                "schemas": {"Error": ERROR, "DashScopeError": NATIVE_ERROR},
            },
            "security": [{"key": []}],
            "paths": {**posts(), **natives(), **models()},
        }
    )


def posts() -> Json:
    paths = {f"/v1/{name}": {"post": operation(*spec)} for name, spec in REQUESTS.items()}
    paths["/v1/ocr"]["post"]["requestBody"]["content"]["multipart/form-data"] = {
        "schema": record({"model": MODEL, "file": {"type": "string", "format": "binary"}}, "model", "file")
    }
    paths["/v2/rerank"] = {"post": operation(*REQUESTS["rerank"])}
    return paths


def natives() -> Json:
    return {f"{SERVICES}{path}": {"post": native(path, *spec)} for path, spec in NATIVE.items()}


def native(path: str, summary: str, given: Json, parameters: Json) -> Json:
    """DashScope's shape in and out, its words for errors."""
    body = record({"model": MODEL, "input": given, "parameters": parameters}, "model", "input")
    described = operation(f"{summary}, in DashScope's native shape", body, error="DashScopeError")
    return {**described, "parameters": [SSE_HEADER]} if path.startswith("aigc/") else described


def operation(summary: str, body: Json, *, error: str = "Error") -> Json:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": responses("400 401 402 403 404 413 429 500 502 503 504", error),
    }


def models() -> Json:
    name = {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": STRING,
        "description": "may contain / : and .",
    }
    return {
        "/v1/models": {"get": {"summary": "Models that can be called", "responses": responses("401 403")}},
        "/v1/models/{id}": {
            "get": {"summary": "One model", "parameters": [name], "responses": responses("401 403 404")}
        },
    }


def responses(errors: str, error: str = "Error") -> Json:
    failed = {"application/json": {"schema": {"$ref": f"#/components/schemas/{error}"}}}
    good = {"application/json": {"schema": OBJECT}, "text/event-stream": {"schema": EVENT}}
    return {
        "200": {"description": "The answer", "content": good},
        **{status: {"description": "An error; its word is `code`", "content": failed} for status in errors.split()},
    }
