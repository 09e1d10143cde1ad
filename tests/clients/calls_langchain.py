"""LangChain's OpenAI classes, with nothing but a base URL, a key and a model's name."""

import asyncio
from typing import Any

import openai
import pytest
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

WORDS = "w1 w2 w3 w4 w5 w6 w7 w8 "
MESSAGES = [SystemMessage("Be short."), HumanMessage("你好 world")]


@tool
def weather(city: str, days: int) -> str:
    """The weather of a city."""
    return f"{city}: {days} days of sun"


def chat(target: Any, model: str = "chat", **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model=target.models[model], base_url=target.v1, api_key=target.key, max_retries=0, **options)


def test_invoke_answers_with_usage(target: Any) -> None:
    answer = chat(target).invoke(MESSAGES)
    assert answer.text == WORDS
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] == 8
    assert answer.response_metadata["finish_reason"] == "stop"


def test_stream_comes_in_chunks_that_add_up(target: Any) -> None:
    chunks = list(chat(target, stream_usage=True).stream(MESSAGES))
    assert "".join(chunk.text for chunk in chunks) == WORDS
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert len(chunks) > 8
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 8


def test_many_stream_at_once(target: Any) -> None:
    async def text() -> str:
        return "".join([chunk.text async for chunk in chat(target).astream(MESSAGES)])

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(text() for _ in range(10)))

    assert asyncio.run(all_of_them()) == [WORDS] * 10


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_tool_is_called_and_its_result_sent_back(target: Any, is_streamed: bool) -> None:
    model = chat(target, "tools", streaming=is_streamed).bind_tools([weather])
    asked = model.invoke(MESSAGES)
    assert [(call["name"], call["args"]) for call in asked.tool_calls] == [("weather", {"city": "北京", "days": 3})]
    [call] = asked.tool_calls
    result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    assert chat(target).invoke([*MESSAGES, asked, result]).text == WORDS


def test_a_picture_is_part_of_a_message(target: Any) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    message = HumanMessage([{"type": "text", "text": "What is it?"}, picture])
    assert chat(target).invoke([message]).text == WORDS


def test_embeddings_are_of_texts_and_of_a_query(target: Any) -> None:
    # By default the class makes token numbers of the texts with OpenAI's own tokenizer, which it has to download.
    embeddings = OpenAIEmbeddings(
        model=target.models["embedding"],
        base_url=target.v1,
        api_key=target.key,
        check_embedding_ctx_length=False,
        max_retries=0,
    )
    near, far = embeddings.embed_documents(["今天天气很好", "invoice number 4711"])
    assert len(near) == len(far) == 8
    assert embeddings.embed_query("今天天气很好") == pytest.approx(near)


def test_an_error_is_raised(target: Any) -> None:
    with pytest.raises(openai.NotFoundError):
        ChatOpenAI(model="nobody", base_url=target.v1, api_key=target.key, max_retries=0).invoke(MESSAGES)
