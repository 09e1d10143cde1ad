"""The OpenAI SDK's higher helpers; its plain calls are tested in tests/gateway/test_gateway_sdk.py."""

from typing import Any

import openai
import pydantic
import pytest

WORDS = "w1 w2 w3 w4 w5 w6 w7 w8 "
MESSAGES: Any = [{"role": "user", "content": "你好 world"}]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city", "days"],
                "additionalProperties": False,
            },
        },
    }
]


class Forecast(pydantic.BaseModel):
    city: str


@pytest.fixture
def client(target: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=target.v1, api_key=target.key, max_retries=0)


def test_the_stream_helper_tells_events_and_the_whole(client: openai.OpenAI, target: Any) -> None:
    asked: Any = {"model": target.models["chat"], "messages": MESSAGES, "stream_options": {"include_usage": True}}
    with client.chat.completions.stream(**asked) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        whole = stream.get_final_completion()
    assert "".join(deltas) == whole.choices[0].message.content == WORDS
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 8


def test_a_tool_call_is_put_together_from_a_stream(client: openai.OpenAI, target: Any) -> None:
    with client.chat.completions.stream(model=target.models["tools"], messages=MESSAGES, tools=TOOLS) as stream:
        [call] = stream.get_final_completion().choices[0].message.tool_calls or []
    assert call.function.name == "weather"
    assert call.function.parsed_arguments == {"city": "北京", "days": 3}


def test_an_answer_is_parsed_into_a_model(client: openai.OpenAI, target: Any) -> None:
    answer = client.chat.completions.parse(model=target.models["json"], messages=MESSAGES, response_format=Forecast)
    assert answer.choices[0].message.parsed == Forecast(city="北京")


def test_raw_headers_show_the_bill(client: openai.OpenAI, target: Any) -> None:
    raw = client.chat.completions.with_raw_response.create(model=target.models["chat"], messages=MESSAGES)
    assert raw.headers["X-Request-Cost"] == "0.000072000"
    assert raw.parse().choices[0].message.content == WORDS
