"""Where an upstream lists its models, what such a list looks like, and what kind a name suggests. Pure."""

import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import orjson

from models_registry.documents import UNWRITABLE
from models_registry.importing.url_doctor import models_url, origin, url_advise
from models_registry.vendors.base import Vendor

NAMES_MAX = 20_000
NAME_MAX = 200
TAGS = "/api/tags"  # Ollama's own list
GUESSES = (  # the first that is in the name
    ("rerank", re.compile(r"rerank", re.IGNORECASE)),
    ("ocr", re.compile(r"(?<![a-z])ocr(?![a-z])", re.IGNORECASE)),
    ("embedding", re.compile(r"embed|(?<![a-z])(bge|gte|m3e|e5|bce|text2vec|minilm)(?![a-z])", re.IGNORECASE)),
)


class Place(NamedTuple):
    """`base` is the inference URL that goes with a list found at `url`."""

    url: str
    base: str


def list_places(*, vendor: Vendor, kind: str, url: str) -> list[Place]:
    """In the order to be tried, all on the host that was typed: a key goes nowhere else."""
    advice = url_advise(vendor=vendor, kind=kind, url=url)
    if not advice.called or "unreadable" in advice.hints:
        return []
    typed = url.strip() if urlsplit(url.strip()).scheme in {"http", "https"} else advice.suggestion
    base = advice.suggestion if advice.suggestion and origin(advice.suggestion) == origin(typed) else typed
    other = base.removesuffix("/v1") if base.endswith("/v1") else f"{base.rstrip('/')}/v1"
    places: dict[str, str] = {}
    for one in (base, typed, other):
        places.setdefault(models_url(vendor.kinds[kind], kind, one), one)
    root = urlunsplit(urlsplit(typed)._replace(path="", query="", fragment=""))
    places.setdefault(f"{root}{TAGS}", f"{root}/v1")
    return [Place(at, base) for at, base in places.items()]


def names_listed(body: bytes) -> list[str] | None:
    """Of OpenAI's `{data: [{id}]}`, Ollama's `{models: [{name}]}` or a bare array; None for any other shape."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    rows = data if isinstance(data, list) else rows_of(data)
    if rows is None:
        return None
    names = (name_of(row) for row in rows[:NAMES_MAX])
    return list(dict.fromkeys(name for name in names if name))


def rows_of(data: Any) -> list[Any] | None:
    """An upstream without models may say null."""
    if not isinstance(data, dict) or not data.keys() & {"data", "models"}:
        return None
    rows = data.get("data", data.get("models"))
    return rows if isinstance(rows, list) else [] if rows is None else None


def name_of(row: Any) -> str:
    """Empty where there is none, or none that could be written down."""
    fields = row if isinstance(row, dict) else {"id": row}
    name = next((fields[field] for field in ("id", "model", "name") if fields.get(field)), "")
    usable = isinstance(name, str) and len(name) <= NAME_MAX and not UNWRITABLE.search(name)
    return name.strip() if usable else ""


def kind_guessed(vendor: Vendor, name: str) -> str:
    """Of the vendor's kinds; a chat model where the name says nothing else."""
    guess = next((kind for kind, pattern in GUESSES if pattern.search(name)), "llm")
    return next(kind for kind in (guess, "llm", *vendor.kinds) if kind in vendor.kinds)
