"""What a failing upstream looks like to the caller, and that it costs nothing before it said something."""

import logging
import socket
import time
from typing import Any

import httpx
import pytest
from gateway_desk import CHAT, QUESTION, Caller, Desk, Events
from gateway_servers import RawUpstream, events, http

CHUNK = '{"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hi"}}]}'


def error_of(response: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error


def check_failed(caller: Caller, response: httpx.Response, status: int, code: str) -> str:
    """The error, a record that says so, and nothing charged or held."""
    assert response.status_code == status, response.text
    error = error_of(response)
    assert error["code"] == code
    record = caller.record(response.headers["x-request-id"])
    assert (record.outcome, record.error_code, record.cost_nano) == ("failed", code, 0)
    assert response.headers["x-request-cost"] == "0.000000000"
    assert response.headers["x-account-balance"] == "1000.000000000"
    caller.holds_nothing()
    message: str = error["message"]
    return message


BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


@BOTH
@pytest.mark.parametrize(
    ("switches", "status", "code", "words"),
    [
        ("status=400;status_body=temperature is too high", 400, "invalid_request_error", "temperature is too high"),
        ("status=422;status_body=no such parameter", 400, "invalid_request_error", "no such parameter"),
        ("status=413", 413, "request_too_large", "simulated status 413"),
        ("status=401", 502, "upstream_error", "refused this gateway's credentials"),
        ("status=403", 502, "upstream_error", "refused this gateway's credentials"),
        ("status=402", 502, "upstream_error", "status 402"),
        ("status=404", 502, "upstream_error", "status 404"),
        ("status=408", 502, "upstream_error", "status 408"),
        ("status=500;status_body=CUDA out of memory", 502, "upstream_error", "status 500: CUDA out of memory"),
        ("status=503", 502, "upstream_error", "status 503"),
        ("status=204", 502, "upstream_error", "status 204"),
        ("status=201", 502, "upstream_error", "status 201"),
        ("status=302;location=http://169.254.169.254/", 502, "upstream_error", "redirect"),
        ("html=200", 502, "upstream_error", "nginx"),
        ("html=502;status_body=Bad Gateway", 502, "upstream_error", "status 502: 502 Bad Gateway"),
        ("error200;status_body=the model is overloaded", 502, "upstream_error", "the model is overloaded"),
        ("empty=body", 502, "upstream_error", ""),
        ("empty", 502, "upstream_error", "empty"),
        ("empty=eof", 502, "upstream_error", ""),
        ("reset", 502, "upstream_error", "broke off the connection"),
        ("reset_at=0", 502, "upstream_error", "broke off the connection"),
        ("cut=0", 502, "upstream_error", ""),
    ],
)
def test_a_failure_before_any_output_is_an_error_that_costs_nothing(
    caller: Caller, stream: bool, switches: str, status: int, code: str, words: str
) -> None:
    model = caller.desk.model(f"chat;{switches}")
    assert words in check_failed(caller, caller.chat(model, stream=stream), status, code)


def test_a_stream_that_begins_with_an_error_event_never_begins(caller: Caller) -> None:
    model = caller.desk.model("chat;error_at=0;status_body=kaputt")
    message = check_failed(caller, caller.chat(model, stream=True), 502, "upstream_error")
    assert message == "kaputt"


@pytest.mark.parametrize("kind", ["embedding", "rerank"])
@pytest.mark.parametrize("switches", ["empty", "empty=body", "error200", "status=500", "html=200", "reset", "cut=0"])
def test_other_kinds_fail_alike(caller: Caller, kind: str, switches: str) -> None:
    model = caller.desk.model(f"m;{switches}", kind=kind)
    body = {"input": "hi"} if kind == "embedding" else {"query": "q", "documents": ["a", "b"]}
    path = "/v1/embeddings" if kind == "embedding" else "/v1/rerank"
    check_failed(caller, caller.post(path, {"model": model, **body}), 502, "upstream_error")


@BOTH
def test_an_upstreams_rate_limit_passes_with_its_retry_after(caller: Caller, stream: bool) -> None:
    model = caller.desk.model("chat;status=429;retry_after=42;status_body=slow down")
    response = caller.chat(model, stream=stream)
    message = check_failed(caller, response, 429, "rate_limit_exceeded")
    assert message == "The upstream's rate limit is reached: slow down"
    assert response.headers["retry-after"] == "42"


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ("17", "17"),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("1; Set-Cookie: a=b", "1"),
        ("9" * 5000, "1"),
        ("\u0663", "1"),
        ("-5", "1"),
        ("", "1"),
    ],
)
def test_only_a_proper_retry_after_passes(caller: Caller, given: str, passed: str) -> None:
    answer = http(b'{"error": {"message": "no"}}', status="429 Too Many", extra=f"Retry-After: {given}\r\n")
    with RawUpstream(answer) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        assert caller.chat(model).headers["retry-after"] == passed


