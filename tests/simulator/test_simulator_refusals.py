from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator_caller import Caller


@pytest.fixture
def lifted(caller: Caller) -> Iterator[None]:
    yield
    caller.post("/_sim/down", {"down": False})


def ask(caller: Caller, model: str, authorization: str | None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    body = {"model": model, "messages": [{"content": "a"}]}
    return caller.post("/v1/chat/completions", body, **headers).status_code


def test_a_key_is_asked_for(caller: Caller) -> None:
    statuses = [ask(caller, "m;key=sk-1", given) for given in ("Bearer sk-1", "sk-1", "Bearer sk-2", None)]
    assert statuses == [200, 401, 401, 401]
    error = caller.chat("m;key=sk-1").json()["error"]
    assert (error["message"], error["code"]) == ("Invalid API-KEY", "invalid_api_key")
    assert set(error) == {"message", "type", "param", "code"}


def test_a_bare_key_is_asked_for(caller: Caller) -> None:
    assert [ask(caller, "m;key_raw=abc", given) for given in ("abc", "Bearer abc", None)] == [200, 401, 401]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("stream", [False, True])
def test_any_status_can_be_had(caller: Caller, status: int, stream: bool) -> None:
    response = caller.chat(f"m;status={status};status_body=so be it", stream=stream)
    assert (response.status_code, response.json()["error"]["message"]) == (status, "so be it")


def test_a_429_names_when_to_come_back(caller: Caller) -> None:
    assert caller.chat("m;status=429").headers["Retry-After"] == "7"
    assert caller.chat("m;status=429;retry_after=31").headers["Retry-After"] == "31"
    assert caller.chat("m;status=503;retry_after=2").headers["Retry-After"] == "2"
    assert "Retry-After" not in caller.chat("m;status=500").headers


def test_a_redirect_names_its_place(caller: Caller) -> None:
    response = caller.chat("m;status=302;location=http://127.0.0.1:1/x")
    assert (response.status_code, response.headers["Location"]) == (302, "http://127.0.0.1:1/x")


def test_html_comes_with_its_status(caller: Caller) -> None:
    response = caller.chat("m;html=404")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.text.startswith("<html>")


def test_an_error_can_come_with_200(caller: Caller) -> None:
    response = caller.chat("m;error200;status_body=nope")
    assert (response.status_code, response.json()["error"]["message"]) == (200, "nope")
    assert [set(event) for event in caller.stream("m;error200")] == [{"error"}]


def test_a_stream_only_model_refuses_json(caller: Caller) -> None:
    assert caller.chat("m;stream_only").status_code == 400
    assert caller.stream("m;stream_only;chunks=1")[-1] == "[DONE]"


def test_the_first_calls_of_a_model_string_fail(caller: Caller) -> None:
    assert [caller.chat("a;fail_first=2").status_code for _ in range(4)] == [500, 500, 200, 200]
    assert caller.chat("b;fail_first=2").status_code == 500


def test_everything_can_be_down(caller: Caller, lifted: None) -> None:
    caller.post("/_sim/down", {"down": True})
    statuses = [caller.chat("m").status_code, caller.chat("m", stream=True).status_code]
    statuses += [caller.http.get(path).status_code for path in ("/v1/models", "/healthz", "/nowhere")]
    assert statuses == [503] * 5
    caller.post("/_sim/down", {"down": False})
    assert (caller.chat("m").status_code, caller.http.get("/healthz").status_code) == (200, 200)


def test_single_models_can_be_down(caller: Caller, lifted: None) -> None:
    reply = caller.post("/_sim/down", {"down": True, "models": ["a", "b;chunks=1"]}).json()
    assert reply == {"down": False, "models": ["a", "b;chunks=1"]}
    models = ("a", "a;chunks=3", "b", "b;chunks=1")
    assert [caller.chat(model).status_code for model in models] == [503, 503, 200, 503]
    caller.post("/_sim/down", {"down": False, "models": ["a"]})
    assert [caller.chat(model).status_code for model in models] == [200, 200, 200, 503]


@pytest.mark.parametrize("wish", [{}, {"down": "yes"}, {"down": True, "models": "a"}, {"down": True, "models": [1]}])
def test_a_wish_that_makes_no_sense_is_refused(caller: Caller, wish: dict[str, Any]) -> None:
    assert caller.post("/_sim/down", wish).status_code == 400


def test_the_thread_can_be_taken_down_from_python(caller: Caller, lifted: None) -> None:
    caller.upstream.set_down(models=["m"])
    assert caller.chat("m").status_code == 503
    caller.upstream.set_down(False)
    assert caller.chat("m").status_code == 200


def test_the_first_byte_can_be_late(caller: Caller) -> None:
    start = time.monotonic()
    assert caller.chat("m;first_ms=80;status=500").status_code == 500
    assert 0.08 <= time.monotonic() - start < 1
