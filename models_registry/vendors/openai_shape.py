"""Dialects of everything that speaks OpenAI's shape; vendors differ in path and in small habits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from models_registry.vendors.base import DialectError, Json, Outgoing, Reply, Target, UsageSeen
from models_registry.vendors.wire import (
    json_object,
    snippet,
    url_join,
    usage_seen,
    vector_base64,
    vector_floats,
)

JSON_HEADERS = {"Content-Type": "application/json"}
PATHS = {"chat": "/chat/completions", "completions": "/completions", "embeddings": "/embeddings"}
CHAT_PROBE: Json = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1, "stream": False}


def json_outgoing(request: Json, target: Target) -> Outgoing:
    return Outgoing({**JSON_HEADERS, **target.headers}, orjson.dumps(request))


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """Chat and completions. The vendor's bytes are ours: they pass through untouched."""

    streams: bool = True

    def url(self, inference_url: str, operation: str) -> str:
        parts = urlsplit(inference_url.strip())
        base = parts.path.rstrip("/")
        for path in PATHS.values():  # a full URL of a sibling operation is a base URL too
            base = base.removesuffix(path)
        return url_join(urlunsplit(parts._replace(path=base)), PATHS[operation])

    def build(self, request: Json, target: Target) -> Outgoing:
        outgoing = {**request, "model": target.upstream_model}
        if outgoing.get("stream"):
            options = outgoing.get("stream_options")
            asked = options if isinstance(options, dict) else {}
            outgoing["stream_options"] = {**asked, "include_usage": True}
        return json_outgoing(outgoing, target)

    def parse(self, body: bytes, request: Json, content_type: str) -> Reply:
        data = json_object(body)
        choices = data.get("choices")
        if not isinstance(choices, list) or not choices:
            raise DialectError(f"the reply has no choices: {snippet(body)}")
        text = "".join(choice_text(choice) for choice in choices)
        if not text and all(finished_silently(choice) for choice in choices):
            raise DialectError("the answer is empty")
        return Reply(data, usage_seen(data.get("usage")), text, body)

    def probe(self) -> Json:
        return CHAT_PROBE


def choice_text(choice: Any) -> str:
    """All output of a choice, of a message, a delta or a completion: text, thinking and tool calls."""
    if not isinstance(choice, dict):
        return ""
    part = choice.get("message") or choice.get("delta")
    if not isinstance(part, dict):
        return choice["text"] if isinstance(choice.get("text"), str) else ""
    text = ""
    thoughts = "reasoning_content" if part.get("reasoning_content") else "reasoning"  # some send both, and the same
    for name in (thoughts, "content", "refusal"):
        if isinstance(part.get(name), str):
            text += part[name]
        elif isinstance(part.get(name), list):
            text += "".join(str(item.get("text", "")) for item in part[name] if isinstance(item, dict))
    if part.get("tool_calls") or part.get("function_call"):
        text += tool_text(part)
    audio = part.get("audio")
    if isinstance(audio, dict) and isinstance(audio.get("transcript"), str):
        text += audio["transcript"]
    return text


def tool_text(part: Json) -> str:
    """Name and arguments of the calls, as the model wrote them; a custom tool has an `input` instead."""
    given = part.get("tool_calls")
    listed = given if isinstance(given, list) else []
    calls = [call.get("function") or call.get("custom") for call in listed if isinstance(call, dict)]
    calls.append(part.get("function_call"))
    return "".join(
        f"{call.get('name') or ''}{call.get('arguments') or call.get('input') or ''}"
        for call in calls
        if isinstance(call, dict)
    )


def finished_silently(choice: Any) -> bool:
    """Without output, only a cut by length or a filter is an answer: the model worked, and was stopped."""
    return not isinstance(choice, dict) or choice.get("finish_reason") not in ("length", "content_filter")


