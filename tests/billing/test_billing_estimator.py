from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.estimator import messages_tokens, tenths_to_tokens, text_tenths, text_tokens, texts_tokens


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
