"""DashScope's words and frames, without a server."""

from typing import Any

import orjson
import pytest

from billing.pricing import Usage
from inference.gateway.errors import KINDS, GatewayError
from inference.gateway.native import words
from inference.gateway.native.speech import FORMS, MULTIMODAL, Speech
from inference.gateway.requests import OPERATIONS

USED = Usage(10, 5)
COUNTED = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}], **more}


def said(frame: bytes) -> Any:
    return orjson.loads(frame.rpartition(b"data:")[2])


def test_every_error_has_a_word_of_its_own() -> None:
    assert set(words.CODES) == set(KINDS)
    assert len(set(words.CODES.values())) == len(KINDS)


def test_every_path_leads_to_an_operation() -> None:
    assert {form.operation for form in FORMS.values()} <= set(OPERATIONS)


def test_an_error_event_tells_its_status_twice() -> None:
    frame = words.event(3, b"{}", GatewayError("upstream_timeout", "late"))
    assert frame == b"id:3\nevent:error\n:HTTP_STATUS/504\nstatus:504\ndata:{}\n\n"


@pytest.mark.parametrize(
    ("told", "more"),
    [
        (None, {}),
        ("nonsense", {}),
        ({"prompt_tokens": 99, "completion_tokens": 99}, {}),
        ({"video_tokens": 7}, {"video_tokens": 7}),
        (
            {"prompt_tokens_details": {"image_tokens": 6, "cached_tokens": 1}},
            {"image_tokens": 6, "prompt_tokens_details": {"image_tokens": 6, "cached_tokens": 1}},
        ),
        (
            {"completion_tokens_details": {"reasoning_tokens": 2}},
            {"output_tokens_details": {"reasoning_tokens": 2}},
        ),
    ],
)
def test_usage_is_what_was_billed_with_the_parts_the_upstream_told(told: Any, more: dict[str, Any]) -> None:
    assert words.generation_usage(USED, told) == {**COUNTED, **more}


@pytest.mark.parametrize("choice", [{}, {"message": None}, {"message": {"content": None}}, {"message": []}])
def test_a_choice_that_says_nothing_is_an_empty_text(choice: dict[str, Any]) -> None:
    assert words.text_output(choice) == {"text": "", "finish_reason": "stop"}
    assert words.native_choice(choice, as_parts=True)["message"]["content"] == []


def test_what_arrives_together_is_told_together() -> None:
    speech = Speech(MULTIMODAL, "r-1")
    speech.canonical({"input": {"prompt": "x"}, "parameters": {"incremental_output": True}}, is_streamed=True)
    for content in ("a", "b"):
        speech.absorb(chunk(content))
    assert said(speech.flush())["output"]["choices"][0]["message"]["content"] == [{"text": "ab"}]
    assert speech.flush() == b"", "nothing new was said"
    speech.absorb(chunk("", "length"))
    speech.absorb({"choices": [], "usage": {"video_tokens": 3}})
    assert speech.flush() == b"", "the end is told with the bill"
    last = said(speech.end(USED))
    assert last["usage"] == {**COUNTED, "video_tokens": 3}
    assert last["output"]["choices"] == [
        {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": []}}
    ]


def test_an_upstream_that_forgets_why_it_ended_has_stopped() -> None:
    speech = Speech(MULTIMODAL, "r-1")
    speech.canonical({"input": {"prompt": "x"}}, is_streamed=True)
    speech.absorb(chunk("a"))
    speech.flush()
    assert said(speech.end(USED))["output"]["choices"][0]["finish_reason"] == "stop"