@dataclass(frozen=True, slots=True)
class EmbeddingDialect:
    """Floats or base64, as the caller asked, whatever the vendor sent."""

    streams: bool = False

    def url(self, inference_url: str, operation: str) -> str:
        return url_join(inference_url, PATHS["embeddings"])

    def build(self, request: Json, target: Target) -> Outgoing:
        return json_outgoing({**request, "model": target.upstream_model}, target)

    def parse(self, body: bytes, request: Json, content_type: str) -> Reply:
        data = json_object(body)
        rows = data.get("data")
        if not isinstance(rows, list) or not rows:
            raise DialectError(f"the reply has no embeddings: {snippet(body)}")
        if len(rows) != (asked := inputs_count(request["input"])):
            raise DialectError(f"{len(rows)} embeddings came back, and {asked} were asked for")
        wants_base64 = request.get("encoding_format") == "base64"
        changed = [convert(row, wants_base64) for row in rows]
        return Reply(data, usage_seen(data.get("usage")), body=None if any(changed) else body)

    def probe(self) -> Json:
        return {"input": ["hi"]}


def inputs_count(value: Any) -> int:
    """A string or one list of token ids is one input; a list of either is several."""
    return len(value) if isinstance(value, list) and value and not isinstance(value[0], int) else 1


def embeddings_joined(replies: Sequence[Reply]) -> Reply:
    """As if all inputs had been sent at once: rows numbered through, usage added up where every part has one."""
    rows = [row for reply in replies for row in sorted(reply.data["data"], key=row_index)]
    for index, row in enumerate(rows):
        row["index"] = index
    used = [reply.usage.prompt_tokens if reply.usage else None for reply in replies]
    data: Json = {**replies[0].data, "data": rows}
    if any(tokens is None for tokens in used):
        data.pop("usage", None)
        return Reply(data)
    total = sum(tokens or 0 for tokens in used)
    data["usage"] = {"prompt_tokens": total, "total_tokens": total}
    return Reply(data, UsageSeen(prompt_tokens=total))


def row_index(row: Json) -> int:
    index = row.get("index")
    return index if isinstance(index, int) else 0


def convert(row: Any, wants_base64: bool) -> bool:
    """Brings one embedding into the asked form; whether it had to be changed."""
    vector = row.get("embedding") if isinstance(row, dict) else None
    if isinstance(vector, list) and vector:
        if wants_base64:
            row["embedding"] = vector_base64(vector)
        return wants_base64
    if isinstance(vector, str) and vector:
        if not wants_base64:
            row["embedding"] = vector_floats(vector)
        return not wants_base64
    raise DialectError("an embedding is missing from the reply")


@dataclass(frozen=True, slots=True)
class RerankDialect:
    """Jina's and Cohere's shape: `results[].relevance_score`."""

    streams: bool = False

    def url(self, inference_url: str, operation: str) -> str:
        return url_join(inference_url, "/rerank")

    def build(self, request: Json, target: Target) -> Outgoing:
        return json_outgoing({**request, "model": target.upstream_model}, target)

    def parse(self, body: bytes, request: Json, content_type: str) -> Reply:
        data = json_object(body)
        return rerank_reply(data.get("results"), data, request, score="relevance_score")

    def probe(self) -> Json:
        return {"query": "hi", "documents": ["hi", "bye"]}


def rerank_reply(rows: Any, data: Json, request: Json, *, score: str) -> Reply:
    """Canonical results: sorted by the vendor's unchanged scores, cut to `top_n` by us."""
    if not isinstance(rows, list) or not rows:
        raise DialectError("the reply has no results")
    documents = request["documents"]
    results = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get(score), int | float):
            raise DialectError(f"a result has no {score}")
        index = row.get("index")
        if not isinstance(index, int) or not 0 <= index < len(documents):
            raise DialectError(f"a result names document {index!r}, and {len(documents)} were sent")
        result: Json = {"index": index, "relevance_score": row[score]}
        if request.get("return_documents"):
            result["document"] = {"text": document_text(documents[index])}
        results.append(result)
    results.sort(key=lambda result: -result["relevance_score"])
    if isinstance(request.get("top_n"), int):
        results = results[: request["top_n"]]
    meta = data.get("meta")
    usage = data.get("usage") or (meta.get("tokens") if isinstance(meta, dict) else None)
    reply: Json = {"id": data.get("id") or data.get("request_id"), "results": results, "usage": usage}
    return Reply(reply, usage_seen(usage))


def document_text(document: Any) -> str:
    return document if isinstance(document, str) else str(document.get("text", ""))