ODD_REPLIES = [
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"choices": {}}',
    b'{"choices": []}',
    b'{"choices": [null]}',
    b'{"choices": [{"message": null}]}',
    b'{"choices": [{"message": {"content": 5}}]}',
    b'{"choices": [{"message": {"tool_calls": 5}}]}',
    b'{"choices": [{"message": {"content": ""}, "finish_reason": {"a": 1}}]}',
    b'{"code": 500, "message": "kaputt"}',
    b'{"detail": "kaputt"}',
    b'{"error": "kaputt"}',
    b"[" * 5000,
]


@pytest.mark.parametrize("body", ODD_REPLIES)
def test_garbage_with_status_200_is_no_answer(caller: Caller, body: bytes) -> None:
    with RawUpstream(http(body)) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        check_failed(caller, caller.chat(model), 502, "upstream_error")


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"",
    ],
)
@BOTH
def test_an_upstream_that_does_not_speak_http_is_an_upstream_error(caller: Caller, answer: bytes, stream: bool) -> None:
    with RawUpstream(answer) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        check_failed(caller, caller.chat(model, stream=stream), 502, "upstream_error")


ODD_EVENTS = [
    "not json",
    "[1]",
    '"text"',
    '{"error": {"message": "kaputt"}}',
    '{"error": "kaputt", "choices": []}',
    "[DONE]",
]


@pytest.mark.parametrize("event", ODD_EVENTS)
def test_a_stream_whose_first_event_is_no_answer_never_begins(caller: Caller, event: str) -> None:
    with RawUpstream(events(event, CHUNK, "[DONE]")) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        check_failed(caller, caller.chat(model, stream=True), 502, "upstream_error")


@pytest.mark.parametrize(
    "event",
    [
        '{"choices": [{"delta": {"tool_calls": 5}}]}',
        '{"choices": [{"delta": {"tool_calls": [5, {"function": 7}, {"index": "a"}]}}]}',
        '{"choices": [5, null, {"delta": 5}, {"index": [1], "delta": {"content": {"a": 1}}}]}',
        '{"choices": {"a": 1}, "usage": 5}',
        '{"choices": [], "usage": {"prompt_tokens": "many", "completion_tokens": -1}}',
        '{"choices": [{"delta": {}, "finish_reason": {"a": 1}}]}',
        '{"choices": [{"index": "b", "delta": {"content": "x", "role": 5}}]}',
    ],
)
@BOTH
def test_odd_events_in_a_good_stream_do_no_harm(caller: Caller, event: str, stream: bool) -> None:
    with RawUpstream(events(CHUNK, event, CHUNK, "[DONE]")) as upstream:
        endpoint = {"inference_url": f"{upstream.url}/v1", "model": "x"}
        model = caller.desk.model([endpoint], stream_only=not stream)
        response = caller.chat(model, stream=stream)
        assert response.status_code == 200, response.text
        if stream:
            assert Events(response).is_done
        assert caller.record().outcome == "success"
        caller.holds_nothing()


def test_a_vendors_error_in_the_middle_of_a_stream_is_cleaned_and_ends_it(caller: Caller) -> None:
    with RawUpstream(events(CHUNK, '{"code": "Throttling", "message": "too fast at 127.0.0.1"}', CHUNK)) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        answer = caller.stream(model)
    assert answer.error is not None
    assert answer.error["message"] == "too fast at ***"
    assert b"Throttling" not in answer.raw
    assert caller.record().outcome == "broken_off"


def test_a_stream_cut_inside_an_event_ends_in_an_error_and_not_in_half_an_event(caller: Caller) -> None:
    with RawUpstream(events(CHUNK, end=b'data: {"id":"x","choi')) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        answer = caller.stream(model)
    assert [set(one) for one in answer.json] == [{"id", "object", "choices"}, {"error", "request_id"}]
    assert caller.record().outcome == "broken_off"


def test_a_last_event_without_its_blank_line_counts(caller: Caller) -> None:
    with RawUpstream(events(CHUNK, end=b"data: [DONE]")) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        assert caller.stream(model).is_done


