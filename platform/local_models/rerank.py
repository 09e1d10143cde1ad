"""Jina's and Cohere's /v1/rerank, by the similarity of query and documents in multilingual-e5-small."""

from dataclasses import dataclass

from aiohttp import web

from local_models import e5
from local_models.catalog import RERANK
from local_models.web import (
    WORKER,
    RequestRefusedError,
    add_model_list,
    check_model,
    create_app,
    read_object,
    serve,
)

DOCUMENTS_MAX = 256
BODY_BYTES_MAX = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RerankRequest:
    query: str
    documents: list[str]
    top_n: int
    return_documents: bool


def parse_request(body: dict[str, object]) -> RerankRequest:
    check_model(body, RERANK.upstream_model)
    documents = parse_documents(body.get("documents"))
    return RerankRequest(
        query=e5.clean_text(body.get("query"), "query"),
        documents=documents,
        top_n=parse_top_n(body.get("top_n"), default=len(documents)),
        return_documents=body.get("return_documents") is True,
    )


def parse_documents(value: object) -> list[str]:
    """1 to 256 documents, each a string or {"text": string}."""
    if not isinstance(value, list) or not 1 <= len(value) <= DOCUMENTS_MAX:
        raise RequestRefusedError(f"'documents' must be a list of 1 to {DOCUMENTS_MAX} texts")
    texts = [item.get("text") if isinstance(item, dict) else item for item in value]
    return [e5.clean_text(text, "documents") for text in texts]


def parse_top_n(value: object, *, default: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RequestRefusedError("'top_n' must be a positive integer")
    return min(value, default)


def answer(wanted: RerankRequest, scores: e5.Scores) -> dict[str, object]:
    best_first = sorted(enumerate(scores.values), key=lambda pair: -pair[1])
    results: list[dict[str, object]] = [
        {"index": index, "relevance_score": value} for index, value in best_first[: wanted.top_n]
    ]
    if wanted.return_documents:
        for result, (index, _) in zip(results, best_first, strict=False):
            result["document"] = {"text": wanted.documents[index]}
    return {
        "model": RERANK.upstream_model,
        "results": results,
        "usage": {"total_tokens": scores.tokens},
    }


async def rerank(request: web.Request) -> web.Response:
    wanted = parse_request(await read_object(request))
    scores = await request.app[WORKER].call(e5.score, wanted.query, wanted.documents)
    return web.json_response(answer(wanted, scores))


def run(host: str, port: int) -> None:
    app = create_app(e5.load, body_bytes_max=BODY_BYTES_MAX)
    app.router.add_post("/v1/rerank", rerank)
    add_model_list(app, RERANK.upstream_model)
    serve(app, host, port)
