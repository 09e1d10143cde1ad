"""DashScope's own paths over HTTP: asked and answered in its language, relayed and billed like any other call."""

import json
from itertools import pairwise
from typing import Any

import httpx
import pytest
from gateway_desk import CHAT, QUESTION, Caller, Desk

from inference.gateway.native.speech import FORMS

GENERATION = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL = "/api/v1/services/aigc/multimodal-generation/generation"
EMBEDDING = "/api/v1/services/embeddings/text-embedding/text-embedding"
RERANK = "/api/v1/services/rerank/text-rerank/text-rerank"
WORDS = "w1 w2 w3 w4 w5 w6 w7 w8 "
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
FILM = "https://example.com/film.mp4"
FILM_MESSAGES = [
    {"role": "system", "content": [{"text": "You are a helpful assistant."}]},
    {"role": "user", "content": [{"video": FILM, "fps": 2}, {"text": "这段视频介绍的是什么?"}]},
]


def ask(caller: Caller, model: str, path: str = GENERATION, given: Any = None, /, **parameters: Any) -> httpx.Response:
    body = {"model": model, "input": {"messages": QUESTION} if given is None else given, "parameters": parameters}
    return caller.post(path, body)


class Told:
    """A stream in DashScope's frames, read to its end."""

    def __init__(self, caller: Caller, model: str, path: str = GENERATION, /, **parameters: Any) -> None:
        self.is_incremental = parameters.get("incremental_output", False)
        body = {"model": model, "input": {"messages": QUESTION}, "parameters": parameters}
        self.response = caller.post(path, body, X_DashScope_SSE="enable")
        frames = [frame.split("\n") for frame in self.response.text.split("\n\n") if frame]
        self.comments = [frame[0] for frame in frames if frame[0].startswith(": ")]
        self.frames = [frame for frame in frames if frame[0].startswith("id:")]
        self.data: list[Any] = [json.loads(frame[-1].removeprefix("data:")) for frame in self.frames]

    @property
    def choices(self) -> list[Any]:
        return [choice for data in self.data for choice in data["output"]["choices"]]

    def whole(self, name: str = "content", index: int = 0) -> str:
        """What one choice said: all its pieces, or where each event repeats what was said, the last."""
        pieces = [one["message"].get(name) or "" for one in self.choices if one["index"] == index]
        return "".join(pieces) if self.is_incremental else pieces[-1]


# --- text generation ---------------------------------------------------------------------------------
@pytest.mark.parametrize("vendor", ["openai_compatible", "dashscope", "ollama"])
def test_messages_are_answered_as_one_text_and_billed(caller: Caller, vendor: str) -> None:
    model = caller.desk.model(vendor=vendor)
    answer = ask(caller, model)
    body = answer.json()
    assert body["output"] == {"text": WORDS, "finish_reason": "stop"}
    assert body["usage"] == {"input_tokens": 4, "output_tokens": 8, "total_tokens": 12}
    assert body["request_id"] == answer.headers["X-Request-Id"]
    record = caller.record(body["request_id"])
    assert (record.operation, record.streamed, record.cost_nano) == ("chat", False, 4 * 2000 + 8 * 8000)
    assert answer.headers["X-Request-Cost"] == "0.000072000"


def test_result_format_message_has_choices(caller: Caller, chat_model: str) -> None:
    output = ask(caller, chat_model, result_format="message").json()["output"]
    message = {"role": "assistant", "content": WORDS}
    assert output == {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}


def test_a_prompt_follows_the_messages_as_the_users(caller: Caller) -> None:
    model = caller.desk.model("chat-prompt")
    ask(caller, model, GENERATION, {"messages": QUESTION, "prompt": "再见"})
    ask(caller, model, GENERATION, {"prompt": "你好"})
    both, alone = [one.json["messages"] for one in caller.desk.asked("chat-prompt")]
    assert both == [*QUESTION, {"role": "user", "content": "再见"}]
    assert alone == [{"role": "user", "content": "你好"}]