def test_a_reply_nested_deeper_than_can_be_written_costs_nothing(caller: Caller) -> None:
    deep = b'{"code": 0, "data": [{"text": "a"}], "extra": ' + b"[" * 400 + b"]" * 400 + b"}"
    with RawUpstream(http(deep)) as upstream:
        endpoint = {"inference_url": f"{upstream.url}/v1", "vendor": "yuanjing"}
        model = caller.desk.model([endpoint], kind="ocr", price={"per_page": "0.01"})
        picture = {"image": "data:image/png;base64,iVBORw0KGgo="}
        check_failed(caller, caller.post("/v1/ocr", {"model": model, **picture}), 502, "upstream_error")


# --- no connection, no time --------------------------------------------------------------------------
@BOTH
def test_a_closed_port_is_an_upstream_error(caller: Caller, stream: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    model = caller.desk.model([{"inference_url": f"http://127.0.0.1:{port}/v1", "model": "x"}])
    message = check_failed(caller, caller.chat(model, stream=stream), 502, "upstream_error")
    assert message == "The upstream could not be reached."


def test_a_name_that_does_not_resolve_is_an_upstream_error(caller: Caller) -> None:
    model = caller.desk.model([{"inference_url": "http://nowhere.invalid/v1", "model": "x"}])
    check_failed(caller, caller.chat(model), 502, "upstream_error")


@BOTH
@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ("hang", {False: "total time", True: "did not begin"}),
        ("first_ms=3000", {False: "total time", True: "did not begin"}),
        ("hang_at=0", {False: "total time", True: "did not begin"}),
    ],
)
def test_an_upstream_that_does_not_begin_is_504(
    hasty_desk: Desk, stream: bool, switches: str, words: dict[bool, str]
) -> None:
    caller = hasty_desk.caller()
    model = hasty_desk.model(f"chat;{switches}")
    message = check_failed(caller, caller.chat(model, stream=stream), 504, "upstream_timeout")
    assert words[stream] in message


def test_an_upstream_that_accepts_no_connection_is_504(hasty_desk: Desk) -> None:
    caller = hasty_desk.caller()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        filling = [socket.socket() for _ in range(4)]
        for one in filling:
            one.setblocking(False)
            one.connect_ex(address)
        model = hasty_desk.model([{"inference_url": f"http://127.0.0.1:{address[1]}/v1", "model": "x"}])
        message = check_failed(caller, caller.chat(model), 504, "upstream_timeout")
        assert message == "Connecting to the upstream took too long."
        for one in filling:
            one.close()


def test_a_stream_that_falls_silent_ends_with_an_error_event(hasty_desk: Desk) -> None:
    caller, model = hasty_desk.caller(), hasty_desk.model("chat;hang_at=3")
    answer = caller.stream(model)
    assert answer.text == "w1 w2 w3 "
    assert answer.error
    assert answer.error["code"] == "upstream_timeout"
    assert "fell silent" in answer.error["message"]
    assert not answer.is_done
    record = caller.record()
    assert (record.outcome, record.usage_source, record.error_code) == ("broken_off", "partial", "upstream_timeout")
    caller.holds_nothing()


def test_a_stream_that_never_ends_is_ended_by_the_total_time(hasty_desk: Desk) -> None:
    caller, model = hasty_desk.caller(), hasty_desk.model("chat;chunks=1000;chunk_ms=100")
    answer = caller.stream(model)
    assert answer.error
    assert "total time" in answer.error["message"]
    assert 5 <= len(answer.text.split()) <= 9
    assert caller.record().usage_source == "partial"


@pytest.mark.parametrize("fault", ["cut=3", "reset_at=3", "error_at=3;status_body=kaputt"])
def test_a_stream_that_breaks_off_ends_with_the_bill_and_an_error_event(caller: Caller, fault: str) -> None:
    answer = caller.stream(caller.desk.model(f"chat;{fault}"))
    assert answer.response.status_code == 200
    assert answer.text == "w1 w2 w3 "
    assert answer.error
    assert answer.error["code"] == "upstream_error"
    assert not answer.is_done
    assert answer.lines[-2].startswith(": cost=0.0000")
    record = caller.record()
    assert (record.outcome, record.usage_source) == ("broken_off", "partial")
    assert record.completion_tokens == 3, "nine characters"
    caller.holds_nothing()


@pytest.mark.parametrize("switches", ["usage=only", "chunks=0", "empty;no_done"])
def test_a_stream_that_said_nothing_costs_nothing(caller: Caller, switches: str) -> None:
    response = caller.chat(caller.desk.model(f"chat;{switches}"), stream=True)
    assert "empty" in response.text or "without an event" in response.text
    record = caller.record()
    assert (record.outcome, record.cost_nano) == ("failed", 0)
    caller.holds_nothing()


