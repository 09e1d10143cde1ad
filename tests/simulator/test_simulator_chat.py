from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from simulator_caller import Caller

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def content(reply: Any) -> str:
    return str(reply["choices"][0]["message"]["content"])


def said(events: list[Any], field: str = "content") -> str:
    chunks = [e["choices"][0] for e in events if e != "[DONE]" and e["choices"]]
    return "".join(chunk["delta"].get(field) or "" for chunk in chunks)


def test_a_reply_has_the_documented_shape(caller: Caller) -> None:
    reply = caller.reply("qwen;chunks=3")
    assert reply["id"].startswith("chatcmpl-")
    assert reply["object"] == "chat.completion"
    assert abs(reply["created"] - time.time()) < 5
    assert reply["model"] == "qwen;chunks=3"
    message = {"role": "assistant", "content": "w1 w2 w3 ", "refusal": None, "annotations": []}
    assert reply["choices"] == [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    assert reply["usage"] == {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7}


def test_a_stream_has_the_documented_shape(caller: Caller) -> None:
    events = caller.stream("qwen;chunks=2")
    assert [e["choices"] for e in events[:-1]] == [
        [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "w1 "}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "w2 "}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}],
        [],
    ]
    assert {e["object"] for e in events[:-1]} == {"chat.completion.chunk"}
    assert len({e["id"] for e in events[:-1]}) == 1
    assert [("usage" in e) for e in events[:-1]] == [False] * 4 + [True]
    assert events[-1] == "[DONE]"


def test_a_stream_tells_usage_only_when_asked(caller: Caller) -> None:
    events = caller.stream("qwen", include_usage=False)
    assert all("usage" not in event for event in events[:-1])


@pytest.mark.parametrize("prefix", ["", "/v1", "/api/v3", "/openapi/compatible-mode/v1", "/compatible-mode/v1"])
def test_any_prefix_is_accepted(caller: Caller, prefix: str) -> None:
    response = caller.post(f"{prefix}/chat/completions", {"model": "m", "messages": [{"content": "a"}]})
    assert content(response.json()).startswith("w1 w2 ")


def test_a_version_said_twice_is_no_path_of_ours(caller: Caller) -> None:
    response = caller.post("/v1/v1/chat/completions", {"model": "m", "messages": [{"content": "a"}]})
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "POST /v1/v1/chat/completions is not served here"


