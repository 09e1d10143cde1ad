"""Every way in which the gateway itself says no: status, code, body and headers."""

import asyncio
import json
from io import StringIO
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from gateway_desk import CHAT, QUESTION, Caller, Desk, raw_call, wait_until

from accounts.services import api_key_revoke
from inference.gateway.errors import KINDS
from inference.gateway.limits import LocalLimits
from inference.gateway.routes import Limits
from models_registry.models import Model
from models_registry.services import model_disable


def check_error(response: httpx.Response, status: int, code: str, param: str | None = None) -> str:
    """The body has OpenAI's form and our request id; its message is returned."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error", "request_id"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["code"] == code
    assert body["error"]["param"] == param
    assert body["error"]["type"] == KINDS[code].type
    assert body["request_id"] == response.headers["x-request-id"]
    assert response.headers["content-type"] == "application/json"
    message: str = body["error"]["message"]
    return message


# --- 400 ---------------------------------------------------------------------------------------------
TRAILING_COMMA = '{\n  "model": "m",\n  "messages": [],\n  "temperature": 0.7,\n  "stream": false,\n}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (TRAILING_COMMA, "trailing comma is not allowed at line 5, column 18 (character 75)"),
        ('{"model": "m",,}', "line 1, column 15 (character 14)"),
        ("", "the body is empty at line 1"),
        ("[1, 2]", "must be a JSON object, not an array"),
        ('"chat"', "must be a JSON object, not a string"),
        ("null", "must be a JSON object, not null"),
        ('{"model": "\ud800"}', "not valid JSON"),
        ('{"a": "\\ud800"}', "line 1"),
        ('{"model": "m", "messages": ' + "[" * 300 + "]" * 300 + "}", "nested too deeply"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_malformed_body_is_refused_with_its_position(caller: Caller, body: str, words: str) -> None:
    response = caller.desk.http.post(CHAT, content=body.encode("utf-8", "surrogatepass"), headers=caller.headers)
    assert words in check_error(response, 400, "invalid_request_error")


CHAT_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "model", "'model' is required"),
    ({"model": 5}, "model", "'model' must be a string, not a number"),
    ({"model": ["m"]}, "model", "'model' must be a string, not an array"),
    ({"messages": None}, "messages", "'messages' is required"),
    ({"messages": "hi"}, "messages", "must be an array, not a string"),
    ({"messages": []}, "messages", "must hold 1 to"),
    ({"messages": ["hi"]}, "messages[0]", "must be an object, not a string"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role", "must be a string"),
    ({"stream": "true"}, "stream", "must be true or false, not a string"),
    ({"stream": 1}, "stream", "must be true or false, not a number"),
    ({"max_tokens": "5"}, "max_tokens", "must be a whole number, not a string"),
    ({"max_tokens": 1.5}, "max_tokens", "must be a whole number"),
    ({"max_tokens": True}, "max_tokens", "must be a whole number, not a boolean"),
    ({"max_tokens": 0}, "max_tokens", "must be between 1 and"),
    ({"max_tokens": -1}, "max_tokens", "must be between 1 and"),
    ({"max_tokens": 10**18}, "max_tokens", "must be between 1 and"),
    ({"max_completion_tokens": "9"}, "max_completion_tokens", "must be a whole number"),
    ({"n": 0}, "n", "must be between 1 and 128"),
    ({"n": "2"}, "n", "must be a whole number"),
    ({"stream_options": []}, "stream_options", "must be an object"),
    ({"stream_options": {"include_usage": "no"}}, "stream_options.include_usage", "must be true or false"),
    ({"best_of": 2.5}, "best_of", "must be a whole number"),
    ({"best_of": 129}, "best_of", "must be between 1 and 128"),
]


@pytest.mark.parametrize(("fields", "param", "words"), CHAT_FIELDS)
def test_a_wrongly_typed_field_of_a_chat_is_named(
    caller: Caller, chat_model: str, fields: dict[str, Any], param: str, words: str
) -> None:
    response = caller.post(CHAT, {"model": chat_model, "messages": QUESTION, **fields})
    assert words in check_error(response, 400, "invalid_request_error", param)


OTHER_FIELDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("/v1/completions", {}, "prompt", "'prompt' is required"),
    ("/v1/completions", {"prompt": 5}, "prompt", "must be a string or an array"),
    ("/v1/completions", {"prompt": []}, "prompt", "must not be empty"),
    ("/v1/completions", {"prompt": "a", "best_of": 0}, "best_of", "between 1 and 128"),
    ("/v1/embeddings", {}, "input", "'input' is required"),
    ("/v1/embeddings", {"input": 5}, "input", "must be a string or an array"),
    ("/v1/embeddings", {"input": ""}, "input", "must not be empty"),
    ("/v1/embeddings", {"input": ["a", ""]}, "input", "must not hold empty strings"),
    ("/v1/embeddings", {"input": ["a", 1]}, "input", "must be an array of strings"),
    ("/v1/embeddings", {"input": ["a"] * 2049}, "input", "at most 2048"),
    ("/v1/embeddings", {"input": "a", "encoding_format": "hex"}, "encoding_format", "'float' or 'base64'"),
    ("/v1/embeddings", {"input": "a", "dimensions": 0}, "dimensions", "between 1 and"),
    ("/v1/rerank", {"documents": ["a"]}, "query", "'query' is required"),
    ("/v1/rerank", {"query": ["q"], "documents": ["a"]}, "query", "must be a string"),
    ("/v1/rerank", {"query": "q"}, "documents", "'documents' is required"),
    ("/v1/rerank", {"query": "q", "documents": "a"}, "documents", "must be an array"),
    ("/v1/rerank", {"query": "q", "documents": []}, "documents", "1 to 2048"),
    ("/v1/rerank", {"query": "q", "documents": ["a", 5]}, "documents[1]", "must be a string"),
    ("/v1/rerank", {"query": "q", "documents": ["a", {"txt": "b"}]}, "documents[1]", "with a text"),
    ("/v1/rerank", {"query": "q", "documents": ["a"], "top_n": "1"}, "top_n", "must be a whole number"),
    ("/v1/rerank", {"query": "q", "documents": ["a"], "return_documents": 1}, "return_documents", "true or false"),
    ("/v1/embeddings", {"input": "a", "stream": True}, "stream", "must be false or left out"),
    ("/v1/rerank", {"query": "q", "documents": ["a"], "stream": True}, "stream", "must be false or left out"),
    ("/v1/rerank", {"query": "q", "documents": ["a"], "stream": 1}, "stream", "must be false or left out"),
    ("/v1/ocr", {"image": "data:image/png;base64,AAAA", "stream": True}, "stream", "must be false or left out"),
    ("/v1/ocr", {}, "file", "A picture is required"),
    ("/v1/ocr", {"image": 5}, "image", "must be a data URL"),
    ("/v1/ocr", {"image": "ftp://h/a.png"}, "image", "must be a data URL or an http(s) URL"),
    ("/v1/ocr", {"image": "data:image/png;base64,%%%"}, "image", "not valid base64"),
    ("/v1/ocr", {"image": "data:image/png,abc"}, "image", "must be a base64 data URL"),
]


@pytest.mark.parametrize(("path", "fields", "param", "words"), OTHER_FIELDS)
def test_a_wrongly_typed_field_of_any_operation_is_named(
    caller: Caller, path: str, fields: dict[str, Any], param: str, words: str
) -> None:
    response = caller.post(path, {"model": "whatever", **fields})
    assert words in check_error(response, 400, "invalid_request_error", param)


def test_a_compressed_body_is_refused_by_its_name(caller: Caller, chat_model: str) -> None:
    body = {"model": chat_model, "messages": QUESTION}
    for encoding in ("gzip", "BR"):
        refused = caller.post(CHAT, body, Content_Encoding=encoding)
        words = check_error(refused, 400, "invalid_request_error", "Content-Encoding")
        assert words == f"The body is encoded as {encoding.lower()!r}; send it uncompressed."
    assert caller.post(CHAT, body, Content_Encoding="identity").status_code == 200


@pytest.mark.parametrize("value", ["abc", "-1", "1e3", "0.0000000001", "９"])
def test_x_max_cost_must_be_an_amount(caller: Caller, chat_model: str, value: str) -> None:
    headers = {b"Authorization": caller.headers["Authorization"].encode(), b"X-Max-Cost": value.encode()}
    body = {"model": chat_model, "messages": QUESTION}
    response = caller.desk.http.post(CHAT, json=body, headers=list(headers.items()))
    check_error(response, 400, "invalid_request_error", "X-Max-Cost")


# --- 401, 403 ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer sk-wrong", "Basic abc", "sk-wrong", "Bearer é"])
def test_a_missing_or_wrong_key_is_401(desk: Desk, chat_model: str, value: str | None) -> None:
    headers = {} if value is None else {b"Authorization": value.encode()}
    body = {"model": chat_model, "messages": QUESTION}
    message = check_error(desk.http.post(CHAT, json=body, headers=list(headers.items())), 401, "invalid_api_key")
    assert ("No API key" in message) == (value in (None, ""))


def test_a_revoked_key_is_refused_within_a_second(plane: Any, chat_model: str) -> None:
    from inference.gateway.snapshot import LOOK_EVERY_S

    assert LOOK_EVERY_S <= 0.4
    one = plane()
    caller = one.caller()
    assert caller.chat(chat_model).status_code == 200
    api_key_revoke(key=caller.key, actor="tests")
    wait_until(lambda: caller.chat(chat_model).status_code == 401, 1.0)
    check_error(caller.chat(chat_model), 401, "invalid_api_key")


def test_the_key_of_a_deactivated_user_is_403(caller: Caller, chat_model: str) -> None:
    call_command("user_deactivate", caller.user.username, stdout=StringIO())
    caller.desk.settle_snapshot()
    assert "deactivated" in check_error(caller.chat(chat_model), 403, "permission_denied")
    call_command("user_activate", caller.user.username, stdout=StringIO())
    caller.desk.settle_snapshot()
    assert caller.chat(chat_model).status_code == 200


# --- 402 ---------------------------------------------------------------------------------------------
def test_an_empty_wallet_is_402_with_the_numbers(desk: Desk, chat_model: str) -> None:
    caller = desk.caller(0)
    message = check_error(caller.chat(chat_model), 402, "insufficient_balance")
    # 3 + 4 of the message + 3 of its text (2 CJK, 6 others: 3.0) = 10 tokens at ¥2, and one at ¥8, per million.
    assert "at least ¥0.000028000 is needed, ¥0.000000000 is available" in message
    assert caller.holds == caller.records() == 0


def test_a_call_dearer_than_x_max_cost_is_402(caller: Caller, chat_model: str) -> None:
    response = caller.chat(chat_model, {"X-Max-Cost": "0.00002"}, max_tokens=10)
    message = check_error(response, 402, "max_cost_exceeded")
    assert "¥0.000100000" in message
    assert "¥0.000020000" in message
    assert "max_tokens (now 10)" in message
    assert caller.chat(chat_model, {"X-Max-Cost": "0.0001"}, max_tokens=10).status_code == 200


# --- 404, 405, 413 -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["nobody", "a/b:c.d", "模型", "x\r\nSet-Cookie: a=b", "'; DROP TABLE", "\x00"])
def test_an_unknown_model_is_404(caller: Caller, name: str) -> None:
    assert name in check_error(caller.chat(name), 404, "model_not_found", "model")


def test_an_endless_model_name_is_not_echoed(caller: Caller) -> None:
    assert len(check_error(caller.chat("m" * 500_000), 404, "model_not_found", "model")) < 400


def test_a_model_of_another_kind_is_404(caller: Caller, chat_model: str) -> None:
    response = caller.post("/v1/embeddings", {"model": chat_model, "input": "hi"})
    assert "is of kind llm; this path takes embedding" in check_error(response, 404, "model_not_found", "model")


def test_a_disabled_model_is_404_within_a_second(plane: Any, desk: Desk) -> None:
    one, name = plane(), desk.model()
    caller = one.caller()
    assert caller.chat(name).status_code == 200
    model_disable(model=Model.objects.get(name=name), actor="tests")
    wait_until(lambda: caller.chat(name).status_code == 404, 1.0)
    check_error(caller.chat(name), 404, "model_not_found", "model")
    check_error(caller.get(f"/v1/models/{name}"), 404, "model_not_found", "model")


def test_a_model_never_enabled_is_404(caller: Caller) -> None:
    name = caller.desk.model(enable=False)
    check_error(caller.chat(name), 404, "model_not_found", "model")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/", "/v1", "/v1/chat", "/v1/chat/completions/x", "/v1/v1/models"])
def test_an_unknown_path_is_404(caller: Caller, path: str) -> None:
    assert "openapi.json" in check_error(caller.get(path), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", [CHAT, "/chat/completions", "/v1/rerank", "/v2/rerank", "/v1/ocr", "/v1/estimate"])
def test_a_wrong_method_is_405_and_names_the_right_one(caller: Caller, method: str, path: str) -> None:
    response = caller.desk.http.request(method, path, headers=caller.headers)
    check_error(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_models_take_get_and_head(caller: Caller) -> None:
    response = caller.desk.http.post("/v1/models", headers=caller.headers, json={})
    check_error(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD"


def test_a_declared_body_that_is_too_large_is_413(caller: Caller, chat_model: str) -> None:
    response = caller.chat(chat_model, padding="x" * 1_100_000)
    assert "larger than the 1 MB allowed" in check_error(response, 413, "request_too_large")


def test_a_chunked_body_that_is_too_large_is_413(caller: Caller) -> None:
    pieces = (b"x" * 100_000 for _ in range(12))
    check_error(caller.desk.http.post(CHAT, content=pieces, headers=caller.headers), 413, "request_too_large")


def test_a_body_is_not_read_for_a_stranger(desk: Desk) -> None:
    head = f"POST {CHAT} HTTP/1.1\nHost: test\nContent-Length: 900000000\n"
    with raw_call(desk.url, head) as connection:
        assert connection.recv(4000).startswith(b"HTTP/1.1 401")


def test_a_caller_who_leaves_in_the_middle_of_the_body_costs_nothing(caller: Caller) -> None:
    head = f"POST {CHAT} HTTP/1.1\nHost: test\nAuthorization: Bearer {caller.secret}\nContent-Length: 1000\n"
    with raw_call(caller.desk.url, head, b'{"model":'):
        pass
    assert caller.records() == caller.holds == 0


# --- 429 ---------------------------------------------------------------------------------------------
def check_limited(response: httpx.Response, *words: str) -> None:
    message = check_error(response, 429, "rate_limit_exceeded")
    for word in words:
        assert word in message
    assert 1 <= int(response.headers["retry-after"]) <= 60


def test_requests_per_minute_are_limited_and_shown(caller: Caller) -> None:
    model = caller.desk.model(limits={"rpm": 2})
    first = caller.chat(model)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert first.headers["x-ratelimit-reset-requests"].endswith("s")
    assert caller.chat(model).headers["x-ratelimit-remaining-requests"] == "0"
    refused = caller.chat(model)
    check_limited(refused, "requests per minute (RPM)", "2 used of 2 allowed")
    shown = {name.removeprefix("x-ratelimit-") for name in refused.headers if name.startswith("x-ratelimit-")}
    assert shown == {"limit-requests", "remaining-requests", "reset-requests"}
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert caller.records() == 2
    assert caller.desk.caller().chat(model).status_code == 200, "each workspace has limits of its own"


def test_tokens_per_minute_are_limited_by_what_was_really_used(caller: Caller) -> None:
    model = caller.desk.model("chat;prompt=60;completion=30", limits={"tpm": 99})
    first = caller.chat(model)
    assert first.headers["x-ratelimit-limit-tokens"] == "99"
    check_limited(caller.chat(model, max_tokens=5), "tokens per minute (TPM)", "90 used of 99 allowed")


def test_concurrent_requests_are_limited(caller: Caller) -> None:
    model = caller.desk.model("chat;first_ms=400", limits={"concurrency": 1})
    with httpx.Client(base_url=caller.desk.url, timeout=10, trust_env=False) as other:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            body = {"model": model, "messages": QUESTION}
            running = pool.submit(other.post, CHAT, json=body, headers=caller.headers)
            wait_until(lambda: caller.holds)
            check_limited(caller.chat(model), "concurrent requests", "1 used of 1 allowed")
            assert running.result().status_code == 200
    assert caller.chat(model).status_code == 200


def test_a_fresh_minute_is_no_longer_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: 4.001)  # 4.001 + 60 - 4.001 is a little more than 60
    monkeypatch.setattr("inference.gateway.limits.time", clock)
    entry = asyncio.run(LocalLimits().enter("req", 1, 1, Limits(rpm=1), 1))
    assert (b"x-ratelimit-reset-requests", b"60s") in entry.headers


def test_a_rejected_call_takes_nothing_of_the_limit(caller: Caller) -> None:
    model = caller.desk.model(limits={"rpm": 2, "tpm": 40})
    check_limited(caller.chat(model, messages=[{"role": "user", "content": "x" * 400}]), "TPM")
    assert caller.chat(model).headers["x-ratelimit-remaining-requests"] == "1"


def test_a_call_that_nobody_can_pay_for_takes_nothing_of_the_limit(desk: Desk) -> None:
    caller, model = desk.caller(0), desk.model(limits={"rpm": 1, "tpm": 100, "concurrency": 1})
    for _ in range(3):
        check_error(caller.chat(model), 402, "insufficient_balance")


def test_an_answer_to_options_and_an_unknown_path_needs_no_key(desk: Desk) -> None:
    assert desk.http.options(CHAT).status_code == 405
    assert desk.http.get("/v1/nothing").status_code == 404


def test_every_error_has_a_status_of_its_own_kind() -> None:
    for code, kind in KINDS.items():
        assert 400 <= kind.status <= 504, code
        assert kind.type
    assert json.dumps(list(KINDS))
