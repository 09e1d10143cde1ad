from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from simulator_caller import events_of

if TYPE_CHECKING:
    from simulator_caller import Caller

TEXT = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL = "/api/v1/services/aigc/multimodal-generation/generation"
EMBEDDING = "/api/v1/services/embeddings/text-embedding/text-embedding"
RERANK = "/api/v1/services/rerank/text-rerank/text-rerank"
ASKED = {"messages": [{"role": "user", "content": "hello you"}]}
AS_MESSAGE = {"result_format": "message"}


def generate(caller: Caller, model: str, path: str = TEXT, asked: object = ASKED, **parameters: Any) -> Any:
    response = caller.post(path, {"model": model, "input": asked, "parameters": parameters})
    assert response.status_code == 200, response.text
    return response.json()


def stream(caller: Caller, model: str, path: str = TEXT, **parameters: Any) -> list[Any]:
    body = {"model": model, "input": ASKED, "parameters": parameters}
    return events_of(caller.post(path, body, X_DashScope_SSE="enable").content)


def test_text_is_the_old_format(caller: Caller) -> None:
    reply = generate(caller, "q;chunks=2", asked={"prompt": "hello"})
    assert reply["output"] == {"text": "w1 w2 ", "finish_reason": "stop"}
    assert reply["usage"] == {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    assert reply["request_id"]


def test_message_is_the_new_format(caller: Caller) -> None:
    reply = generate(caller, "q;chunks=2;reasoning=1", **AS_MESSAGE)
    message = {"role": "assistant", "content": "w1 w2 ", "reasoning_content": "r1 "}
    assert reply["output"]["choices"] == [{"index": 0, "finish_reason": "stop", "message": message}]


def test_parameters_cap_and_multiply(caller: Caller) -> None:
    choices = generate(caller, "q", max_tokens=1, n=2, **AS_MESSAGE)["output"]["choices"]
    assert [(c["message"]["content"], c["finish_reason"]) for c in choices] == [("w1 ", "length")] * 2


def test_multimodal_content_is_a_list_of_parts(caller: Caller) -> None:
    reply = generate(caller, "q;chunks=1", MULTIMODAL)
    assert reply["output"]["choices"][0]["message"]["content"] == [{"text": "w1 "}]


def test_chat_completions_answers_a_native_body_natively(caller: Caller) -> None:
    asked = {"messages": [{"role": "user", "content": [{"video": "http://v"}, {"text": "what is it"}]}]}
    reply = generate(caller, "q;chunks=1", "/api/gpt/v1/chat/completions", asked)
    assert reply["output"]["choices"][0]["message"]["content"] == [{"text": "w1 "}]
    usage = {"input_tokens": 103, "output_tokens": 1, "total_tokens": 104, "video_tokens": 100}
    assert reply["usage"] == usage


def test_a_stream_is_cumulative(caller: Caller) -> None:
    events = stream(caller, "q;chunks=2")
    assert [e["output"] for e in events] == [
        {"text": "w1 ", "finish_reason": "null"},
        {"text": "w1 w2 ", "finish_reason": "null"},
        {"text": "w1 w2 ", "finish_reason": "stop"},
    ]
    assert [e["usage"]["output_tokens"] for e in events] == [1, 2, 2]


def test_a_stream_is_incremental_if_asked(caller: Caller) -> None:
    events = stream(caller, "q;chunks=2", incremental_output=True, **AS_MESSAGE)
    contents = [e["output"]["choices"][0]["message"]["content"] for e in events]
    assert contents == ["w1 ", "w2 ", ""]


def test_events_carry_id_event_and_status(caller: Caller) -> None:
    body = {"model": "q;chunks=1", "input": ASKED}
    raw = caller.post(TEXT, body, X_DashScope_SSE="enable").text
    assert raw.startswith("id:1\nevent:result\n:HTTP_STATUS/200\ndata:{")
    assert "[DONE]" not in raw


def test_errors_have_the_native_shape(caller: Caller) -> None:
    response = caller.post(TEXT, {"model": "q;key=k", "input": ASKED})
    assert response.status_code == 401
    assert (response.json()["code"], response.json()["message"]) == ("InvalidApiKey", "Invalid API-KEY")
    events = stream(caller, "q;chunks=3;error_at=1")
    assert ("output" in events[0], events[1]["code"], len(events)) == (True, "InternalError", 2)


@pytest.mark.parametrize(
    ("usage", "told"), [("none", [0, 0, 0]), ("first", [1, 0, 0]), ("each", [1, 1, 1]), ("odd", [1, 0, 0])]
)
def test_usage_switches_hold_here_too(caller: Caller, usage: str, told: list[int]) -> None:
    assert ["usage" in e for e in stream(caller, f"q;chunks=2;usage={usage}")] == [bool(t) for t in told]


def test_usage_only_has_no_choices(caller: Caller) -> None:
    (event,) = stream(caller, "q;usage=only;completion=4", **AS_MESSAGE)
    assert (event["output"]["choices"], event["usage"]["output_tokens"]) == ([], 4)


def test_tools_are_called_natively(caller: Caller) -> None:
    tools = [{"type": "function", "function": {"name": "weather"}}]
    choice = generate(caller, "q;tools", tools=tools, **AS_MESSAGE)["output"]["choices"][0]
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "weather"


def test_embeddings_are_native(caller: Caller) -> None:
    body = {"model": "e", "input": {"texts": ["a", "b c"]}, "parameters": {"dimension": 4}}
    reply = caller.post(EMBEDDING, body).json()
    assert [item["text_index"] for item in reply["output"]["embeddings"]] == [0, 1]
    assert len(reply["output"]["embeddings"][0]["embedding"]) == 4
    assert reply["usage"] == {"total_tokens": 3}


def test_rerank_is_native(caller: Caller) -> None:
    parameters = {"return_documents": True, "top_n": 1}
    body = {"model": "r", "input": {"query": "天气", "documents": ["股票", "天气"]}, "parameters": parameters}
    reply = caller.post(RERANK, body).json()
    (result,) = reply["output"]["results"]
    assert (result["index"], result["document"]) == (1, {"text": "天气"})
    assert reply["usage"] == {"total_tokens": 9}


def test_a_native_stream_can_be_empty(caller: Caller) -> None:
    assert stream(caller, "q;empty") == []
