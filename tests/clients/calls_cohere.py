"""Cohere's own client: its first version asks /v1/rerank, its second /v2/rerank."""

import asyncio
from typing import Any

import cohere
import pytest
from cohere.errors import BadRequestError, NotFoundError, UnauthorizedError

QUERY = "How do I reset my password?"
DOCUMENTS = ["It rains.", "To reset your password, open the settings.", "Bananas are rich in potassium."]


@pytest.fixture(params=[cohere.Client, cohere.ClientV2])
def kind(request: Any) -> Any:
    return request.param


@pytest.fixture
def client(kind: Any, target: Any) -> Any:
    return kind(api_key=target.key, base_url=target.url)


def test_a_base_url_with_a_version_is_told_what_was_meant(kind: Any, target: Any) -> None:
    client = kind(api_key=target.key, base_url=target.v1)
    with pytest.raises(NotFoundError) as refused:
        client.rerank(model=target.models["rerank"], query=QUERY, documents=DOCUMENTS)
    assert "/rerank, so check the base URL" in refused.value.body["error"]["message"]


def test_the_best_documents_come_first(client: Any, target: Any) -> None:
    reply = client.rerank(model=target.models["rerank"], query=QUERY, documents=DOCUMENTS, top_n=2)
    assert reply.results[0].index == 1
    assert len(reply.results) == 2
    assert 1 >= reply.results[0].relevance_score > reply.results[1].relevance_score
    assert reply.id


def test_without_top_n_every_document_comes_back(client: Any, target: Any) -> None:
    reply = client.rerank(model=target.models["rerank"], query=QUERY, documents=DOCUMENTS)
    assert sorted(result.index for result in reply.results) == [0, 1, 2]


def test_the_first_version_gets_its_documents_back(target: Any) -> None:
    client = cohere.Client(api_key=target.key, base_url=target.url)
    objects = [{"text": text} for text in DOCUMENTS]
    for documents in (DOCUMENTS, objects):
        reply = client.rerank(
            model=target.models["rerank"], query=QUERY, documents=documents, return_documents=True, top_n=1
        )
        assert reply.results[0].document is not None
        assert reply.results[0].document.text == DOCUMENTS[1]


def test_the_async_client_reranks(target: Any) -> None:
    async def results() -> list[int]:
        async with cohere.AsyncClientV2(api_key=target.key, base_url=target.url) as client:
            reply = await client.rerank(model=target.models["rerank"], query=QUERY, documents=DOCUMENTS)
            return [result.index for result in reply.results]

    assert asyncio.run(results())[0] == 1


def test_errors_are_the_clients_own(kind: Any, client: Any, target: Any) -> None:
    with pytest.raises(NotFoundError) as unknown:
        client.rerank(model="nobody", query=QUERY, documents=DOCUMENTS)
    assert unknown.value.body["error"]["code"] == "model_not_found"
    with pytest.raises(BadRequestError):
        client.rerank(model=target.models["rerank"], query=QUERY, documents=[])
    with pytest.raises(UnauthorizedError):
        kind(api_key="sk-wrong", base_url=target.url).rerank(model="x", query=QUERY, documents=DOCUMENTS)
