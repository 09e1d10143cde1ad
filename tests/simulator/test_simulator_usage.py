from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from simulator_caller import Caller


def usages(events: list[Any]) -> list[Any]:
    return [e.get("usage") for e in events if e != "[DONE]"]


def completions(events: list[Any]) -> list[int | None]:
    return [usage and usage["completion_tokens"] for usage in usages(events)]


@pytest.mark.parametrize(
    ("text", "tokens"), [("one two  three", 3), ("你好", 3), ("你好 world", 4), ("", 1), ("ひら 한글", 6)]
)
def test_words_and_cjk_characters_are_counted(caller: Caller, text: str, tokens: int) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}
    assert caller.post("/v1/chat/completions", body).json()["usage"]["prompt_tokens"] == tokens


def test_counts_can_be_given(caller: Caller) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 77, "total_tokens": 1077}
    assert caller.reply("m;prompt=1000;completion=77")["usage"] == usage
    assert caller.stream("m;prompt=1000;completion=77")[-2]["usage"] == usage


def test_usage_none_is_told_nowhere(caller: Caller) -> None:
    assert "usage" not in caller.reply("m;usage=none")
    assert set(usages(caller.stream("m;usage=none"))) == {None}


def test_usage_odd_stands_in_a_middle_chunk_only(caller: Caller) -> None:
    assert completions(caller.stream("m;usage=odd;chunks=3")) == [None, None, 3, None, None]


def test_usage_each_grows(caller: Caller) -> None:
    assert completions(caller.stream("m;usage=each;chunks=3")) == [0, 1, 2, 3, 3]
    assert completions(caller.stream("m;usage=each;chunks=3;completion=30")) == [0, 10, 20, 30, 30]


def test_usage_first_stands_in_the_first_chunk_only(caller: Caller) -> None:
    assert completions(caller.stream("m;usage=first;chunks=2")) == [2, None, None, None]


def test_usage_last_is_the_habit(caller: Caller) -> None:
    assert completions(caller.stream("m;usage=last;chunks=2")) == [None, None, None, None, 2]


def test_usage_only_says_nothing_else(caller: Caller) -> None:
    events = caller.stream("m;usage=only;completion=5", include_usage=False)
    assert [event if event == "[DONE]" else event["choices"] for event in events] == [[], "[DONE]"]
    assert completions(events) == [5]
    reply = caller.reply("m;usage=only")
    assert (reply["choices"], reply["usage"]["completion_tokens"]) == ([], 0)


@pytest.mark.parametrize(
    ("shape", "usage"),
    [
        ("openai", {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}),
        ("input_output", {"input_tokens": 4, "output_tokens": 2}),
        ("total", {"total_tokens": 6}),
    ],
)
def test_usage_has_several_shapes(caller: Caller, shape: str, usage: dict[str, int]) -> None:
    model = f"m;chunks=2;usage_shape={shape}"
    assert caller.reply(model)["usage"] == usage
    assert caller.stream(model)[-2]["usage"] == usage
