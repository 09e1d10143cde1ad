"""A film by its address, as wcode's document wants it asked and answers it."""

import json
from typing import Any

import pytest

from models_registry.vendors import VENDORS
from models_registry.vendors.base import DialectError, Target, UsageSeen
from models_registry.vendors.film_chat import FilmChatDialect

DIALECT = FilmChatDialect()
TARGET = Target("chat", "qwen-vl-max", {"Authorization": "Bearer k"})
FILM = {"type": "video_url", "video_url": {"url": "https://h/f.mp4"}, "fps": 2}
ANSWER = {"finish_reason": "stop", "message": {"role": "assistant", "content": [{"text": "a "}, {"text": "film"}]}}


def sent(request: dict[str, Any], target: Target = TARGET) -> Any:
    return json.loads(DIALECT.build(request, target).body)


def asked(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "mine", "messages": [{"role": "user", "content": list(parts)}], **fields}


def test_every_part_beside_a_film_has_its_native_name() -> None:
    given = [
        FILM,
        {"type": "text", "text": "t"},
        {"type": "image_url", "image_url": {"url": "https://h/i.png"}},
        {"type": "video", "video": ["https://h/1.jpg"]},
        {"type": "input_audio", "input_audio": {"data": "https://h/a.mp3", "format": "mp3"}},
        {"type": ["unknown"]},
        "no part",
    ]
    assert sent(asked(*given))["input"]["messages"][0]["content"] == [
        {"video": "https://h/f.mp4", "fps": 2},
        {"text": "t"},
        {"image": "https://h/i.png"},
        {"video": ["https://h/1.jpg"]},
        {"audio": "https://h/a.mp3"},
        {"type": ["unknown"]},
        "no part",
    ]


def test_texts_become_parts_and_parameters_stand_in_their_place() -> None:
    request = asked(FILM, max_tokens=5, stream=False)
    request["messages"].insert(0, {"role": "system", "content": "s"})
    native = sent(request)
    assert native.keys() == {"model", "input", "parameters"}
    assert (native["model"], native["parameters"]) == ("qwen-vl-max", {"max_tokens": 5})
    assert native["input"]["messages"][0] == {"role": "system", "content": [{"text": "s"}]}
    assert "parameters" not in sent(asked(FILM))


@pytest.mark.parametrize(
    ("request_", "operation"),
    [
        (asked({"type": "text", "text": "t"}), "chat"),
        (asked({"type": "video", "video": ["https://h/1.jpg"]}), "chat"),
        (asked(FILM, stream=True), "chat"),
        ({"model": "mine", "prompt": "p", "messages": ["x"]}, "completions"),
    ],
)
def test_everything_else_stays_in_openais_shape(request_: dict[str, Any], operation: str) -> None:
    outgoing = sent(request_, Target(operation, "qwen-vl-max", {}))
    assert {name: outgoing[name] for name in request_ if name != "model"} == {
        name: value for name, value in request_.items() if name != "model"
    }


def test_a_native_answer_becomes_a_canonical_one() -> None:
    usage = {"output_tokens": 2, "video_tokens": 90, "input_tokens": 100}
    body = json.dumps({"output": {"choices": [ANSWER]}, "usage": usage, "request_id": "r"}).encode()
    reply = DIALECT.parse(body, {"model": "mine"}, "application/json")
    message = {"role": "assistant", "content": "a film"}
    assert reply.data == {
        "id": "r",
        "object": "chat.completion",
        "created": 0,
        "model": "mine",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 2,
            "total_tokens": 102,
            "prompt_tokens_details": {"video_tokens": 90},
        },
    }
    assert (reply.usage, reply.output_text) == (UsageSeen(100, 2), "a film")
    assert json.loads(reply.body or b"") == reply.data


def test_an_answer_in_openais_shape_is_left_as_it_is() -> None:
    body = b'{"choices": [{"message": {"role": "assistant", "content": "x"}}]}'
    assert DIALECT.parse(body, {"model": "mine"}, "").body == body


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"output": {}}',
        b'{"output": {"choices": []}}',
        b'{"output": {"choices": "x"}}',
        b'{"output": {"choices": [5, {"message": 5}]}}',
        b'{"output": {"choices": [{"message": {"content": []}}]}, "usage": 5}',
        b'{"code": "InvalidParameter", "message": "no film", "request_id": "r"}',
    ],
)
def test_what_is_no_answer_is_told_so(body: bytes) -> None:
    with pytest.raises(DialectError):
        DIALECT.parse(body, {"model": "mine"}, "")


def test_only_wcodes_vendor_has_this_dialect() -> None:
    """It shares the vendor with everything that speaks OpenAI's shape, so the profile of its document chooses it."""
    having = {slug for slug, vendor in VENDORS.items() if (llm := vendor.kinds.get("llm")) and llm.qwen_dialect}
    assert having == {"openai_compatible"}
