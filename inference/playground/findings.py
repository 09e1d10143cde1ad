"""From a reply to what the playground keeps of it, and from that to what its page shows. Pure.

Nothing is kept of vectors but how similar they are: ten of them would be a hundred times what was typed.
"""

import json
import math
from collections.abc import Sequence
from itertools import combinations
from operator import mul
from typing import Any, NamedTuple

from models_registry.vendors.base import Json

SHADES = 10
BOXES_MAX = 2_000
RAW_MAX = 20_000  # characters


class UnreadableReply(Exception):
    """A reply whose numbers cannot be shown."""


# --- embeddings --------------------------------------------------------------------------------------
class Cell(NamedTuple):
    """`shade` goes from 0 to SHADES."""

    words: str
    shade: int


class MatrixRow(NamedTuple):
    number: int
    text: str
    cells: list[Cell]


class Pair(NamedTuple):
    """Two texts by their numbers."""

    one: int
    other: int
    words: str


class Matrix(NamedTuple):
    """How similar each text is to each; `closest` is None where there is one text only."""

    dimensions: int
    rows: list[MatrixRow]
    closest: Pair | None


def similarities_found(body: Json, reply: Json) -> Json:
    """Cosines of all pairs, and how long the vectors are. Raises UnreadableReply."""
    vectors = vectors_of(reply)
    if len(vectors) != len(body["input"]) or len({len(vector) for vector in vectors}) != 1:
        raise UnreadableReply
    units = [unit(vector) for vector in vectors]
    cosines = [[round(cosine(one, other), 4) for other in units] for one in units]
    return {"dimensions": len(units[0]), "similarities": cosines}


def vectors_of(reply: Json) -> list[list[float]]:
    rows = reply.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableReply
    placed = [(row.get("index", place), row.get("embedding")) for place, row in enumerate(rows)]
    by_index = {index: vector for index, vector in placed if type(index) is int}
    if by_index.keys() != set(range(len(rows))):
        raise UnreadableReply
    return [numbers(by_index[place]) for place in range(len(rows))]


def numbers(values: Any) -> list[float]:
    """Finite numbers, at least one. Raises UnreadableReply."""
    if not isinstance(values, list) or not values:
        raise UnreadableReply
    return [number(value) for value in values]


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnreadableReply
    return float(value)


def unit(vector: Sequence[float]) -> list[float]:
    """Of length one. Scaled first, so that no square overflows; nothing has no direction."""
    largest = max(map(abs, vector))
    if not largest:
        return list(vector)
    scaled = [value / largest for value in vector]
    length = math.sqrt(sum(map(mul, scaled, scaled)))
    return [value / length for value in scaled]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return max(-1.0, min(1.0, math.fsum(map(mul, one, other))))


def matrix_shown(body: Json, found: Json) -> Matrix:
    similarities = found["similarities"]
    rows = [
        MatrixRow(place + 1, text, [cell(value) for value in similarities[place]])
        for place, text in enumerate(body["input"])
    ]
    return Matrix(found["dimensions"], rows, closest_pair(similarities))


def cell(value: float) -> Cell:
    return Cell(two_decimals(value), max(0, min(SHADES, round(value * SHADES))))


def two_decimals(value: float) -> str:
    """Never "-0.00"."""
    return f"{round(value, 2) + 0.0:.2f}"


def closest_pair(similarities: Sequence[Sequence[float]]) -> Pair | None:
    """The first of the most similar pairs of different texts."""
    pairs = list(combinations(range(len(similarities)), 2))
    if not pairs:
        return None
    one, other = max(pairs, key=lambda pair: similarities[pair[0]][pair[1]])
    return Pair(one + 1, other + 1, two_decimals(similarities[one][other]))


# --- rerank ------------------------------------------------------------------------------------------
class Place(NamedTuple):
    """A document in its place; `number` is its line, `share` the length of its bar in percent."""

    number: int
    text: str
    score: float
    share: int


class Ranking(NamedTuple):
    """`is_scaled`: the scores are no shares of one, so the bars go from the lowest score to the highest."""

    places: list[Place]
    left_out: int
    is_scaled: bool


def ranking_found(body: Json, reply: Json) -> Json:
    """The order with its scores. Raises UnreadableReply."""
    rows = reply.get("results")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise UnreadableReply
    lines = range(len(body["documents"]))
    found = [{"index": row.get("index"), "score": number(row.get("relevance_score"))} for row in rows]
    if not all(type(row["index"]) is int and row["index"] in lines for row in found):
        raise UnreadableReply
    return {"results": found}


def ranking_shown(body: Json, found: Json) -> Ranking:
    documents, results = body["documents"], found["results"]
    scores = [row["score"] for row in results]
    low, high = min(scores), max(scores)
    is_scaled = low < 0 or high > 1
    if not is_scaled:
        low, high = 0.0, 1.0
    places = [
        Place(row["index"] + 1, documents[row["index"]], row["score"], share(row["score"], low, high))
        for row in results
    ]
    return Ranking(places, len(documents) - len(places), is_scaled)


def share(score: float, low: float, high: float) -> int:
    """In percent of the way from low to high; halves first, for their difference may overflow."""
    way = high / 2 - low / 2
    return round(100 * ((score / 2 - low / 2) / way)) if way else 100


# --- OCR ---------------------------------------------------------------------------------------------
class ScannedPage(NamedTuple):
    number: int
    text: str


class Scan(NamedTuple):
    """`boxes` as SVG writes polygons, of the first page; `raw` is a reply of no known shape, as JSON."""

    pages: list[ScannedPage]
    page_count: int
    boxes: list[str]
    raw: str


def pages_found(body: Json, reply: Json) -> Json:
    """Text by page, and where the lines of the first one stand. Raises UnreadableReply."""
    pages, raw, usage = reply.get("pages"), reply.get("raw"), reply.get("usage")
    if not isinstance(pages, list) or not isinstance(usage, dict):
        raise UnreadableReply
    lines = pages[0].get("lines", []) if pages else []
    return {
        "texts": [plain(str(page.get("text", ""))) for page in pages],
        "boxes": [corners for line in lines if (corners := corners_of(line.get("box")))][:BOXES_MAX],
        "pages": usage.get("pages", len(pages)),
        "raw": "" if pages else plain(json.dumps(raw, ensure_ascii=False, indent=2))[:RAW_MAX],
    }


def plain(text: str) -> str:
    """Without what a database refuses."""
    return text.replace("\0", "").replace("\\u0000", "").encode(errors="replace").decode()


def corners_of(box: Any) -> list[list[float]] | None:
    """Points in pixels; None for a box of any other shape."""
    try:
        return [[number(x), number(y)] for x, y in box]
    except (TypeError, ValueError, UnreadableReply):
        return None


def scan_shown(body: Json, found: Json) -> Scan:
    pages = [ScannedPage(place + 1, text) for place, text in enumerate(found["texts"])]
    boxes = [" ".join(f"{x:g},{y:g}" for x, y in box) for box in found["boxes"]]
    return Scan(pages, found["pages"], boxes, found["raw"])