def test_parameters_go_upstream_but_none_replaces_the_request(caller: Caller) -> None:
    model = caller.desk.model("chat-parameters")
    passed = {"temperature": 0.5, "top_p": 0.8, "top_k": 20, "seed": 7, "stop": ["x"], "max_tokens": 3,
              "presence_penalty": 0.1, "enable_search": True, "enable_thinking": False}  # fmt: skip
    foreign = {"model": "other", "messages": [], "stream": True, "input": "x"}
    body = ask(caller, model, **passed, **foreign, result_format="text", incremental_output=True).json()
    assert (body["output"]["text"], body["output"]["finish_reason"]) == ("w1 w2 w3 ", "length")
    sent = caller.desk.asked("chat-parameters")[-1].json
    assert sent == {**passed, "model": "chat-parameters", "messages": QUESTION, "stream": False}


def test_thinking_tools_and_several_choices_are_told(caller: Caller) -> None:
    thinking = ask(caller, caller.desk.model("chat;reasoning=2"), result_format="message").json()
    assert thinking["output"]["choices"][0]["message"]["reasoning_content"] == "r1 r2 "
    assert thinking["usage"]["output_tokens_details"] == {"reasoning_tokens": 2}
    called = ask(caller, caller.desk.model("chat;tools"), tools=TOOLS).json()["output"]["choices"][0]
    assert (called["finish_reason"], called["message"]["content"]) == ("tool_calls", "")
    assert called["message"]["tool_calls"][0]["function"]["name"] == "weather"
    two = ask(caller, caller.desk.model("chat;chunks=1"), n=2).json()
    assert [choice["message"]["content"] for choice in two["output"]["choices"]] == ["w1 ", "w1 "]
    assert two["usage"]["output_tokens"] == 2


def test_another_endpoint_answers_where_the_first_fails(caller: Caller) -> None:
    second = {"vendor": "dashscope", "inference_url": f"{caller.desk.simulator.url}/compatible-mode/v1"}
    model = caller.desk.model([{"model": "chat;status=500"}, {**second, "model": "chat", "priority": 1}])
    assert ask(caller, model).json()["output"]["text"] == WORDS


def test_a_model_that_only_streams_is_collected(caller: Caller) -> None:
    model = caller.desk.model("chat;stream_only;reasoning=1", stream_only=True)
    choice = ask(caller, model, result_format="message").json()["output"]["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": WORDS, "reasoning_content": "r1 "}


def test_usage_nobody_told_is_counted_and_told_as_it_is_billed(caller: Caller) -> None:
    body = ask(caller, caller.desk.model("chat;usage=none")).json()
    record = caller.record(body["request_id"])
    assert record.usage_source == "counted"
    used = body["usage"]
    assert (used["input_tokens"], used["output_tokens"]) == (record.prompt_tokens, record.completion_tokens)


# --- streams -----------------------------------------------------------------------------------------
def test_pieces_are_told_one_after_the_other_and_the_last_event_bills(caller: Caller) -> None:
    told = Told(caller, caller.desk.model("chat;chunk_ms=5"), result_format="message", incremental_output=True)
    assert told.response.headers["content-type"].startswith("text/event-stream")
    assert told.whole() == WORDS
    assert len(told.frames) > 2
    for number, frame in enumerate(told.frames, start=1):
        assert frame[:3] == [f"id:{number}", "event:result", ":HTTP_STATUS/200"]
    assert {choice["finish_reason"] for choice in told.choices[:-1]} == {"null"}
    assert told.choices[-1]["finish_reason"] == "stop"
    assert told.data[-1]["usage"] == {"input_tokens": 4, "output_tokens": 8, "total_tokens": 12}
    assert told.comments[-1].startswith(": cost=0.000072000 balance=")
    record = caller.record(told.response.headers["X-Request-Id"])
    assert {data["request_id"] for data in told.data} == {record.pk}
    assert (record.streamed, record.outcome, record.cost_nano) == (True, "success", 72_000)


def test_without_incremental_output_each_event_repeats_what_was_said(caller: Caller) -> None:
    told = Told(caller, caller.desk.model("chat;chunk_ms=5"))
    texts = [data["output"]["text"] for data in told.data]
    assert len(texts) > 2
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert (texts[-1], told.data[-1]["output"]["finish_reason"]) == (WORDS, "stop")


