"""Answers as odd vendors give them: what they count for, and that they arrive."""

import json
from typing import Any

import pytest
from gateway_desk import Caller, Events
from gateway_servers import RawUpstream, events, http

CUSTOM_CALL = {"id": "c", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}
SPOKEN = {"id": "a", "data": "UklGRg==", "transcript": "hello there"}
MESSAGES: list[tuple[dict[str, Any], int]] = [
    ({"content": None, "tool_calls": [CUSTOM_CALL]}, 4),  # "runprint(1)"
    ({"content": None, "audio": SPOKEN}, 4),
    ({"content": "ok", "reasoning": "hello world"}, 4),
    ({"content": "ok", "reasoning": "hello world", "reasoning_content": "hello world"}, 4),  # twice the same
]


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    return json.dumps({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


@pytest.mark.parametrize(("message", "tokens"), MESSAGES)
def test_output_of_any_form_is_an_answer_and_counts_once(caller: Caller, message: dict[str, Any], tokens: int) -> None:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    with RawUpstream(http(json.dumps({"choices": [choice]}).encode())) as upstream:
        response = caller.chat(caller.desk.model([{"inference_url": upstream.url, "model": "x"}]))
    assert response.status_code == 200, response.text
    assert caller.record().completion_tokens == tokens


@pytest.mark.parametrize(("message", "tokens"), MESSAGES)
def test_it_is_and_does_in_a_stream_too(caller: Caller, message: dict[str, Any], tokens: int) -> None:
    with RawUpstream(events(chunk(message), chunk({}, "stop"), "[DONE]")) as upstream:
        answer = caller.stream(caller.desk.model([{"inference_url": upstream.url, "model": "x"}]))
    assert answer.is_done
    assert caller.record().completion_tokens == tokens


def test_a_character_escaped_in_two_halves_is_counted_and_passes_untouched(caller: Caller) -> None:
    halves = [chunk({"content": "HALF"}).replace("HALF", escape) for escape in ("\\ud83d", "\\ude00")]
    with RawUpstream(events(*halves, chunk({}, "stop"), "[DONE]")) as upstream:
        answer = caller.stream(caller.desk.model([{"inference_url": upstream.url, "model": "x"}]))
    assert answer.is_done
    assert answer.data[:2] == halves
    assert caller.record().completion_tokens == 1


def test_a_content_type_is_the_same_in_capitals(caller: Caller) -> None:
    stream = events(chunk({"content": "hi"}, "stop"), "[DONE]").replace(b"text/event-stream", b"Text/Event-Stream")
    with RawUpstream(stream) as upstream:
        assert caller.stream(caller.desk.model([{"inference_url": upstream.url, "model": "x"}])).text == "hi"


@pytest.mark.parametrize(
    ("path", "asked", "name"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}, "chat.completion.chunk"),
        ("/v1/completions", {"prompt": "hi"}, "text_completion"),
    ],
)
def test_the_usage_we_counted_comes_as_an_event_of_its_operation(
    caller: Caller, path: str, asked: dict[str, Any], name: str
) -> None:
    model = caller.desk.model("chat;usage=none")
    options = {"stream": True, "stream_options": {"include_usage": True}}
    answer = Events(caller.post(path, {"model": model, **asked, **options}))
    assert {event["object"] for event in answer.json} == {name}
    assert answer.json[-1]["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("asked", [{"n": 2}, {"n": 3}])
def test_an_upstream_may_give_fewer_choices_than_were_asked_for(caller: Caller, asked: dict[str, int]) -> None:
    with RawUpstream(events(chunk({"content": "one"}), chunk({}, "stop"))) as upstream:
        answer = caller.stream(caller.desk.model([{"inference_url": upstream.url, "model": "x"}]), **asked)
    assert answer.is_done


WELL_MEANT = [
    {"code": 0, "message": "success", "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
    {"code": 200, "msg": "OK"},
    {"code": "Success", "message": "ok"},
    {"status": "running", "message": "thinking"},
]


@pytest.mark.parametrize("event", WELL_MEANT)
def test_an_event_that_says_that_all_is_well_ends_no_stream(caller: Caller, event: dict[str, Any]) -> None:
    with RawUpstream(events(chunk({"content": "hi"}), json.dumps(event), chunk({}, "stop"), "[DONE]")) as upstream:
        answer = caller.stream(caller.desk.model([{"inference_url": upstream.url, "model": "x"}]))
    assert answer.is_done
    assert not answer.error


def choice_chunk(index: int, content: str, finish: str | None = None) -> str:
    return chunk({"content": content}, finish).replace('"index": 0', f'"index": {index}')


def test_a_stream_of_two_choices_is_whole_when_both_have_ended(caller: Caller) -> None:
    first_ended = [choice_chunk(0, "one"), choice_chunk(1, "tw"), choice_chunk(0, "", "stop")]
    with RawUpstream(events(*first_ended)) as upstream:
        answer = caller.stream(caller.desk.model([{"inference_url": upstream.url, "model": "x"}]), n=2)
    assert answer.error
    assert not answer.is_done
    with RawUpstream(events(*first_ended, choice_chunk(1, "o", "stop"))) as upstream:
        answer = caller.stream(caller.desk.model([{"inference_url": upstream.url, "model": "x"}]), n=2)
    assert answer.is_done
