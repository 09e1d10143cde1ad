"""From a reply to what is shown of it."""

from typing import Any

import pytest

from inference.playground.findings import (
    Cell,
    Pair,
    UnreadableReply,
    matrix_shown,
    pages_found,
    ranking_found,
    ranking_shown,
    scan_shown,
    similarities_found,
)


def embedded(*vectors: Any) -> dict[str, Any]:
    return {"data": [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]}


def similarities(*vectors: Any) -> list[list[float]]:
    found = similarities_found({"input": ["x"] * len(vectors)}, embedded(*vectors))
    return found["similarities"]  # type: ignore[no-any-return]


# --- embeddings --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("one", "other", "cosine"),
    [
        ([1, 0], [0, 1], 0.0),
        ([1, 2], [2, 4], 1.0),
        ([1, 0], [-3, 0], -1.0),
        ([1, 0], [1, 1], 0.7071),
        ([1e300, 0], [1e300, 1e300], 0.7071),
        ([1e-300, 0], [1e-300, 1e-300], 0.7071),
        ([0, 0], [1, 1], 0.0),
    ],
)
def test_similarity_is_the_cosine_whatever_the_length_of_the_vectors(
    one: list[float], other: list[float], cosine: float
) -> None:
    assert similarities(one, other)[0][1] == similarities(other, one)[0][1] == cosine


def test_vectors_are_told_apart_by_their_index_or_else_by_their_place() -> None:
    body = {"input": ["a", "b", "c"]}
    reply = embedded([1, 0], [0, 1], [1, 1])
    turned = {"data": reply["data"][::-1]}
    bare = {"data": [{"embedding": row["embedding"]} for row in reply["data"]]}
    assert similarities_found(body, reply) == similarities_found(body, turned) == similarities_found(body, bare)


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"data": []},
        {"data": [1, 2]},
        embedded([1, 0]),
        embedded([1, 0], [1]),
        embedded([1, 0], []),
        embedded([1, 0], None),
        embedded([1, 0], "abcd"),
        embedded([1, 0], [1, None]),
        embedded([1, 0], [1, True]),
        embedded([1, 0], [1, float("inf")]),
        embedded([1, 0], [[1], [0]]),
        {"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]},
        {"data": [{"index": "0", "embedding": [1]}, {"index": [1], "embedding": [1]}]},
    ],
)
def test_what_is_no_vector_for_each_text_is_unreadable(reply: dict[str, Any]) -> None:
    with pytest.raises(UnreadableReply):
        similarities_found({"input": ["a", "b"]}, reply)


def test_a_matrix_has_two_decimals_a_shade_and_the_closest_pair() -> None:
    found = {"dimensions": 3, "similarities": [[1.0, -0.004, 0.914], [-0.004, 1.0, -0.5], [0.914, -0.5, 1.0]]}
    matrix = matrix_shown({"input": ["a", "b", "c"]}, found)
    assert matrix.rows[0].cells == [Cell("1.00", 10), Cell("0.00", 0), Cell("0.91", 9)]
    assert matrix.rows[1].cells[2] == Cell("-0.50", 0)
    assert [(row.number, row.text) for row in matrix.rows] == [(1, "a"), (2, "b"), (3, "c")]
    assert matrix.closest == Pair(1, 3, "0.91")


def test_one_text_has_no_pair() -> None:
    assert matrix_shown({"input": ["a"]}, {"dimensions": 3, "similarities": [[1.0]]}).closest is None


# --- OCR ---------------------------------------------------------------------------------------------
def scanned(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"pages": [{"index": 0, "text": "a\0b", "lines": list(lines)}], "usage": {"pages": 1}, "raw": {}}


def test_text_comes_by_page_with_boxes_where_there_are_some() -> None:
    corners = [[0, 0], [9.5, 0], [9.5, 4], [0, 4]]
    reply = scanned({"text": "a", "box": corners}, {"text": "b"}, {"text": "c", "box": "0 0 1 1"})
    scan = scan_shown({}, pages_found({}, reply))
    assert [(page.number, page.text) for page in scan.pages] == [(1, "ab")]
    assert scan.boxes == ["0,0 9.5,0 9.5,4 0,4"]
    assert (scan.page_count, scan.raw) == (1, "")


def test_a_reply_of_no_known_shape_is_shown_as_it_came() -> None:
    found = pages_found({}, {"pages": [], "usage": {"pages": 1}, "raw": {"words": "甲\0"}})
    assert '"甲"' in found["raw"].replace("\n", "")
    assert scan_shown({}, found).page_count == 1


# --- rerank ------------------------------------------------------------------------------------------
def ranked(*rows: tuple[Any, Any]) -> dict[str, Any]:
    return {"results": [{"index": index, "relevance_score": score} for index, score in rows]}


def test_documents_stand_in_the_replys_order_with_their_line_and_a_bar() -> None:
    body = {"documents": ["a", "b", "c"]}
    ranking = ranking_shown(body, ranking_found(body, ranked((2, 0.9), (0, 0.25))))
    assert [(place.number, place.text, place.score, place.share) for place in ranking.places] == [
        (3, "c", 0.9, 90),
        (1, "a", 0.25, 25),
    ]
    assert (ranking.left_out, ranking.is_scaled) == (1, False)


@pytest.mark.parametrize(
    ("scores", "shares"),
    [((8.0, -2.0, -7.25), [100, 34, 0]), ((3, 3), [100, 100]), ((1e308, -1e308), [100, 0])],
)
def test_scores_that_are_no_shares_of_one_are_scaled(scores: tuple[float, ...], shares: list[int]) -> None:
    body = {"documents": ["x"] * len(scores)}
    ranking = ranking_shown(body, ranking_found(body, ranked(*enumerate(scores))))
    assert [place.share for place in ranking.places] == shares
    assert ranking.is_scaled


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"results": []},
        {"results": [3]},
        ranked((2, 0.5)),
        ranked((-1, 0.5)),
        ranked((True, 0.5)),
        ranked((None, 0.5)),
        ranked((0, None)),
        ranked((0, "0.5")),
        ranked((0, float("nan"))),
    ],
)
def test_what_ranks_no_document_is_unreadable(reply: dict[str, Any]) -> None:
    with pytest.raises(UnreadableReply):
        ranking_found({"documents": ["a", "b"]}, reply)