@pytest.mark.parametrize("incremental", [True, False])
def test_thinking_and_tools_are_streamed(caller: Caller, incremental: bool) -> None:
    form = {"result_format": "message", "incremental_output": incremental}
    thinking = Told(caller, caller.desk.model("chat;reasoning=3"), **form)
    assert (thinking.whole("reasoning_content"), thinking.whole()) == ("r1 r2 r3 ", WORDS)
    called = Told(caller, caller.desk.model("chat;tools"), tools=TOOLS, **form)
    assert called.choices[-1]["finish_reason"] == "tool_calls"
    spoken = called.choices if incremental else called.choices[-1:]
    functions = [call["function"] for choice in spoken for call in choice["message"].get("tool_calls", [])]
    assert "".join(function["name"] for function in functions) == "weather"
    assert json.loads("".join(function["arguments"] for function in functions)) == {"city": "北京", "days": 3}


@pytest.mark.parametrize("incremental", [True, False])
def test_several_choices_are_streamed_side_by_side(caller: Caller, incremental: bool) -> None:
    told = Told(caller, caller.desk.model("chat;chunks=2"), n=2, incremental_output=incremental)
    assert [told.whole(index=index) for index in (0, 1)] == ["w1 w2 ", "w1 w2 "]
    assert [choice["finish_reason"] for choice in told.data[-1]["output"]["choices"]] == ["stop", "stop"]
    assert told.data[-1]["usage"]["output_tokens"] == 4


def test_tags_of_thinking_are_lifted_in_a_stream(caller: Caller) -> None:
    model = caller.desk.model([{"model": "chat;think", "thinking": "lift"}])
    told = Told(caller, model, result_format="message", incremental_output=True)
    assert (told.whole("reasoning_content").strip(), told.whole().strip()) == ("hmm", WORDS.strip())


@pytest.mark.parametrize("fault", ["cut=3", "error_at=3;status_body=kaputt"])
def test_a_stream_that_breaks_off_ends_with_the_bill_and_an_error_event(caller: Caller, fault: str) -> None:
    told = Told(caller, caller.desk.model(f"chat;chunk_ms=5;{fault}"), incremental_output=True)
    assert told.response.status_code == 200
    assert told.frames[-1][1:4] == ["event:error", ":HTTP_STATUS/502", "status:502"]
    assert set(told.data[-1]) == {"code", "message", "request_id"}
    assert told.data[-1]["code"] == "InternalError.Upstream"
    assert told.comments[-1].startswith(": cost=")
    assert caller.record().outcome == "broken_off"


def test_a_stream_that_never_begins_is_refused_with_its_status(caller: Caller) -> None:
    told = Told(caller, caller.desk.model("chat;status=500"))
    assert (told.response.status_code, told.response.json()["code"]) == (502, "InternalError.Upstream")
    assert caller.record().cost_nano == 0


def test_what_is_no_event_of_the_answer_does_not_get_through(caller: Caller) -> None:
    told = Told(caller, caller.desk.model("chat;badutf8;crlf;comment"), result_format="message")
    assert told.choices[-1]["finish_reason"] == "stop"
    assert all(frame[1] == "event:result" for frame in told.frames)


# --- embedding and rerank ----------------------------------------------------------------------------
@pytest.mark.parametrize("vendor", ["openai_compatible", "dashscope"])
def test_embeddings_come_in_the_order_of_the_texts(caller: Caller, vendor: str) -> None:
    model = caller.desk.model("embed", kind="embedding", vendor=vendor, price={"input": "1"})
    texts = [f"句子 {number}" for number in range(25)]
    answer = ask(caller, model, EMBEDDING, {"texts": texts}, dimension=4, text_type="query", output_type="dense")
    body = answer.json()
    ours = caller.post("/v1/embeddings", {"model": model, "input": texts, "dimensions": 4}).json()
    rows = body["output"]["embeddings"]
    assert [row["text_index"] for row in rows] == list(range(25))
    assert [row["embedding"] for row in rows] == [row["embedding"] for row in ours["data"]]
    assert len(rows[0]["embedding"]) == 4
    record = caller.record(body["request_id"])
    assert body["usage"] == {"total_tokens": record.prompt_tokens}
    assert (record.operation, record.cost_nano) == ("embeddings", record.prompt_tokens * 1000)


