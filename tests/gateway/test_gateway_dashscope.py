"""通义千问 and 火山引擎 over HTTP: embeddings in parts on one bill, native rerank, implied parameter ranges."""

import base64
import struct
from typing import Any

import pytest
from gateway_desk import Caller

INPUTS = [f"句子 {number}" for number in range(25)]


def endpoint_of(caller: Caller, path: str, model: str = "x") -> dict[str, Any]:
    return {"vendor": "dashscope", "inference_url": f"{caller.desk.simulator.url}{path}", "model": model}


def embedding_model(caller: Caller, upstream_model: str) -> str:
    endpoint = endpoint_of(caller, "/compatible-mode/v1", upstream_model)
    return caller.desk.model([endpoint], kind="embedding", price={"input": "1"})


@pytest.mark.parametrize("count", [1, 10, 11, 25])
def test_many_inputs_go_in_parts_and_come_back_in_order_on_one_bill(caller: Caller, count: int) -> None:
    name = f"embed-{count};max_inputs=10"
    model = embedding_model(caller, name)
    one_by_one = [
        caller.post("/v1/embeddings", {"model": model, "input": text}).json()["data"][0]["embedding"]
        for text in INPUTS[:count]
    ]
    before = len(caller.desk.asked(name))
    answer = caller.post("/v1/embeddings", {"model": model, "input": INPUTS[:count]})
    body = answer.json()
    assert [row["index"] for row in body["data"]] == list(range(count))
    assert [row["embedding"] for row in body["data"]] == one_by_one
    asked = caller.desk.asked(name)[before:]
    assert [len(one.json["input"]) for one in asked] == [10] * (count // 10) + [count % 10] * bool(count % 10)
    record = caller.record(answer.headers["X-Request-Id"])
    assert record.prompt_tokens == body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"]
    assert (record.usage_source, record.cost_nano) == ("upstream", record.prompt_tokens * 1000)


def test_base64_is_answered_from_parts_too(caller: Caller) -> None:
    model = embedding_model(caller, "embed")
    asked = {"model": model, "input": INPUTS, "encoding_format": "base64"}
    rows = caller.post("/v1/embeddings", asked).json()["data"]
    floats = caller.post("/v1/embeddings", {"model": model, "input": INPUTS}).json()["data"]
    for row, expected in zip(rows, floats, strict=True):
        packed = base64.b64decode(row["embedding"])
        assert list(struct.unpack(f"<{len(packed) // 4}f", packed)) == pytest.approx(expected["embedding"], rel=1e-6)


def test_a_part_that_fails_fails_the_call_and_nothing_is_charged(caller: Caller) -> None:
    model = embedding_model(caller, "embed;status=500")
    answer = caller.post("/v1/embeddings", {"model": model, "input": INPUTS})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")
    assert caller.record(answer.headers["X-Request-Id"]).cost_nano == 0


def test_a_list_of_token_ids_is_one_input(caller: Caller) -> None:
    model = embedding_model(caller, "embed-ids")
    caller.post("/v1/embeddings", {"model": model, "input": list(range(30))})
    assert [one.json["input"] for one in caller.desk.asked("embed-ids")] == [list(range(30))]


def test_rerank_speaks_the_native_shape_and_answers_in_ours(caller: Caller) -> None:
    model = caller.desk.model([endpoint_of(caller, "/api/v1", "gte-rerank")], kind="rerank", probe=True)
    documents = ["股票行情", "海洋里的鱼", "大海"]
    asked = {"model": model, "query": "大海", "documents": documents, "top_n": 2, "return_documents": True}
    body = caller.post("/v1/rerank", asked).json()
    assert len(body["results"]) == 2
    assert body["results"][0] == {"index": 2, "relevance_score": body["results"][0]["relevance_score"],
                                  "document": {"text": "大海"}}  # fmt: skip
    sent = caller.desk.asked("gte-rerank")[-1]
    assert sent.path.endswith("/api/v1/services/rerank/text-rerank/text-rerank")
    assert sent.json["input"] == {"query": "大海", "documents": documents}
    assert sent.json["parameters"] == {"top_n": 2, "return_documents": True}
    assert caller.record().usage_source == "upstream"


def test_its_documented_ranges_are_checked_without_being_asked_for(caller: Caller) -> None:
    model = caller.desk.model([endpoint_of(caller, "/compatible-mode/v1", "chat")])
    refused = caller.chat(model, temperature=2)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "temperature")
    assert caller.chat(model, temperature=1.9, enable_thinking=True).status_code == 200


def test_a_system_message_stands_first_or_is_refused_before_anything_is_held(caller: Caller) -> None:
    model = caller.desk.model([endpoint_of(caller, "/compatible-mode/v1", "chat-roles")])
    system, user = {"role": "system", "content": "s"}, {"role": "user", "content": "u"}
    refused = caller.chat(model, messages=[user, system])
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "messages[1].role")
    native = {"model": model, "input": {"messages": [user, system]}}
    answer = caller.post("/api/v1/services/aigc/text-generation/generation", native)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")
    assert (caller.desk.asked("chat-roles"), caller.records(), caller.holds) == ([], 0, 0)
    assert caller.chat(model, messages=[system, user, user]).status_code == 200, "the rest is the vendor's to judge"


def test_tools_and_their_answers_are_messages_like_others(caller: Caller) -> None:
    model = caller.desk.model([endpoint_of(caller, "/compatible-mode/v1", "chat;tools")])
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    called = caller.chat(model, tools=tools).json()["choices"][0]["message"]
    asked = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, called]
    answered = {"role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "sunny"}
    assert caller.chat(model, messages=[*asked, answered]).status_code == 200


@pytest.mark.parametrize("upstream", ["qwen-vl-max", "qwen-long", "qwen2.5-14b-instruct"])
def test_a_search_is_refused_for_the_series_that_have_none(caller: Caller, upstream: str) -> None:
    endpoint = {"model": upstream, "parameter_profile": "qwen"}
    model = caller.desk.model([endpoint])
    refused = caller.chat(model, enable_search=True)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "enable_search")
    assert f"'{model}'" in refused.json()["error"]["message"]
    assert caller.chat(model, enable_search=False).status_code == 200
    free = caller.desk.model([{"model": upstream}])
    assert caller.chat(free, enable_search=True).status_code == 200, "no profile, no rule"


def test_a_search_of_a_commercial_model_is_passed_on(caller: Caller) -> None:
    model = caller.desk.model([endpoint_of(caller, "/compatible-mode/v1", "qwen-plus-search")])
    assert caller.chat(model, enable_search=True).status_code == 200
    assert caller.desk.asked("qwen-plus-search")[-1].json["enable_search"] is True


def test_ark_is_called_under_api_v3_and_its_fields_pass(caller: Caller) -> None:
    endpoint = {"vendor": "ark", "inference_url": f"{caller.desk.simulator.url}/api/v3", "model": "chat-ark"}
    model = caller.desk.model([endpoint], probe=True)
    answer = caller.chat(model, do_sample=False, repetition_penalty=1.1, temperature=2)
    assert answer.status_code == 200
    sent = caller.desk.asked("chat-ark")[-1]
    assert sent.path.endswith("/api/v3/chat/completions")
    assert (sent.json["do_sample"], sent.json["repetition_penalty"]) == (False, 1.1)
