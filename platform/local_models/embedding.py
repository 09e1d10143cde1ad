"""OpenAI's /v1/embeddings over multilingual-e5-small."""

import base64
import struct
from dataclasses import dataclass

from aiohttp import web

from local_models import e5
from local_models.catalog import EMBEDDING
from local_models.web import (
    WORKER,
    RequestRefusedError,
    add_model_list,
    check_model,
    create_app,
    read_object,
    serve,
)

DIMENSIONS = 384
INPUTS_MAX = 64
BODY_BYTES_MAX = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    texts: list[str]
    as_base64: bool


def parse_request(body: dict[str, object]) -> EmbeddingRequest:
    check_model(body, EMBEDDING.upstream_model)
    if body.get("dimensions") not in (None, DIMENSIONS):
        raise RequestRefusedError(f"'dimensions' must be {DIMENSIONS} or left out")
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise RequestRefusedError("'encoding_format' must be float or base64")
    return EmbeddingRequest(texts=parse_input(body.get("input")), as_base64=encoding == "base64")


def parse_input(value: object) -> list[str]:
    """The texts of `input`: a string, or a list of 1 to 64 strings. Token lists are refused."""
    texts = value if isinstance(value, list) else [value]
    if not 1 <= len(texts) <= INPUTS_MAX:
        raise RequestRefusedError(f"'input' must hold 1 to {INPUTS_MAX} texts, not {len(texts)}")
    return [e5.clean_text(text, "input") for text in texts]


def encode_row(row: bytes, *, as_base64: bool) -> str | list[float]:
    if as_base64:
        return base64.b64encode(row).decode("ascii")
    return list(struct.unpack(f"<{len(row) // 4}f", row))


def answer(vectors: e5.Vectors, *, as_base64: bool) -> dict[str, object]:
    data = [
        {"object": "embedding", "index": index, "embedding": encode_row(row, as_base64=as_base64)}
        for index, row in enumerate(vectors.rows)
    ]
    usage = {"prompt_tokens": vectors.tokens, "total_tokens": vectors.tokens}
    return {"object": "list", "data": data, "model": EMBEDDING.upstream_model, "usage": usage}


async def embeddings(request: web.Request) -> web.Response:
    wanted = parse_request(await read_object(request))
    vectors = await request.app[WORKER].call(e5.embed, wanted.texts)
    return web.json_response(answer(vectors, as_base64=wanted.as_base64))


def run(host: str, port: int) -> None:
    app = create_app(e5.load, body_bytes_max=BODY_BYTES_MAX)
    app.router.add_post("/v1/embeddings", embeddings)
    add_model_list(app, EMBEDDING.upstream_model)
    serve(app, host, port)
