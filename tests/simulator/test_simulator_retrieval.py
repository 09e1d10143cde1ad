from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from simulator_caller import Caller

DOCUMENTS = ["汉堡好吃", "今天天气很好", "量子计算"]


def embed(caller: Caller, model: str, given: object, **params: Any) -> Any:
    response = caller.post("/v1/embeddings", {"model": model, "input": given, **params})
    assert response.status_code == 200, response.text
    return response.json()


def rerank(caller: Caller, model: str, **params: Any) -> Any:
    body = {"model": model, "query": "天气好吗", "documents": DOCUMENTS, **params}
    return caller.post("/v1/rerank", body).json()


def test_embeddings_are_unit_vectors_in_the_order_of_their_texts(caller: Caller) -> None:
    reply = embed(caller, "e", ["风急天高", "猿啸哀", "风急天高"])
    vectors = [item["embedding"] for item in reply["data"]]
    assert [item["index"] for item in reply["data"]] == [0, 1, 2]
    assert [len(vector) for vector in vectors] == [8, 8, 8]
    assert vectors[0] == vectors[2] != vectors[1]
    assert math.isclose(math.hypot(*vectors[0]), 1.0)
    assert reply["usage"] == {"prompt_tokens": 14, "total_tokens": 14}


def test_one_text_and_tokens_are_inputs_too(caller: Caller) -> None:
    assert len(embed(caller, "e", "one")["data"]) == 1
    assert len(embed(caller, "e", [1, 2, 3])["data"]) == 1
    assert len(embed(caller, "e", [[1, 2], [3]])["data"]) == 2


def test_dimensions_come_from_the_switch_or_the_request(caller: Caller) -> None:
    assert len(embed(caller, "e;dims=3", "a")["data"][0]["embedding"]) == 3
    assert len(embed(caller, "e;dims=3", "a", dimensions=5)["data"][0]["embedding"]) == 5


def test_base64_is_float32_unless_ignored(caller: Caller) -> None:
    plain = embed(caller, "e", "a")["data"][0]["embedding"]
    packed = embed(caller, "e", "a", encoding_format="base64")["data"][0]["embedding"]
    assert struct.unpack("<8f", base64.b64decode(packed)) == pytest.approx(plain, abs=1e-6)
    assert embed(caller, "e;base64=ignored", "a", encoding_format="base64")["data"][0]["embedding"] == plain


def test_too_many_inputs_are_refused(caller: Caller) -> None:
    body = {"model": "e;max_inputs=2", "input": ["a", "b", "c"]}
    response = caller.post("/v1/embeddings", body)
    assert (response.status_code, "larger than 2" in response.text) == (400, True)
    assert len(embed(caller, "e;max_inputs=2", ["a", "b"])["data"]) == 2


@pytest.mark.parametrize("body", [{"input": []}, {"input": 3}, {}, {"input": "a", "dimensions": 0}])
def test_impossible_embedding_calls_are_refused(caller: Caller, body: dict[str, Any]) -> None:
    assert caller.post("/v1/embeddings", {"model": "e", **body}).status_code == 400


def test_rerank_is_sorted_and_tells_usage(caller: Caller) -> None:
    reply = rerank(caller, "r")
    scores = [result["relevance_score"] for result in reply["results"]]
    assert scores == sorted(scores, reverse=True)
    assert reply["results"][0]["index"] == 1
    assert sorted(result["index"] for result in reply["results"]) == [0, 1, 2]
    assert list(reply["usage"]) == ["total_tokens"]
    assert "document" not in reply["results"][0]


def test_rerank_honours_top_n_unless_told_not_to(caller: Caller) -> None:
    assert len(rerank(caller, "r", top_n=2)["results"]) == 2
    assert len(rerank(caller, "r;top_n=ignored", top_n=2)["results"]) == 3


@pytest.mark.parametrize("path", ["/v1/rerank", "/api/v1/services/rerank/text-rerank/text-rerank"])
def test_rerank_can_answer_a_bare_array_to_whoever_asks(caller: Caller, path: str) -> None:
    asked = {"query": "天气", "documents": ["天气", "股票"]}
    response = caller.post(path, {"model": "r;bare", "input": asked, **asked})
    assert [set(row) for row in response.json()] == [{"index", "score", "document"}] * 2


def test_rerank_returns_documents_only_if_asked(caller: Caller) -> None:
    first = rerank(caller, "r", return_documents=True)["results"][0]
    assert first["document"] == {"text": "今天天气很好"}


def test_documents_may_be_objects(caller: Caller) -> None:
    reply = rerank(caller, "r", documents=[{"text": "天气"}], return_documents=True)
    assert reply["results"][0]["document"] == {"text": "天气"}


def test_yuanjing_answers_a_bare_array(caller: Caller) -> None:
    body = {"query": "天气好吗", "texts": DOCUMENTS}
    reply = caller.post("/openapi/bge/v1/rerank", body).json()
    assert [set(item) for item in reply] == [{"index", "score", "document"}] * 3
    assert (reply[0]["index"], reply[0]["document"]) == (1, "今天天气很好")
    assert reply[0]["score"] > reply[2]["score"]


@pytest.mark.parametrize("body", [{"documents": ["a"]}, {"query": "a"}, {"query": "a", "documents": []}])
def test_impossible_rerank_calls_are_refused(caller: Caller, body: dict[str, Any]) -> None:
    assert caller.post("/v1/rerank", {"model": "r", **body}).status_code == 400


@pytest.mark.parametrize("usage", ["none", "only"])
def test_usage_switches_hold_here_too(caller: Caller, usage: str) -> None:
    replies = [embed(caller, f"e;usage={usage}", "a"), rerank(caller, f"r;usage={usage}")]
    assert ["usage" in reply for reply in replies] == [usage == "only"] * 2
    assert len(replies[0]["data"]) == len(replies[1]["results"]) // 3 == (usage == "none")


def test_input_usage_has_several_shapes(caller: Caller) -> None:
    assert embed(caller, "e;usage_shape=input_output;prompt=9", "a")["usage"] == {"input_tokens": 9}
    assert embed(caller, "e;usage_shape=total;prompt=9", "a")["usage"] == {"total_tokens": 9}
    openai = rerank(caller, "r;usage_shape=openai;prompt=9")["usage"]
    assert openai == {"prompt_tokens": 9, "total_tokens": 9}
