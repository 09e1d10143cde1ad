"""The OpenAI SDK, as developers use it, against the gateway."""

import asyncio
from collections.abc import Iterator

import httpx
import openai
import pytest
from gateway_desk import QUESTION, Caller, Desk

MESSAGES = [{"role": "user", "content": "你好 world"}]


@pytest.fixture
def client(caller: Caller) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{caller.desk.url}/v1",
        api_key=caller.secret,
        max_retries=0,
        http_client=httpx.Client(trust_env=False),
    ) as client:
        yield client


def test_chat_answers(client: openai.OpenAI, chat_model: str) -> None:
    reply = client.chat.completions.create(model=chat_model, messages=MESSAGES)
    assert reply.choices[0].message.content == "w1 w2 w3 w4 w5 w6 w7 w8 "
    assert reply.usage
    assert reply.usage.completion_tokens == 8


def test_chat_streams_with_and_without_usage(client: openai.OpenAI, chat_model: str) -> None:
    for asked in (False, True):
        options = {"stream_options": {"include_usage": True}} if asked else {}
        chunks = list(client.chat.completions.create(model=chat_model, messages=MESSAGES, stream=True, **options))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert text == "w1 w2 w3 w4 w5 w6 w7 w8 "
        assert bool(chunks[-1].usage) == asked


def test_the_sdk_reads_past_keepalive_comments(client: openai.OpenAI, desk: Desk) -> None:
    model = desk.model("chat;chunks=2;chunk_ms=400")
    assert len(list(client.chat.completions.create(model=model, messages=MESSAGES, stream=True))) >= 3


def test_completions_answer(client: openai.OpenAI, chat_model: str) -> None:
    assert client.completions.create(model=chat_model, prompt="hi").choices[0].text.startswith("w1 ")


@pytest.mark.parametrize("switches", ["m;dims=6", "m;dims=6;base64=ignored"])
def test_embeddings_are_asked_for_as_base64_and_arrive_as_numbers(
    client: openai.OpenAI, desk: Desk, switches: str
) -> None:
    model = desk.model(switches, kind="embedding")
    reply = client.embeddings.create(model=model, input=["a", "b"])
    assert [len(row.embedding) for row in reply.data] == [6, 6]
    assert all(isinstance(number, float) for number in reply.data[0].embedding)


def test_models_are_listed_and_found(client: openai.OpenAI, chat_model: str) -> None:
    assert chat_model in {model.id for model in client.models.list()}
    assert client.models.retrieve(chat_model).owned_by == "model-console"


def test_errors_are_the_sdks_own(client: openai.OpenAI, desk: Desk, chat_model: str) -> None:
    def raised(kind: type[openai.APIStatusError], code: str, **fields: object) -> openai.APIStatusError:
        asked = {"model": chat_model, "messages": MESSAGES, **fields}
        with pytest.raises(kind) as caught:
            client.chat.completions.create(**asked)  # type: ignore[call-overload]
        assert caught.value.code == code
        assert caught.value.request_id
        assert caught.value.request_id.startswith("req_")
        return caught.value

    raised(openai.BadRequestError, "invalid_request_error", max_tokens="x")
    raised(openai.NotFoundError, "model_not_found", model="nobody")
    raised(openai.RateLimitError, "rate_limit_exceeded", model=desk.model("chat;status=429"))
    raised(openai.InternalServerError, "upstream_error", model=desk.model("chat;status=500"))
    raised(openai.BadRequestError, "invalid_request_error", model=desk.model("chat;status=422"))
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-wrong").models.list()
    poor = client.with_options(api_key=desk.caller(0).secret)
    with pytest.raises(openai.APIStatusError) as caught:
        poor.chat.completions.create(model=chat_model, messages=MESSAGES)
    assert (caught.value.status_code, caught.value.code) == (402, "insufficient_balance")


def test_an_error_in_the_middle_of_a_stream_is_raised(client: openai.OpenAI, desk: Desk) -> None:
    model = desk.model("chat;cut=2")
    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model=model, messages=MESSAGES, stream=True))
    assert "broke off" in str(caught.value)


def test_the_async_client_streams_many_at_once(caller: Caller, chat_model: str) -> None:
    secret = caller.secret

    async def all_of_them() -> list[int]:
        async with openai.AsyncOpenAI(
            base_url=f"{caller.desk.url}/v1",
            api_key=secret,
            max_retries=0,
            http_client=httpx.AsyncClient(trust_env=False),
        ) as client:

            async def one() -> int:
                stream = await client.chat.completions.create(model=chat_model, messages=QUESTION, stream=True)
                return len([chunk async for chunk in stream])

            return await asyncio.gather(*(one() for _ in range(20)))

    assert set(asyncio.run(all_of_them())) == {10}
