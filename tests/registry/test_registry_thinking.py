"""What stands between <think> tags becomes reasoning, wherever the stream was cut."""

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models_registry.vendors.base import Json, Reply
from models_registry.vendors.thinking import INDENT_MAX, Lifter, StreamLifter, lift_reply, lift_text

TABLE = [
    # text, content, reasoning
    ("<think>\nhmm</think>\n\nHello", "Hello", "\nhmm"),
    ("<think>\n\n</think>\n\n您好！", "您好！", "\n\n"),
    ("<think></think>Hello", "Hello", ""),
    (" \n<think>a</think> b ", "b ", "a"),
    ("<think>a", "", "a"),
    ("<think>a</thi", "", "a</thi"),
    ("<think>a</</think>b", "b", "a</"),
    ("<think>a<</think>", "", "a<"),
    ("<think>a</think>b</think><think>c", "b</think><think>c", "a"),
    ("<think><think>a</think>b", "b", "<think>a"),
    ("Hello <think>a</think>", "Hello <think>a</think>", ""),
    ("</think>a", "</think>a", ""),
    ("<thinking>a", "<thinking>a", ""),
    ("<thin", "<thin", ""),
    ("  ", "  ", ""),
    ("", "", ""),
    ("\n" * INDENT_MAX + "<think>a", "", "a"),
    ("\n" * (INDENT_MAX + 1) + "<think>a", "\n" * (INDENT_MAX + 1) + "<think>a", ""),
]
PIECES = st.sampled_from(["<think>", "</think>", "<", "</", "think", ">", " ", "\n", "a", "字", "<thi", "nk>", "</thi"])
TEXTS = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=8).map(lambda pieces: "<think>" + "".join(pieces) + "</think>\n\nend"),
)


def in_pieces(text: str, cuts: list[int]) -> list[str]:
    ends = sorted(min(cut, len(text)) for cut in cuts)
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


@pytest.mark.parametrize(("text", "content", "reasoning"), TABLE)
def test_the_beginning_is_lifted(text: str, content: str, reasoning: str) -> None:
    assert lift_text(text) == (content, reasoning)


@pytest.mark.parametrize(("text", "content", "reasoning"), TABLE)
def test_a_character_at_a_time_is_the_same(text: str, content: str, reasoning: str) -> None:
    lifter = Lifter()
    lifted = [*map(lifter.feed, text), lifter.flush()]
    assert "".join(one.content for one in lifted) == content
    assert "".join(one.reasoning for one in lifted) == reasoning


@given(TEXTS, st.lists(st.integers(0, 60), max_size=10))
@example("<think>a</think>\n\nb", [3, 10, 17, 18])
def test_any_cut_gives_what_the_whole_gives(text: str, cuts: list[int]) -> None:
    lifter = StreamLifter()
    events = [event(piece) for piece in in_pieces(text, cuts)]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    for one in events:
        before = orjson.dumps(one)
        assert lifter.lift(one) == (orjson.dumps(one) != before)
    assert said(events) == lift_text(text)
    assert lifter.rest() is None


@given(TEXTS, st.lists(st.integers(0, 60), max_size=10))
def test_a_stream_without_a_finish_owes_a_rest(text: str, cuts: list[int]) -> None:
    lifter = StreamLifter()
    events = [event(piece) for piece in in_pieces(text, cuts)]
    for one in events:
        lifter.lift(one)
    if rest := lifter.rest():
        events.append(rest)
    assert said(events) == lift_text(text)


@given(st.lists(st.tuples(st.integers(0, 2), PIECES), max_size=30))
def test_choices_are_lifted_each_for_itself(pieces: list[tuple[int, str]]) -> None:
    lifter = StreamLifter()
    events = [event(piece, index) for index, piece in pieces]
    for one in events:
        lifter.lift(one)
    if rest := lifter.rest():
        events.append(rest)
    for index in range(3):
        assert said(events, index) == lift_text("".join(piece for number, piece in pieces if number == index))


def event(piece: str, index: int = 0) -> Json:
    return {"id": "1", "choices": [{"index": index, "delta": {"content": piece}, "finish_reason": None}]}


def said(events: list[Json], index: int = 0) -> tuple[str, str]:
    deltas = [choice["delta"] for one in events for choice in one["choices"] if choice["index"] == index]
    names = ("content", "reasoning_content")
    content, reasoning = ("".join(delta.get(name) or "" for delta in deltas) for name in names)
    return content, reasoning


# --- events ------------------------------------------------------------------------------------------
def test_a_delta_says_null_until_the_answer_begins() -> None:
    lifter, deltas = StreamLifter(), []
    for piece in ("<th", "ink>hm", "m</think>\n", "\n", "Hi", " you"):
        one = event(piece)
        lifter.lift(one)
        deltas.append(one["choices"][0]["delta"])
    assert deltas == [
        {"content": None},
        {"content": None, "reasoning_content": "hm"},
        {"content": None, "reasoning_content": "m"},
        {"content": None},
        {"content": "Hi"},
        {"content": " you"},
    ]


def test_the_rest_has_the_head_of_its_stream() -> None:
    lifter = StreamLifter()
    lifter.lift({**event("<thi"), "object": "chat.completion.chunk", "created": 5, "model": "m", "usage": {}})
    assert lifter.rest() == {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "<thi"}, "finish_reason": None}],
    }
    assert lifter.rest() is None


@pytest.mark.parametrize(
    "choices",
    [
        None,
        "x",
        [],
        ["x", None],
        [{}],
        [{"delta": None, "finish_reason": "stop"}],
        [{"delta": {"role": "assistant", "content": ""}}],
        [{"delta": {"content": ["<think>"]}, "index": [1]}],
        [{"delta": {"content": None, "reasoning_content": "r"}}],
        [{"text": "<think>a", "finish_reason": "stop"}],
    ],
)
def test_what_is_no_text_of_a_chat_is_left_alone(choices: Any) -> None:
    one = {"choices": choices}
    before = orjson.dumps(one)
    assert not StreamLifter().lift(one)
    assert orjson.dumps(one) == before


# --- whole replies -----------------------------------------------------------------------------------
def whole(message: Any) -> Reply:
    return Reply({"choices": [{"index": 0, "message": message}]}, None, "counted", b"the vendor's bytes")


def test_a_whole_reply_is_lifted_and_counted_as_before() -> None:
    reply = lift_reply(whole({"role": "assistant", "content": "<think>\nhmm</think>\n\nHello", "tool_calls": None}))
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "\nhmm", "tool_calls": None}
    assert reply.data["choices"][0]["message"] == message
    assert (reply.body, reply.output_text) == (None, "counted")


def test_reasoning_that_was_there_stays() -> None:
    reply = lift_reply(whole({"content": "<think>b</think>c", "reasoning_content": "a"}))
    assert reply.data["choices"][0]["message"] == {"content": "c", "reasoning_content": "ab"}


@pytest.mark.parametrize("message", [{"content": "Hello"}, {"content": None}, {"content": [{"text": "<think>"}]}, None])
def test_a_reply_without_a_tag_keeps_its_bytes(message: Any) -> None:
    reply = whole(message)
    assert lift_reply(reply) is reply