def test_an_answer_cut_by_its_length_may_be_empty(caller: Caller) -> None:
    model = caller.desk.model("chat;chunks=0;finish=length")
    assert caller.chat(model).status_code == 200
    assert caller.stream(model).is_done


def test_an_endless_event_is_given_up(caller: Caller) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(events(CHUNK) + b"data: ")
        for _ in range(400):
            connection.sendall(b"x" * 65536)

    with RawUpstream(flood) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        answer = caller.stream(model)
    assert answer.error
    assert answer.error["message"] == "The upstream sent an event without end."
    caller.holds_nothing()


def test_an_endless_reply_is_given_up(caller: Caller) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(1100):
            connection.sendall(b" " * 65536)

    with RawUpstream(flood) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        message = check_failed(caller, caller.chat(model), 502, "upstream_error")
    assert message == "The upstream's reply is too large."


# --- secrecy -----------------------------------------------------------------------------------------
KEY = "canary-7f3a9c21-secret"
HOST = "127.0.0.1"


@BOTH
@pytest.mark.parametrize(
    "switches",
    [
        *(f"status={status};status_body=@" for status in (400, 401, 404, 422, 429, 500, 503)),
        *("html=500;status_body=@", "html=200;status_body=@", "error200;status_body=@", "error_at=2;status_body=@"),
        *("error_at=0;status_body=@", "reset", "cut=2", "hang_at=2", "status=302;location=@", "empty=body"),
    ],
)
def test_the_upstreams_address_and_key_are_in_no_answer_and_no_log_line(
    hasty_desk: Desk, switches: str, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    port = hasty_desk.simulator.url.rsplit(":", 1)[1]
    words = f"Incorrect key {KEY} Bearer {KEY} at http://{HOST}:{port}/v1/chat for {HOST}:{port}"
    caller = hasty_desk.caller()
    endpoint = {"model": f"chat;{switches.replace('@', words)}", "api_key": KEY}
    model = hasty_desk.model([{"inference_url": f"http://{HOST}:{port}/v1", **endpoint}])
    response = caller.chat(model, stream=stream)
    said = response.text + str(response.headers)
    logged = "\n".join(f"{one.getMessage()} {one.exc_text}" for one in caplog.records if "httpx" not in one.name)
    logged = "\n".join(line for line in logged.splitlines() if "httpcore" not in line)
    answer_without_model_name = said.replace(f'"model":"chat;{switches.replace("@", words)}"', "")
    for secret in (KEY, f":{port}", f"{HOST}:"):
        assert secret not in answer_without_model_name
    assert KEY not in logged
    assert KEY not in caller.record().lines


@pytest.mark.parametrize("shift", range(180, 216, 4))
def test_a_key_that_is_cut_in_the_middle_is_not_shown_either(caller: Caller, shift: int) -> None:
    page = f"{'x' * shift} {KEY} {'y' * 900}".encode()
    with RawUpstream(http(page, "text/plain", "500 Oops")) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x", "api_key": KEY}])
        text = caller.chat(model).text
    assert KEY[:4] not in text


def test_hostile_words_of_an_upstream_are_cleaned_quickly(caller: Caller) -> None:
    bombs = ["sk-" * 60_000, "<" * 200_000, "http://" * 30_000, "<script" * 30_000, "Bearer " * 30_000]
    for bomb in bombs:
        with RawUpstream(http(bomb.encode(), "text/html", "500 Oops")) as upstream:
            model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
            began = time.monotonic()
            assert caller.chat(model).status_code == 502
            assert time.monotonic() - began < 1.0


def test_the_request_goes_out_with_the_models_key_and_name_and_not_the_callers(caller: Caller) -> None:
    reply = http(b'{"choices": [{"message": {"content": "hi"}}]}')
    with RawUpstream(reply) as upstream:
        endpoint = {"inference_url": f"{upstream.url}/v1", "model": "its-name", "api_key": KEY}
        bearer = caller.desk.model([endpoint])
        raw = caller.desk.model([{**endpoint, "auth": "raw"}])
        for model in (bearer, raw):
            headers = {"X-Evil": "1", "Cookie": "a=b"}
            assert caller.desk.http.post(
                CHAT, json={"model": model, "messages": QUESTION}, headers={**caller.headers, **headers}
            ).is_success
    first, second = upstream.requests
    assert f"Authorization: Bearer {KEY}".encode() in first
    assert f"Authorization: {KEY}".encode() in second
    for one in (first, second):
        assert b'"model":"its-name"' in one
        assert caller.secret.encode() not in one
        assert b"x-evil" not in one.lower()
        assert b"cookie" not in one.lower()
