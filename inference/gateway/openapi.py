"""The data plane's OpenAPI document."""

from functools import cache
from typing import Any

import orjson

from inference.gateway.errors import KINDS

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
CHAT = record(
    {"model": MODEL, "messages": array(record({"role": STRING}, "role"), minItems=1, maxItems=10_000), **OUTPUT},
    "model", "messages",
)  # fmt: skip
IMAGE: Json = {"type": "string", "description": "a data URL or http(s) URL"}
REQUESTS: Json = {
    "chat/completions": ("Chat, whole or streamed", CHAT),
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
                "top_n": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000_000},
                "return_documents": {"type": ["boolean", "null"]},
            },
            "model", "query", "documents",
        ),
    ),
    "ocr": ("Text of a picture", record({"model": MODEL, "image": IMAGE}, "model", "image")),
    "estimate": ("What a call would cost", CHAT),
}  # fmt: skip


@cache
def openapi_bytes() -> bytes:
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Model Console data plane",
                "version": "1",
                "description": "OpenAI-compatible inference. Every path also answers without /v1.",
            },
            "servers": [{"url": "/"}],
            "components": {
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
                "schemas": {"Error": ERROR},
            },
            "security": [{"key": []}],
            "paths": {**posts(), **models()},
        }
    )


def posts() -> Json:
    paths = {f"/v1/{name}": {"post": operation(*spec)} for name, spec in REQUESTS.items()}
    paths["/v1/ocr"]["post"]["requestBody"]["content"]["multipart/form-data"] = {
        "schema": record({"model": MODEL, "file": {"type": "string", "format": "binary"}}, "model", "file")
    }
    paths["/v2/rerank"] = {"post": operation(*REQUESTS["rerank"])}
    return paths


def operation(summary: str, body: Json) -> Json:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": responses("400 401 402 403 404 413 429 500 502 503 504"),
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


def responses(errors: str) -> Json:
    failed = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    good = {"application/json": {"schema": OBJECT}, "text/event-stream": {"schema": EVENT}}
    return {
        "200": {"description": "The answer", "content": good},
        **{status: {"description": "An error; its word is `code`", "content": failed} for status in errors.split()},
    }
