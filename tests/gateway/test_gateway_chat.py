"""Chat and completions as callers see them, whole and streamed."""

import itertools
import json
import re
import time

import httpx
import pytest
from gateway_desk import CHAT, QUESTION, Caller, Events
from gateway_servers import RawUpstream, events, http

NINE_PLACES = re.compile(r"\d+\.\d{9}\Z")
REPLY = b'{ "id":"r1",\n "choices":[{"message":{"content":"\\u4f60\\u597d"},"finish_reason":"stop"}], "x": 1.50 }'


def test_a_whole_reply_passes_byte_for_byte(caller: Caller) -> None:
    with RawUpstream(http(REPLY)) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "x"}])
        response = caller.chat(model)
    assert response.content == REPLY
    assert response.headers["content-type"] == "application/json"


def test_every_answer_says_what_it_cost_and_what_is_left(caller: Caller, chat_model: str) -> None:
    response = caller.chat(chat_model)
    # 4 prompt tokens at ¥2 and 8 of output at ¥8 per million
    assert response.headers["x-request-cost"] == "0.000072000"
    assert response.headers["x-account-balance"] == "999.999928000"
    assert re.fullmatch(r"req_[0-9a-f]{32}", response.headers["x-request-id"])


def test_a_callers_request_id_is_no_idempotency_key(caller: Caller, chat_model: str) -> None:
    headers = {"X-Request-Id": "mine", "Idempotency-Key": "mine"}
    ids = {caller.chat(chat_model, headers).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == caller.records() == 2
    assert "mine" not in ids


# --- streams -----------------------------------------------------------------------------------------
def test_a_streams_events_pass_byte_for_byte_without_the_usage_nobody_asked_for(caller: Caller) -> None:
    datas = [
        '{ "choices" : [ {"delta":{"content":"a"}} ] , "f": 1.50 }',
        '{"choices":[{"delta":{"content":"\\u4f60"},"finish_reason":"stop"}]}',
    ]
    usage = '{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}'
    with RawUpstream(events(*datas, usage, "[DONE]")) as upstream:
        endpoint = [{"inference_url": f"{upstream.url}/v1", "model": "x"}]
        model = caller.desk.model(endpoint)
        answer, asked = caller.stream(model), caller.stream(model, stream_options={"include_usage": True})
    relayed = "".join(f"data: {data}\n\n" for data in datas)
    comment = ": cost=0.000066000 balance=999.999934000\n\n"
    assert answer.raw.decode() == f"{relayed}{comment}data: [DONE]\n\n"
    comment = ": cost=0.000066000 balance=999.999868000\n\n"
    assert asked.raw.decode() == f"{relayed}data: {usage}\n\n{comment}data: [DONE]\n\n"


def test_a_stream_has_the_headers_that_keep_proxies_from_collecting_it(caller: Caller, chat_model: str) -> None:
    headers = caller.stream(chat_model, max_tokens=100).response.headers
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"
    assert "x-request-cost" not in headers
    # 10 tokens are counted at ¥2 and 100 held at ¥8 per million
    assert headers["x-account-balance"] == "999.999180000"


def test_usage_is_always_asked_of_the_upstream(caller: Caller) -> None:
    model = caller.desk.model("chat;finish=unasked")
    caller.stream(model, stream_options={"include_usage": False, "other": 1})
    (asked,) = caller.desk.asked("chat;finish=unasked")
    assert asked.json["stream_options"] == {"include_usage": True, "other": 1}


@pytest.mark.parametrize("usage", ["last", "first", "each", "odd", "none"])
@pytest.mark.parametrize("shape", ["openai", "input_output", "total"])
def test_usage_is_read_wherever_it_stands_and_stripped_unless_asked_for(caller: Caller, usage: str, shape: str) -> None:
    model = caller.desk.model(f"chat;usage={usage};usage_shape={shape};prompt=50;completion=20")
    plain, asked = caller.stream(model), caller.stream(model, stream_options={"include_usage": True})
    assert plain.is_done
    assert asked.is_done
    assert plain.text == asked.text == "w1 w2 w3 w4 w5 w6 w7 w8 "
    assert not any("usage" in event for event in plain.json)
    assert any(event.get("usage") for event in asked.json)
    record = caller.record(plain.response.headers["x-request-id"])
    counted = (10, 8)  # 8 × "w1 " are 24 characters: 7.2
    expected = {"none": counted}.get(usage, (70, 0) if shape == "total" else (50, 20))
    assert (record.prompt_tokens, record.completion_tokens) == expected
    assert record.usage_source == ("counted" if usage == "none" else "upstream")


def test_a_caller_who_asked_for_usage_gets_one_even_if_the_upstream_sent_none(caller: Caller) -> None:
    answer = caller.stream(caller.desk.model("chat;usage=none"), stream_options={"include_usage": True})
    last = answer.json[-1]
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18}
    assert answer.is_done


