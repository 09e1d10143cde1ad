"""DashScope's SDK on its native paths, streamed and whole, against models of any vendor."""

import asyncio
from typing import Any

import dashscope
import pytest

WORDS = "w1 w2 w3 w4 w5 w6 w7 w8 "
QUERY = "How do I reset my password?"
DOCUMENTS = ["It rains.", "To reset your password, open the settings.", "Bananas are rich in potassium."]
MESSAGES = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "你好 world"}]
PICTURES = [
    {
        "role": "user",
        "content": [{"image": "https://example.com/cat.png"}, {"text": "这是什么?"}],
    }
]


@pytest.fixture(autouse=True)
def the_gateway_is_its_server(target: Any) -> None:
    dashscope.base_http_api_url = f"{target.url}/api/v1"
    dashscope.api_key = target.key


def ok(response: Any) -> Any:
    assert response.status_code == 200, response
    assert response.request_id
    return response


# --- generation --------------------------------------------------------------------------------------
def test_a_prompt_is_answered_by_a_text(target: Any) -> None:
    response = ok(dashscope.Generation.call(model=target.models["chat"], prompt="你好 world"))
    assert (response.output.text, response.output.finish_reason) == (WORDS, "stop")
    assert response.usage.output_tokens == 8


def test_messages_are_answered_by_a_message(target: Any) -> None:
    response = ok(
        dashscope.Generation.call(
            model=target.models["chat"], messages=MESSAGES, result_format="message", temperature=0.5, seed=7
        )
    )
    assert response.output.choices[0].message.content == WORDS


@pytest.mark.parametrize("is_incremental", [False, True])
def test_a_stream_adds_up(target: Any, is_incremental: bool) -> None:
    stream = dashscope.Generation.call(
        model=target.models["chat"],
        messages=MESSAGES,
        result_format="message",
        stream=True,
        incremental_output=is_incremental,
    )
    responses = [ok(response) for response in stream]
    said = [response.output.choices[0].message.content for response in responses]
    assert ("".join(said) if is_incremental else said[-1]) == WORDS
    assert responses[-1].output.choices[0].finish_reason == "stop"
    assert responses[-1].usage.output_tokens == 8


def test_thinking_is_told_apart(target: Any) -> None:
    stream = dashscope.Generation.call(
        model=target.models["thinking"],
        messages=MESSAGES,
        result_format="message",
        stream=True,
        incremental_output=True,
        enable_thinking=True,
    )
    messages = [ok(response).output.choices[0].message for response in stream]
    assert "".join(message.get("reasoning_content") or "" for message in messages) == "r1 r2 r3 "
    assert "".join(message.get("content") or "" for message in messages) == WORDS


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_tool_is_called(target: Any, is_streamed: bool) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    answer = dashscope.Generation.call(
        model=target.models["tools"], messages=MESSAGES, tools=tools, result_format="message", stream=is_streamed
    )
    last = ok([*answer][-1] if is_streamed else answer)
    [call] = last.output.choices[0].message.tool_calls
    assert call["function"]["name"] == "weather"
    assert "北京" in call["function"]["arguments"]


def test_the_async_class_answers_and_streams(target: Any) -> None:
    async def both() -> tuple[str, str]:
        asked = {"model": target.models["chat"], "messages": MESSAGES, "result_format": "message"}
        whole = ok(await dashscope.AioGeneration.call(**asked))
        stream = await dashscope.AioGeneration.call(**asked, stream=True, incremental_output=True)
        pieces = [ok(response).output.choices[0].message.content async for response in stream]
        return whole.output.choices[0].message.content, "".join(pieces)

    assert asyncio.run(both()) == (WORDS, WORDS)


# --- multimodal --------------------------------------------------------------------------------------
def test_pictures_are_answered_in_parts(target: Any) -> None:
    response = ok(dashscope.MultiModalConversation.call(model=target.models["chat"], messages=PICTURES))
    assert response.output.choices[0].message.content == [{"text": WORDS}]


def test_pictures_are_answered_by_a_stream(target: Any) -> None:
    stream = dashscope.MultiModalConversation.call(
        model=target.models["chat"], messages=PICTURES, stream=True, incremental_output=True
    )
    parts = [part for response in stream for part in ok(response).output.choices[0].message.content]
    assert "".join(part["text"] for part in parts) == WORDS


# --- embedding and rerank ----------------------------------------------------------------------------
def test_texts_are_embedded(target: Any) -> None:
    response = ok(dashscope.TextEmbedding.call(model=target.models["embedding"], input=["你好", "world"]))
    assert [row["text_index"] for row in response.output["embeddings"]] == [0, 1]
    assert len(response.output["embeddings"][0]["embedding"]) == 8
    one = ok(dashscope.TextEmbedding.call(model=target.models["embedding"], input="你好", dimension=4))
    assert len(one.output["embeddings"][0]["embedding"]) == 4


def test_documents_are_ranked(target: Any) -> None:
    response = ok(
        dashscope.TextReRank.call(
            model=target.models["rerank"], query=QUERY, documents=DOCUMENTS, top_n=2, return_documents=True
        )
    )
    best, second = response.output.results
    assert best.index == 1
    assert best["document"]["text"] == DOCUMENTS[1]  # the class answers .document with None, whatever came
    assert best.relevance_score > second.relevance_score


# --- errors ------------------------------------------------------------------------------------------
def test_errors_have_a_status_a_code_and_a_message(target: Any) -> None:
    def refused(status: int, **fields: Any) -> Any:
        response = dashscope.Generation.call(**{"model": target.models["chat"], "messages": MESSAGES, **fields})
        assert response.status_code == status
        assert response.request_id
        assert response.message
        return response.code

    assert refused(401, api_key="sk-wrong") == "InvalidApiKey"
    assert refused(404, model="nobody")
    assert refused(400, max_tokens=0)
    [answer] = dashscope.Generation.call(model="nobody", messages=MESSAGES, stream=True)
    assert answer.status_code == 404
    assert answer.message


def test_a_stream_that_breaks_off_ends_in_an_error(target: Any) -> None:
    stream = dashscope.Generation.call(
        model=target.models["cut"], messages=MESSAGES, result_format="message", stream=True, incremental_output=True
    )
    *told, last = stream
    assert "".join(ok(response).output.choices[0].message.content for response in told) == "w1 w2 "
    assert (last.status_code, last.code) == (502, "InternalError.Upstream")
    assert "broke off" in last.message