@pytest.mark.parametrize("parameter", ["max_tokens", "max_completion_tokens"])
def test_a_cap_cuts_the_answer(caller: Caller, parameter: str) -> None:
    choice = caller.reply("m;chunks=5", **{parameter: 2})["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("w1 w2 ", "length")
    assert caller.reply("m;chunks=5", **{parameter: 5})["choices"][0]["finish_reason"] == "stop"
    assert said(caller.stream("m;chunks=5", **{parameter: 2})) == "w1 w2 "


def test_several_choices_are_all_said_and_counted(caller: Caller) -> None:
    reply = caller.reply("m;chunks=2", n=3)
    assert [choice["index"] for choice in reply["choices"]] == [0, 1, 2]
    assert reply["usage"]["completion_tokens"] == 6
    events = caller.stream("m;chunks=2", n=2)
    indexes = [e["choices"][0]["index"] for e in events[:-2]]
    assert indexes == [0, 1] * 4
    assert events[-2]["usage"]["completion_tokens"] == 4


@pytest.mark.parametrize("params", [{"n": 0}, {"n": 1000}, {"max_tokens": 0}, {"max_tokens": "9"}, {"n": True}])
def test_impossible_parameters_are_refused(caller: Caller, params: dict[str, Any]) -> None:
    assert caller.chat("m", **params).status_code == 400


@pytest.mark.parametrize("messages", [None, [], "hello", ["hello"]])
def test_messages_must_be_messages(caller: Caller, messages: object) -> None:
    assert caller.post("/v1/chat/completions", {"model": "m", "messages": messages}).status_code == 400


def test_the_words_can_be_given(caller: Caller) -> None:
    reply = caller.reply("m;text=你好,！,有什么可以帮你的吗？;finish=content_filter")
    assert content(reply) == "你好！有什么可以帮你的吗？"
    assert reply["choices"][0]["finish_reason"] == "content_filter"
    assert reply["usage"]["completion_tokens"] == 3
    assert content(caller.reply("m;text=a,b;chunks=5")) == "ababa"
    assert content(caller.reply("m;text=a\\n,b;chunks=2")) == "a\nb"


def test_thinking_stands_inside_the_content_and_its_tags_are_cut(caller: Caller) -> None:
    assert content(caller.reply("m;think=1;chunks=1")) == "<think>\nhmm</think>\n\nw1 "
    events = caller.stream("m;think;chunks=1")
    assert said(events) == "<think>\nhmm</think>\n\nw1 "
    pieces = [e["choices"][0]["delta"]["content"] for e in events[:-2]]
    assert not any("<think>" in piece or "</think>" in piece for piece in pieces)
    assert events[-2]["usage"]["completion_tokens"] == 5


def test_reasoning_comes_first_and_counts(caller: Caller) -> None:
    message = caller.reply("m;reasoning=2;chunks=1")["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("r1 r2 ", "w1 ")
    events = caller.stream("m;reasoning=2;chunks=1")
    assert said(events, "reasoning_content") == "r1 r2 "
    assert events[1]["choices"][0]["delta"] == {"content": None, "reasoning_content": "r1 "}
    usage = events[-2]["usage"]
    assert usage["completion_tokens"] == 3
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 2}


def test_a_call_with_tools_is_answered_by_a_tool_call(caller: Caller) -> None:
    choice = caller.reply("m;tools=1", tools=TOOLS)["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    assert call["function"]["name"] == "weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "北京", "days": 3}


def test_a_tool_call_is_streamed_in_deltas(caller: Caller) -> None:
    events = caller.stream("m;tools", tools=TOOLS)
    deltas = [e["choices"][0]["delta"].get("tool_calls") for e in events[:-2]]
    first, *rest = [delta[0] for delta in deltas if delta]
    assert (first["function"], first["type"]) == ({"name": "weather", "arguments": ""}, "function")
    assert json.loads("".join(delta["function"]["arguments"] for delta in rest)) == {
        "city": "北京",
        "days": 3,
    }
    assert events[-3]["choices"][0]["finish_reason"] == "tool_calls"


def test_without_tools_the_switch_changes_nothing(caller: Caller) -> None:
    assert content(caller.reply("m;tools;chunks=1")) == "w1 "
    assert content(caller.reply("m;tools;chunks=1", tools=TOOLS, tool_choice="none")) == "w1 "


def test_extra_fields_follow_the_yunwang_document(caller: Caller) -> None:
    reply = caller.reply("m;extra=1;chunks=2")
    assert (reply["prefill_time"], reply["decode_time_arr"]) == (12, [3, 3])
    assert "prefill_time" in caller.stream("m;extra;chunks=1")[-3]


def test_text_completions_answer_each_prompt(caller: Caller) -> None:
    body = {"model": "m;chunks=2", "prompt": ["a b", "c"], "n": 2}
    reply = caller.post("/v1/completions", body).json()
    assert reply["object"] == "text_completion"
    assert [choice["text"] for choice in reply["choices"]] == ["w1 w2 "] * 4
    assert reply["usage"] == {"prompt_tokens": 3, "completion_tokens": 8, "total_tokens": 11}


def test_text_completions_stream_without_a_role(caller: Caller) -> None:
    body = {"model": "m;chunks=1", "prompt": [1, 2, 3], "stream": True}
    first, last, end, _ = caller.post("/completions", body).text.split("\n\n")
    assert json.loads(first[6:])["choices"] == [{"index": 0, "text": "w1 ", "logprobs": None, "finish_reason": None}]
    assert json.loads(last[6:])["choices"][0]["finish_reason"] == "stop"
    assert end == "data: [DONE]"


def test_a_prompt_must_be_text_or_tokens(caller: Caller) -> None:
    assert caller.post("/v1/completions", {"model": "m", "prompt": [{}]}).status_code == 400


def test_models_are_listed(caller: Caller) -> None:
    reply = caller.http.get("/v1/models").json()
    assert (reply["object"], reply["data"][0]["id"]) == ("list", "chat")
    assert caller.http.get("/v1/models", headers={"X-Sim": "status=401"}).status_code == 401


def test_switches_come_from_path_query_model_and_header_in_this_order(caller: Caller) -> None:
    path = "/sim;chunks=1;finish=path/v1/chat/completions?sim=chunks%3D2%3Btext%3Dq"
    body = {"model": "m", "messages": [{"content": "a"}]}
    reply = caller.post(path, body).json()
    assert (content(reply), reply["choices"][0]["finish_reason"]) == ("qq", "path")
    assert content(caller.post(path, {**body, "model": "m;chunks=3"}).json()) == "qqq"
    assert content(caller.post(path, {**body, "model": "m;chunks=3"}, X_Sim="text=%E5%A5%BD").json()) == "好好好"


def test_an_unknown_switch_is_refused_by_name(caller: Caller) -> None:
    response = caller.chat("m;chunk=3")
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "unknown switch 'chunk'"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(caller: Caller, body: bytes) -> None:
    assert caller.http.post("/v1/chat/completions", content=body).status_code == 400


def test_unknown_paths_and_methods_are_refused(caller: Caller) -> None:
    assert caller.post("/v1/nothing", {}).status_code == 404
    assert caller.http.get("/v1/chat/completions").status_code == 405
