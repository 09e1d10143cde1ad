import base64
import tracemalloc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.estimator import extras_tokens, messages_tokens, tenths_to_tokens, text_tenths, text_tokens, texts_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("hello world", 4),
        ("你好", 2),
        ("你好，世界！", 4),
        ("模型abc", 3),
        ("こんにちは", 3),
        ("안녕", 2),
    ],
)
def test_cjk_counts_six_tenths_and_all_else_three(text: str, tokens: int) -> None:
    assert text_tokens(text) == tokens


def test_characters_beyond_the_basic_plane_count_once() -> None:
    assert text_tenths("𠀀") == 6
    assert text_tenths("😀") == 3


@given(st.text(), st.lists(st.integers(0, 200)))
def test_any_cut_of_a_text_counts_the_same_as_the_whole(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert sum(text_tenths(text[start:end]) for start, end in pairwise(edges)) == text_tenths(text)


@given(st.text(min_size=1))
def test_any_text_counts_at_least_one_token_and_at_most_one_a_character(text: str) -> None:
    assert 1 <= text_tokens(text) <= len(text)


def test_tenths_are_rounded_up_once() -> None:
    assert [tenths_to_tokens(tenths) for tenths in (0, 1, 10, 11)] == [0, 1, 1, 2]


@pytest.mark.parametrize("text", ["汉" * 1_000_000, "汉a" * 500_000])
def test_counting_takes_no_memory_to_speak_of(text: str) -> None:
    tracemalloc.start()
    try:
        text_tenths(text)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_message_costs_four_tokens_and_its_text() -> None:
    assert messages_tokens([]) == 0
    assert messages_tokens([{"role": "user", "content": "hello world"}]) == 8
    assert messages_tokens([{"content": "你好"}, {"content": None}]) == 10


def test_texts_of_several_messages_are_rounded_together() -> None:
    assert messages_tokens([{"content": "a"}, {"content": "b"}]) == 9


def test_a_picture_counts_a_thousand_tokens() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert messages_tokens([{"content": [{"type": "text", "text": "你好"}, picture, picture]}]) == 4 + 2 + 2000
    assert messages_tokens([{"content": [{"image": "https://example.com/a.png"}]}]) == 1004


def test_video_frames_count_as_pictures_and_a_link_five_thousand() -> None:
    assert messages_tokens([{"content": [{"video": ["a.png", "b.png", "c.png"]}]}]) == 3004
    assert messages_tokens([{"content": [{"video_url": {"url": "https://example.com/a.mp4"}}]}]) == 5004


def test_tool_calls_count_as_text() -> None:
    calls = [{"function": {"name": "search", "arguments": "{}"}}]
    assert messages_tokens([{"content": None, "tool_calls": calls}]) == 4 + text_tokens(str(calls))


LONG = "hello world " * 1000


@pytest.mark.parametrize(
    "fields",
    [
        {"name": LONG},
        {"reasoning_content": LONG},
        {"refusal": LONG},
        {"role": LONG},
        {"function_call": {"name": "f", "arguments": LONG}},
        {"whatever": {"deep": [[LONG]]}},
        {"whatever": {LONG: 1}},
        {"content": [{"type": "thought", "thought": LONG}]},
        {"content": [{"type": "refusal", "refusal": LONG}]},
        {"content": [{"type": LONG}]},
        {"content": [[LONG]]},
        {"content": {"text": LONG}},
        {"content": [{"type": "image_url", "image_url": {"url": "x"}, "caption": LONG}]},
    ],
)
def test_no_place_in_a_message_hides_text(fields: dict[str, Any]) -> None:
    assert messages_tokens([{"role": "user", "content": "hi", **fields}]) >= text_tokens(LONG)


def test_role_and_type_are_paid_by_the_message() -> None:
    assert messages_tokens([{"role": "user", "content": [{"type": "text", "text": "hello world"}]}]) == 8


def test_pictures_and_videos_count_the_same_however_long() -> None:
    url = "data:image/png;base64," + "A" * 1_000_000
    assert messages_tokens([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]) == 1004
    assert messages_tokens([{"role": "user", "content": [{"type": "video", "video": [url, url]}]}]) == 2004
    assert messages_tokens([{"role": "user", "content": [{"image_url": None, "text": "hello world"}]}]) == 8


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"input_audio": {"data": "AAAA", "format": "wav"}}, 1000),
        ({"input_audio": {"data": base64.b64encode(bytes(750_000)).decode(), "format": "wav"}}, 10_000),
        ({"audio_url": {"url": "https://example.com/a.mp3"}}, 1000),
        ({"file": {"file_id": "file-1"}}, 1000),
        ({"file": {"file_data": base64.b64encode(bytes(750_000)).decode()}}, 100_000),
        ({"file": None}, 0),
    ],
)
def test_audio_and_files_count_by_their_length(part: dict[str, Any], tokens: int) -> None:
    assert messages_tokens([{"content": [part]}]) == 4 + tokens


def test_fields_beside_the_messages_count_unless_left_out() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert extras_tokens({"tools": tools, "n": 5, "stream": True, "suffix": None}, ()) == text_tokens(str(tools))
    assert extras_tokens({"suffix": "hello world", "model": LONG}, {"model"}) == 4
    assert extras_tokens({}, ()) == 0


@pytest.mark.parametrize("message", ["text", 5, None, [], {}, {"content": 5}, {"content": [None, 5, {}]}])
def test_what_is_no_message_counts_as_an_empty_one(message: object) -> None:
    assert messages_tokens([message]) == 4


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        ("hello world", 4),
        (["hello world", "你好"], 6),
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        ([{"text": "你好"}, "你好"], 4),
        (None, 0),
        ({"image": "x"}, 0),
        ([], 0),
    ],
)
def test_an_embeddings_input_in_each_of_its_forms(value: object, tokens: int) -> None:
    assert texts_tokens(value) == tokens


def test_lists_nested_without_end_do_not_exhaust_the_stack() -> None:
    nested: list[object] = ["你好"]
    for _ in range(50_000):
        nested = [nested]
    assert texts_tokens(nested) == 2
    while nested and isinstance(nested[0], list):
        nested = nested[0]  # or freeing it would
