"""Endpoints with habits: thinking inside the content, and parameters with documented ranges."""

from typing import Any

import pytest
from gateway_desk import YUAN, Caller, Desk
from gateway_servers import RawUpstream

LIFT = {"thinking": "lift"}
QWEN = {"parameter_profile": "qwen"}
WORDS = "w1 w2 w3 w4 w5 w6 w7 w8 "
THOUGHT = "\nhmm"
RAW = f"<think>{THOUGHT}</think>\n\n{WORDS}"


def thinker(desk: Desk, switches: str = "", habits: dict[str, str] | None = None, **fields: Any) -> str:
    return desk.model([{"model": f"chat;think=1{switches}", **(LIFT if habits is None else habits)}], **fields)


def joined(events: list[Any], name: str, index: int = 0) -> str:
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get(name) or "" for choice in choices)


# --- thinking ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("stream_only", [False, True])
def test_thinking_becomes_reasoning_content(caller: Caller, stream_only: bool) -> None:
    response = caller.chat(thinker(caller.desk, stream_only=stream_only), n=2)
    assert response.status_code == 200
    for choice in response.json()["choices"]:
        assert choice["message"]["content"] == WORDS
        assert choice["message"]["reasoning_content"] == THOUGHT
        assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("switches", ["", ";half;crlf", ";usage=each", ";no_done"])
def test_thinking_becomes_reasoning_content_in_a_stream(caller: Caller, switches: str) -> None:
    answer = caller.stream(thinker(caller.desk, f"{switches};text={WORDS}"), n=2)
    assert answer.is_done
    for index in (0, 1):
        assert joined(answer.json, "reasoning_content", index) == THOUGHT
        assert joined(answer.json, "content", index).strip() == WORDS.strip()
    assert "think>" not in answer.raw.decode()


def test_an_answer_that_is_all_thinking_stays_reasoning(caller: Caller) -> None:
    model = thinker(caller.desk)
    message = caller.chat(model, max_tokens=2).json()["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("", "\nhm")
    answer = caller.stream(model, max_tokens=3)
    assert (answer.text, joined(answer.json, "reasoning_content")) == ("", "\nhmm</thi")


def test_a_stream_without_a_finish_loses_nothing(caller: Caller) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    event = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"<think>a</thi"}}]}\n\n'
    with RawUpstream(head + event + b"data: [DONE]\n\n") as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x", **LIFT}])
        answer = caller.stream(model)
    assert answer.is_done
    assert joined(answer.json, "reasoning_content") == "a</thi"


@pytest.mark.parametrize("habits", [{}, {"thinking": "leave"}])
def test_thinking_is_left_where_nobody_asked(caller: Caller, habits: dict[str, str]) -> None:
    model = thinker(caller.desk, habits=habits)
    message = caller.chat(model).json()["choices"][0]["message"]
    assert message["content"] == RAW
    assert "reasoning_content" not in message
    assert caller.stream(model).text == RAW


@pytest.mark.parametrize("habits", [{}, LIFT])
def test_an_answer_without_a_tag_passes_byte_for_byte(caller: Caller, habits: dict[str, str]) -> None:
    body = b'{ "choices":[{"message": {"content":"Hi <think>"}}], "x" : 1.50}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    with RawUpstream(head + body) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x", **habits}])
        assert caller.chat(model).content == body


@pytest.mark.parametrize("habits", [{}, LIFT])
def test_events_without_a_tag_pass_byte_for_byte(caller: Caller, habits: dict[str, str]) -> None:
    event = b'data: { "choices":[{"delta": {"content":"Hi "},  "finish_reason": "stop"}], "x" : 1.50}\n\n'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    with RawUpstream(head + event + b"data: [DONE]\n\n") as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x", **habits}])
        assert caller.stream(model).raw.startswith(event)


@pytest.mark.parametrize(
    ("usage", "nano"),
    [
        ("", 4 * 2000 + 12 * 8000),
        (";usage=none", 10 * 2000 + 14 * 8000),  # the 45 characters with the tags are 13.5
        (";prompt=50;completion=20", 50 * 2000 + 20 * 8000),
    ],
)
@pytest.mark.parametrize(("stream", "stream_only"), [(False, False), (True, False), (False, True)])
def test_lifting_changes_no_bill(caller: Caller, usage: str, nano: int, stream: bool, stream_only: bool) -> None:
    costs = []
    for habits in ({"thinking": "leave"}, LIFT):
        response = caller.chat(thinker(caller.desk, usage, habits, stream_only=stream_only), stream=stream)
        costs.append(caller.record(response.headers["x-request-id"]).cost_nano)
    assert costs == [nano] * 2
    assert caller.balance_nano == 1000 * YUAN - sum(costs)
    caller.holds_nothing()


# --- parameter profiles ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("temperature", 2, "[0, 2)"),
        ("top_p", 0, "(0, 1]"),
        ("seed", 2**64, "[0, 2^64−1]"),
        ("presence_penalty", -2.1, "[-2, 2]"),
        ("stop", ["你好", 123456], "strings or of token ids"),
        ("enable_search", "true", "true or false"),
        ("max_tokens", 0, "1"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_parameter_outside_its_range_is_refused_before_anything_is_held(
    caller: Caller, name: str, value: Any, wanted: str, stream: bool
) -> None:
    upstream = f"chat;finish=qwen-{name}-{stream}"
    model = caller.desk.model([{"model": upstream, **QWEN}])
    response = caller.chat(model, stream=stream, **{name: value})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, "invalid_request_error", name)
    assert name in error["message"]
    assert wanted in error["message"]
    assert (caller.records(), caller.holds, caller.desk.asked(upstream)) == (0, 0, [])


def test_one_endpoint_with_the_profile_is_enough(caller: Caller) -> None:
    model = caller.desk.model([{"model": "chat"}, {"model": "chat", "priority": 1, **QWEN}])
    assert caller.chat(model, temperature=2).status_code == 400
    assert caller.chat(model, temperature=1.9).status_code == 200


def test_without_the_profile_the_vendor_decides(caller: Caller, chat_model: str) -> None:
    assert caller.chat(chat_model, temperature=2, enable_search="yes").status_code == 200


def test_what_the_profile_allows_arrives_unchanged(caller: Caller) -> None:
    upstream = "chat;finish=qwen-allowed"
    fields = {"temperature": 0, "top_p": 1, "seed": 2**64 - 1, "stop": [1, 2], "enable_search": True}
    assert caller.chat(caller.desk.model([{"model": upstream, **QWEN}]), **fields).status_code == 200
    (asked,) = caller.desk.asked(upstream)
    assert {name: asked.json[name] for name in fields} == fields
