"""Embeddings and rerank, in every vendor's shape."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from simulator.replies.dashscope import mapping
from simulator.replies.shapes import Body, Call, RefusedError, json_body, text_of
from simulator.replies.usage import Usage, input_usage, prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.switches import Switches

MAX_DIMENSIONS = 65_536


def vector(text: str, dims: int) -> list[float]:
    """A unit vector that depends on the text alone."""
    raw = hashlib.shake_256(text.encode(errors="surrogatepass")).digest(4 * dims)
    numbers = [number / 2**31 for number in struct.unpack(f"<{dims}i", raw)]
    length = math.hypot(*numbers) or 1.0
    return [number / length for number in numbers]


def relevance(query: str, document: str) -> float:
    """0 to 1: shared characters, and a little of the text's own so that ties are rare."""
    asked, given = set(query.lower()), set(document.lower())
    shared = len(asked & given) / max(1, len(asked | given))
    spice = hashlib.sha256(f"{query}\0{document}".encode(errors="surrogatepass")).digest()[0] / 255
    return round(0.9 * shared + 0.1 * spice, 6)


def embeddings(call: Call) -> Body:
    texts = _inputs(call.body.get("input"), call.switches)
    dims = _dimensions(call.body.get("dimensions"), call.switches)
    packed = call.body.get("encoding_format") == "base64" and call.switches.base64 == "honoured"
    vectors = [vector(text, dims) for text in texts]
    data = [
        {"object": "embedding", "embedding": _packed(v) if packed else v, "index": i} for i, v in enumerate(vectors)
    ]
    reply = {"object": "list", "data": _unless_empty(data, call.switches), "model": call.model}
    return json_body({**reply, **_usage(call.switches, texts)})


def native_embeddings(call: Call) -> Body:
    texts = _inputs(mapping(call.body, "input").get("texts"), call.switches)
    dims = _dimensions(mapping(call.body, "parameters").get("dimension"), call.switches)
    data = [{"embedding": vector(text, dims), "text_index": i} for i, text in enumerate(texts)]
    output = {"embeddings": _unless_empty(data, call.switches)}
    return json_body({"output": output, **_total(call.switches, texts), "request_id": str(uuid.uuid4())})


def rerank(call: Call) -> Body:
    """`texts` asks in 元景's form, `documents` in Jina's and Cohere's."""
    if "texts" in call.body:
        return _yuanjing_rerank(call)
    query, documents = _query(call.body), _documents(call.body.get("documents"))
    if call.switches.bare:
        return _bare(query, documents, call.switches)
    results = _results(query, documents, call.body, call.switches)
    return json_body({"model": call.model, **_total(call.switches, [query, *documents]), "results": results})


def native_rerank(call: Call) -> Body:
    given, parameters = mapping(call.body, "input"), mapping(call.body, "parameters")
    query, documents = _query(given), _documents(given.get("documents"))
    if call.switches.bare:
        return _bare(query, documents, call.switches)
    results = _results(query, documents, parameters, call.switches)
    usage = _total(call.switches, [query, *documents])
    return json_body({"output": {"results": results}, **usage, "request_id": str(uuid.uuid4())})


def _yuanjing_rerank(call: Call) -> Body:
    return _bare(_query(call.body), _documents(call.body.get("texts")), call.switches)


def _bare(query: str, texts: list[str], switches: Switches) -> Body:
    ranked = _ranked(query, texts)
    # The vendor's scores are logits, not shares of one.
    data = [{"index": i, "score": round(12 * score - 6, 6), "document": texts[i]} for i, score in ranked]
    return json_body(_unless_empty(data, switches))


def _results(query: str, documents: list[str], options: Mapping[str, Any], switches: Switches) -> list[dict[str, Any]]:
    ranked = _ranked(query, documents)
    top_n = options.get("top_n")
    if isinstance(top_n, int) and switches.top_n == "honoured":
        ranked = ranked[: max(0, top_n)]
    with_text = options.get("return_documents") is True
    results = [
        {"index": i, "relevance_score": score, **({"document": {"text": documents[i]}} if with_text else {})}
        for i, score in ranked
    ]
    return _unless_empty(results, switches)


def _ranked(query: str, documents: list[str]) -> list[tuple[int, float]]:
    scores = [(i, relevance(query, document)) for i, document in enumerate(documents)]
    return sorted(scores, key=lambda pair: -pair[1])


def _unless_empty(data: list[dict[str, Any]], switches: Switches) -> list[dict[str, Any]]:
    return [] if switches.empty or switches.usage == "only" else data


def _usage(switches: Switches, texts: list[str]) -> dict[str, Usage]:
    if switches.usage == "none":
        return {}
    return {"usage": input_usage(prompt_tokens(switches, texts), switches.usage_shape)}


def _total(switches: Switches, texts: list[str]) -> dict[str, Usage]:
    if switches.usage == "none":
        return {}
    return {"usage": input_usage(prompt_tokens(switches, texts), switches.usage_shape or "total")}


def _packed(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def _inputs(given: object, switches: Switches) -> list[str]:
    if isinstance(given, str):
        texts = [given]
    elif isinstance(given, list) and given and all(isinstance(item, int) for item in given):
        texts = [" ".join(map(str, given))]
    elif isinstance(given, list) and given:
        texts = [item if isinstance(item, str) else orjson.dumps(item).decode() for item in given]
    else:
        raise RefusedError("input must be a string or a list that is not empty")
    if switches.max_inputs is not None and len(texts) > switches.max_inputs:
        raise RefusedError(f"batch size is invalid, it should not be larger than {switches.max_inputs}")
    return texts


def _dimensions(wanted: object, switches: Switches) -> int:
    if wanted is None:
        return switches.dims
    if not isinstance(wanted, int) or not 1 <= wanted <= MAX_DIMENSIONS:
        raise RefusedError(f"dimensions must be a number from 1 to {MAX_DIMENSIONS}")
    return wanted


def _query(body: Mapping[str, Any]) -> str:
    query = body.get("query")
    if not isinstance(query, str):
        raise RefusedError("query must be a string")
    return query


def _documents(given: object) -> list[str]:
    if not isinstance(given, list) or not given:
        raise RefusedError("documents must be a list that is not empty")
    return [item if isinstance(item, str) else text_of([item]) for item in given]