@pytest.mark.parametrize(
    ("vendor", "path"), [("openai_compatible", "/v1"), ("dashscope", "/api/v1"), ("yuanjing", "/openapi/bge/v1")]
)
def test_rerank_answers_alike_whoever_ranks(caller: Caller, vendor: str, path: str) -> None:
    model = caller.desk.model("rerank", kind="rerank", vendor=vendor, path=path)
    documents = ["股票行情", "海洋里的鱼", "大海"]
    given = {"query": "大海", "documents": documents}
    body = ask(caller, model, RERANK, given, top_n=2, return_documents=True).json()
    results = body["output"]["results"]
    assert len(results) == 2
    assert (results[0]["index"], results[0]["document"]) == (2, {"text": "大海"})
    assert results[0]["relevance_score"] > results[1]["relevance_score"]
    record = caller.record(body["request_id"])
    assert (record.operation, body["usage"]) == ("rerank", {"total_tokens": record.prompt_tokens})


# --- pictures and films ------------------------------------------------------------------------------
def test_parts_reach_any_upstream_in_openais_form(caller: Caller) -> None:
    model = caller.desk.model("chat-parts")
    frames = ["https://example.com/1.jpg", "https://example.com/2.jpg"]
    content = [{"image": "https://example.com/a.png"}, {"video": frames}, {"audio": "https://example.com/a.mp3"},
               {"type": "text", "text": "as OpenAI says it"}]  # fmt: skip
    ask(caller, model, MULTIMODAL, {"messages": [*FILM_MESSAGES, {"role": "user", "content": content}]})
    first, film, others = [one["content"] for one in caller.desk.asked("chat-parts")[-1].json["messages"]]
    assert first == [{"type": "text", "text": "You are a helpful assistant."}]
    assert film[0] == {"type": "video_url", "video_url": {"url": FILM}, "fps": 2}
    assert others == [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "video", "video": frames},
        {"type": "input_audio", "input_audio": {"data": "https://example.com/a.mp3"}},
        {"type": "text", "text": "as OpenAI says it"},
    ]


@pytest.mark.parametrize("path", [MULTIMODAL, CHAT, "/chat/completions"])
def test_a_film_is_answered_in_parts_and_its_tokens_are_part_of_the_input(caller: Caller, path: str) -> None:
    answer = caller.post(path, {"model": caller.desk.model(), "input": {"messages": FILM_MESSAGES}})
    body = answer.json()
    message = {"role": "assistant", "content": [{"text": WORDS}]}
    assert body["output"] == {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    used = body["usage"]
    assert (used["video_tokens"], used["output_tokens"]) == (100, 8)
    assert used["input_tokens"] > used["video_tokens"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert caller.record().cost_nano == used["input_tokens"] * 2000 + 8 * 8000


def test_parts_are_streamed_too(caller: Caller) -> None:
    told = Told(caller, caller.desk.model(), MULTIMODAL, incremental_output=True)
    pieces = [part["text"] for choice in told.choices for part in choice["message"]["content"]]
    assert "".join(pieces) == WORDS
    assert told.choices[-1]["message"]["content"] == []


def test_on_chat_completions_parameters_may_stand_beside_the_input(caller: Caller) -> None:
    model = caller.desk.model("chat-beside")
    body = {"model": model, "input": {"messages": QUESTION}, "max_tokens": 2, "stream": False}
    assert caller.post(CHAT, body).json()["usage"]["output_tokens"] == 2
    assert caller.post(CHAT, {**body, "parameters": {"max_tokens": 1}}).json()["usage"]["output_tokens"] == 1
    assert caller.desk.asked("chat-beside")[-1].json["stream"] is False


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": {"messages": QUESTION}, "stream": True}, "stream"),
        ({"input": {"messages": 5}}, "input.messages"),
        ({"input": {"messages": QUESTION}, "parameters": []}, "parameters"),
        ({"input": "你好"}, "messages"),
    ],
)
def test_errors_on_chat_completions_stay_openais(caller: Caller, chat_model: str, body: Any, param: str) -> None:
    answer = caller.post(CHAT, {"model": chat_model, **body})
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("invalid_request_error", param)