def test_the_bill_stands_before_the_end(caller: Caller, chat_model: str) -> None:
    answer = caller.stream(chat_model)
    assert answer.lines[-1] == "data: [DONE]"
    assert answer.lines[-2] == ": cost=0.000072000 balance=999.999928000"


def test_a_stream_without_done_is_finished_by_us(caller: Caller) -> None:
    assert caller.stream(caller.desk.model("chat;no_done")).is_done
    assert caller.record().outcome == "success"


@pytest.mark.parametrize("switch", ["crlf", "half", "comment", "crlf;half", "comment;half;crlf", "half;usage=each"])
def test_a_stream_cut_into_odd_pieces_arrives_whole(caller: Caller, switch: str) -> None:
    answer = caller.stream(caller.desk.model(f"chat;{switch};text=你,好,吗"))
    assert answer.text == "你好吗"
    assert answer.is_done
    assert caller.record().usage_source == "upstream"


def test_an_invalid_byte_loses_nothing_but_itself(caller: Caller) -> None:
    answer = caller.stream(caller.desk.model("chat;badutf8"))
    assert b'"content":"\xffw1 "' in answer.raw
    assert answer.is_done
    assert caller.record().usage_source == "upstream"


def test_an_invalid_byte_in_a_whole_reply_is_an_upstream_error(caller: Caller) -> None:
    assert caller.chat(caller.desk.model("chat;badutf8")).status_code == 502


@pytest.mark.parametrize("stream", [False, True])
def test_a_huge_reply_passes(caller: Caller, stream: bool) -> None:
    model = caller.desk.model("chat;huge=3000000;chunks=50")
    response = caller.chat(model, stream=stream)
    text = Events(response).text if stream else response.json()["choices"][0]["message"]["content"]
    assert text == "x" * 3_000_000


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_pass_and_are_counted(caller: Caller, stream: bool) -> None:
    model = caller.desk.model("chat;tools;usage=none")
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    response = caller.chat(model, stream=stream, tools=tools)
    assert "weather" in response.text
    assert "call_sim_1" in response.text
    record = caller.record()
    assert record.completion_tokens >= len('weather{"city":"","days":3}') * 0.3
    assert record.prompt_tokens > 10, "the tools are a part of the prompt"


@pytest.mark.parametrize("stream", [False, True])
def test_several_choices_pass_and_are_held_for(caller: Caller, stream: bool) -> None:
    model = caller.desk.model("chat;chunks=2")
    response = caller.chat(model, stream=stream, n=3, max_tokens=100)
    events = Events(response).json if stream else [response.json()]
    assert {choice["index"] for event in events for choice in event["choices"]} == {0, 1, 2}
    record = caller.record()
    assert record.completion_tokens == 6
    assert record.held_nano == 10 * 2000 + 3 * 100 * 8000


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_is_kept_and_paid(caller: Caller, stream: bool) -> None:
    response = caller.chat(caller.desk.model("chat;reasoning=4;chunks=2;usage=none"), stream=stream)
    assert '"reasoning_content":"r1 ' in response.text
    assert caller.record().completion_tokens == 6, "18 characters: 5.4"


def test_chunks_arrive_one_by_one(caller: Caller) -> None:
    model = caller.desk.model("chat;chunks=6;chunk_ms=60")
    at: list[float] = []
    body = {"model": model, "messages": QUESTION, "stream": True}
    with caller.desk.http.stream("POST", CHAT, json=body, headers=caller.headers) as response:
        for line in response.iter_lines():
            if '"content":"w' in line:
                at.append(time.monotonic())
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert len(at) == 6
    assert min(gaps) > 0.03, gaps
    assert max(gaps) < 0.25, gaps


