"""Paths, keys and names: which forms of them reach the data plane."""

from typing import Any
from urllib.parse import quote

import pytest
from gateway_desk import QUESTION, Caller, Desk

from accounts.money import nano_to_yuan
from inference.gateway.app import POSTS
from inference.gateway.errors import KINDS
from inference.gateway.native.speech import FORMS
from inference.gateway.native.words import CODES


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "{}", "Bearer  {}"])
def test_a_key_is_taken_in_every_form(caller: Caller, chat_model: str, form: str) -> None:
    headers = {"Authorization": form.format(caller.secret)}
    body = {"model": chat_model, "messages": QUESTION}
    assert caller.desk.http.post("/v1/chat/completions", json=body, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_the_paths_answer_with_and_without_v1(caller: Caller, chat_model: str, path: str) -> None:
    assert caller.post(path, {"model": chat_model, "messages": QUESTION}).status_code == 200


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/v1/rerank", "/v1/rerank"),
        ("/v1/v2/rerank", "/v2/rerank"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/chat/completions", "/chat/completions"),
        ("/v1/completions/", "/v1/completions"),
    ],
)
def test_a_path_with_a_part_too_many_is_told_what_was_meant(caller: Caller, path: str, meant: str) -> None:
    """Cohere's clients put /v1/rerank or /v2/rerank behind a base URL that people take from OpenAI's."""
    answer = caller.post(path, {})
    assert answer.status_code == 404
    assert f" {path}; there is {meant}, so check the base URL." in answer.json()["error"]["message"]


def test_a_path_like_none_of_ours_is_just_not_found(caller: Caller) -> None:
    message = caller.post("/v1/responses", {}).json()["error"]["message"]
    assert message == "There is nothing at /v1/responses. GET /v1/openapi.json lists the paths."


@pytest.mark.parametrize("path", [f"{prefix}{path}" for prefix in ("", "/v1") for path in POSTS])
def test_every_path_asks_for_a_key(desk: Desk, path: str) -> None:
    assert desk.http.post(path, json={}).json()["error"]["code"] == "invalid_api_key"


NAMES = ["BAAI/bge-large-zh-v1.5", "deepseek-r1:1.5b", "a/b/c:d.e", "模型-1", "with%2Fpercent", "a+b@c,d;e=f"]


@pytest.mark.parametrize("name", NAMES)
def test_names_may_hold_slashes_colons_dots_and_more(caller: Caller, name: str) -> None:
    served = caller.desk.model(name=f"{name}-{caller.user.pk}")
    assert caller.chat(served).status_code == 200
    for path in (f"/v1/models/{quote(served)}", f"/models/{quote(served)}", f"/v1/models/{quote(served, safe='')}"):
        response = caller.get(path)
        assert response.status_code == 200, path
        assert response.json()["id"] == served


def test_the_list_of_models_is_openais_with_prices_and_limits(caller: Caller) -> None:
    name = caller.desk.model(limits={"rpm": 5}, context_length=100, max_output_tokens=50)
    for path in ("/v1/models", "/v1/models/", "/models"):
        listed = caller.get(path).json()
        assert listed["object"] == "list"
        (card,) = (one for one in listed["data"] if one["id"] == name)
        assert card == caller.get(f"/v1/models/{name}").json()
    assert (card["object"], card["kind"], card["owned_by"]) == ("model", "llm", "model-console")
    assert (card["context_length"], card["max_output_tokens"]) == (100, 50)
    assert card["limits"] == {"rpm": 5, "tpm": None, "concurrency": None}
    assert card["price"]["input_per_m_tokens"] == nano_to_yuan(2 * 10**9)
    assert isinstance(card["created"], int)


def test_the_list_of_models_needs_a_key_and_is_djangos_without(caller: Caller) -> None:
    http = caller.desk.http
    assert http.get("/v1/models").status_code == 401
    assert http.get("/v1/models/x").status_code == 401
    assert http.get("/models", headers={"Authorization": "Bearer wrong"}).status_code == 401
    for path in ("/models", "/models/x", "/models/"):
        response = http.get(path)
        assert "x-request-id" not in response.headers, "the other plane answers"
        assert response.status_code in (200, 301, 302, 404)


def test_a_page_is_never_taken_for_a_model(caller: Caller) -> None:
    assert "x-request-id" not in caller.get("/models/").headers
    assert "x-request-id" not in caller.get("/v10/models").headers


def test_head_answers_like_get_without_a_body(caller: Caller) -> None:
    response = caller.desk.http.head("/v1/models", headers=caller.headers)
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0
    assert caller.desk.http.head("/v1/models").status_code == 401


def test_the_openapi_document_describes_every_path_and_error(desk: Desk) -> None:
    document: dict[str, Any] = desk.http.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    ours = {f"/v1{path}" for path in POSTS} | {"/v1/models", "/v1/models/{id}", "/v2/rerank"}
    assert ours | set(FORMS) == set(document["paths"])
    codes = document["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"]
    assert codes == list(KINDS)
    assert document["components"]["schemas"]["DashScopeError"]["properties"]["code"]["enum"] == list(CODES.values())
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert {"200", "401"} <= set(operation["responses"]), path


def test_a_query_string_does_not_matter(caller: Caller, chat_model: str) -> None:
    path = "/v1/chat/completions?api-version=2024&x=%0d%0a"
    assert caller.post(path, {"model": chat_model, "messages": QUESTION}).status_code == 200