def test_messages_win_where_a_body_has_both(caller: Caller, chat_model: str) -> None:
    answer = caller.post(CHAT, {"model": chat_model, "messages": QUESTION, "input": {"messages": QUESTION}})
    assert answer.json()["object"] == "chat.completion"


# --- refusals ----------------------------------------------------------------------------------------
def refused(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"code", "message", "request_id"}
    assert body["message"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, body["code"]


@pytest.mark.parametrize("path", FORMS)
def test_every_path_wants_a_key_a_post_and_a_model(caller: Caller, path: str) -> None:
    assert refused(caller.desk.http.post(path, json={})) == (401, "InvalidApiKey")
    assert refused(caller.post(path, {})) == (400, "InvalidParameter")
    answer = caller.get(path)
    assert refused(answer) == (405, "MethodNotAllowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["x", "", "aigc/text-generation/generation/", "aigc/text2image/image-synthesis"])
def test_services_that_are_not_there_are_told_in_the_same_words(caller: Caller, path: str) -> None:
    assert refused(caller.post(f"/api/v1/services/{path}", {})) == (404, "InvalidURL")


@pytest.mark.parametrize("path", ["/api/v1/services", "/api/v1/models", "/v1/api/v1/services/x"])
def test_what_only_looks_like_a_service_is_not_taken_for_one(caller: Caller, path: str) -> None:
    assert caller.get(path).json().get("code") != "InvalidURL"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "input.messages"),
        ("你好", "input"),
        ({"messages": "你好"}, "input.messages"),
        ({"prompt": 5}, "input.prompt"),
        ({"messages": [5]}, "messages[0]"),
        ({"messages": [{"content": [5, {"text": 5}]}]}, "messages[0].role"),
        ({"prompt": "x", "history": []}, "input.history"),
    ],
)
def test_a_wrong_input_is_named(caller: Caller, chat_model: str, given: Any, word: str) -> None:
    answer = caller.post(GENERATION, {"model": chat_model, "input": given})
    assert refused(answer) == (400, "InvalidParameter")
    assert word in answer.json()["message"]


def test_wrong_parameters_are_named(caller: Caller, chat_model: str) -> None:
    answer = caller.post(GENERATION, {"model": chat_model, "input": {"prompt": "x"}, "parameters": 5})
    assert refused(answer) == (400, "InvalidParameter")
    embedding = caller.desk.model("embed", kind="embedding")
    answer = ask(caller, embedding, EMBEDDING, {"texts": ["x"]}, output_type="sparse")
    assert refused(answer) == (400, "InvalidParameter")
    qwen = caller.desk.model(vendor="dashscope")
    answer = ask(caller, qwen, temperature=2)
    assert refused(answer) == (400, "InvalidParameter")
    assert "temperature" in answer.json()["message"]


def test_an_asynchronous_task_is_refused_rather_than_answered_at_once(caller: Caller, chat_model: str) -> None:
    body = {"model": chat_model, "input": {"prompt": "x"}}
    answer = caller.post(GENERATION, body, X_DashScope_Async="enable")
    assert refused(answer) == (400, "InvalidParameter")
    assert "X-DashScope-Async" in answer.json()["message"]
    assert caller.records() == 0


def test_models_money_and_limits_refuse_as_everywhere(caller: Caller, desk: Desk, chat_model: str) -> None:
    assert refused(ask(caller, "nobody")) == (404, "ModelNotFound")
    assert refused(ask(caller, chat_model, RERANK, {"query": "x", "documents": ["x"]})) == (404, "ModelNotFound")
    assert refused(ask(desk.caller(yuan=0), chat_model)) == (402, "Arrearage")
    limited = desk.model(limits={"rpm": 1})
    assert ask(caller, limited).status_code == 200
    again = ask(caller, limited)
    assert refused(again) == (429, "Throttling.RateQuota")
    assert int(again.headers["Retry-After"]) > 0


def test_a_failure_upstream_costs_nothing(caller: Caller) -> None:
    answer = ask(caller, caller.desk.model("chat;status=500"))
    assert refused(answer) == (502, "InternalError.Upstream")
    assert answer.headers["X-Request-Cost"] == "0.000000000"
    caller.holds_nothing()