def test_a_silent_upstream_is_covered_by_keepalive_comments(caller: Caller) -> None:
    answer = caller.stream(caller.desk.model("chat;chunks=2;chunk_ms=700"))
    assert 2 <= answer.comments.count("keepalive") <= 6
    assert answer.text == "w1 w2 "
    assert answer.is_done


def test_a_lively_stream_has_no_keepalive_comments(caller: Caller) -> None:
    answer = caller.stream(caller.desk.model("chat;chunks=12;chunk_ms=50"))
    assert "keepalive" not in answer.comments


def test_the_messages_go_upstream_as_they_are(caller: Caller) -> None:
    model = caller.desk.model("chat;finish=asitis")
    extra = {"temperature": 0.1, "enable_thinking": False, "stop": ["\n"], "x": {"y": [1, 2.50, None]}}
    caller.chat(model, **extra)
    (asked,) = caller.desk.asked("chat;finish=asitis")
    assert asked.json == {"model": "chat;finish=asitis", "messages": QUESTION, **extra}


# --- completions -------------------------------------------------------------------------------------
@pytest.mark.parametrize("stream", [False, True])
def test_completions_answer_and_cost(caller: Caller, chat_model: str, stream: bool) -> None:
    response = caller.post("/v1/completions", {"model": chat_model, "prompt": "one two", "stream": stream})
    assert response.status_code == 200
    assert "w8 " in response.text
    record = caller.record()
    assert (record.operation, record.prompt_tokens, record.completion_tokens) == ("completions", 2, 8)


def test_several_prompts_are_held_for(caller: Caller, chat_model: str) -> None:
    caller.post("/v1/completions", {"model": chat_model, "prompt": ["a", "b", "c"], "max_tokens": 10})
    assert caller.record().held_nano == 3 * 2000 + 30 * 8000


# --- upstreams that only stream ----------------------------------------------------------------------
def test_a_model_that_only_streams_answers_json_callers_with_the_collected_stream(caller: Caller) -> None:
    model = caller.desk.model("chat;stream_only;reasoning=2", stream_only=True, probe=True)
    response = caller.chat(model, n=2)
    reply = response.json()
    assert reply["object"] == "chat.completion"
    assert [choice["message"]["content"] for choice in reply["choices"]] == ["w1 w2 w3 w4 w5 w6 w7 w8 "] * 2
    assert reply["choices"][0]["message"]["reasoning_content"] == "r1 r2 "
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"]["prompt_tokens"] == 4
    assert response.headers["x-request-cost"] == "0.000168000"
    assert caller.record().usage_source == "upstream"


def test_a_collected_stream_has_its_tool_calls_in_one_piece(caller: Caller) -> None:
    model = caller.desk.model("chat;stream_only;tools", stream_only=True)
    tools = [{"type": "function", "function": {"name": "weather"}}]
    (call,) = caller.chat(model, tools=tools).json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "北京", "days": 3}


def test_a_collected_completion_is_a_completion(caller: Caller) -> None:
    model = caller.desk.model("chat;stream_only;chunks=2", stream_only=True)
    reply = caller.post("/v1/completions", {"model": model, "prompt": "a"}).json()
    assert reply["object"] == "text_completion"
    assert reply["choices"][0]["text"] == "w1 w2 "


@pytest.mark.parametrize("fault", ["cut=2", "reset_at=2", "error_at=2", "empty", "status=500"])
def test_a_collected_stream_that_breaks_off_is_an_error_that_costs_nothing(caller: Caller, fault: str) -> None:
    response = caller.chat(caller.desk.model(f"chat;{fault}", stream_only=True))
    assert response.status_code == 502
    assert caller.record().cost_nano == 0
    caller.holds_nothing()


def test_a_model_that_only_streams_still_streams(caller: Caller) -> None:
    assert caller.stream(caller.desk.model("chat;stream_only", stream_only=True)).is_done


def test_a_connection_is_used_again(caller: Caller, chat_model: str) -> None:
    with httpx.Client(base_url=caller.desk.url, limits=httpx.Limits(max_connections=1), trust_env=False) as one:
        for stream in (False, True, False):
            body = {"model": chat_model, "messages": QUESTION, "stream": stream}
            assert one.post(CHAT, json=body, headers=caller.headers).status_code == 200
