"""Pieces that several dialects share: addresses, usage objects, error bodies, vectors. Pure."""

import base64
import re
import struct
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from models_registry.vendors.base import DialectError, Json, UsageSeen

TOKENS_MAX = 10**9  # a count beyond this is an upstream's mistake, not usage


def url_join(inference_url: str, documented_path: str) -> str:
    """`inference_url` may be a base URL or already end in the documented path, or in a part of it.

    url_join("https://h/v1", "/chat/completions") and url_join("https://h/v1/chat/completions",
    "/chat/completions") are the same address. A query string stays where it is.
    """
    parts = urlsplit(inference_url.strip())
    base = parts.path.rstrip("/")
    pieces = documented_path.strip("/").split("/")
    for count in range(len(pieces), 0, -1):
        head = "/" + "/".join(pieces[:count])
        if base.endswith(head):
            base = base.removesuffix(head)
            break
    return urlunsplit((parts.scheme, parts.netloc, f"{base}/{'/'.join(pieces)}", parts.query, ""))


def json_object(body: bytes) -> Json:
    """The reply as a JSON object. Raises DialectError for anything else, and for an error body."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DialectError(f"the reply is not JSON: {snippet(body)}") from error
    if not isinstance(data, dict):
        raise DialectError(f"the reply is not a JSON object: {snippet(body)}")
    if message := error_message(data):
        raise DialectError(message)
    return data


def error_message(data: Any) -> str | None:
    """The words of an error body in the forms vendors use, or None where `data` is no error."""
    if not isinstance(data, dict):
        return None
    error = data.get("error")
    if isinstance(error, dict):
        return str(error.get("message") or error.get("code") or error)
    if error:
        return str(error)
    if "choices" in data or "data" in data or "results" in data or "output" in data:
        return None
    if not tells_of_failure(data):
        return None
    return next((str(data[name]) for name in WORDS if data.get(name)), None)


WORDS = ("message", "detail", "msg", "error_msg")
WELL = {"0", "200", "success", "ok"}  # codes of vendors that send one with everything


def tells_of_failure(data: Json) -> bool:
    if "code" in data:
        return str(data["code"]).lower() not in WELL
    status = data.get("status")
    if isinstance(status, int):
        return status >= 400
    return status in ("error", "failed") or "detail" in data


def snippet(body: bytes, limit: int = 200) -> str:
    """The beginning of a body as one readable line."""
    text = body[: limit * 4].decode("utf-8", "replace")
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = " ".join(text.split())
    return (text[:limit] + "…" if len(text) > limit else text) or "an empty body"


def usage_seen(usage: Any) -> UsageSeen | None:
    """Tokens of a usage object: `prompt_tokens`, else `input_tokens`, else what `total_tokens` leaves."""
    if not isinstance(usage, dict):
        return None
    prompt = count(usage.get("prompt_tokens")) or count(usage.get("input_tokens"))
    said, other = count(usage.get("completion_tokens")), count(usage.get("output_tokens"))
    completion = said or (said if other is None else other)
    if not prompt and (total := count(usage.get("total_tokens"))):
        completion = completion or 0
        prompt = max(total - completion, 0)
    if not prompt and not completion:
        return None  # a usage of zeros tells nothing
    return UsageSeen(prompt, completion)


def count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= TOKENS_MAX else None


def vector_floats(packed: str) -> list[float]:
    """A base64 embedding (little-endian float32) as numbers. Raises DialectError."""
    try:
        raw = base64.b64decode(packed, validate=True)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    except (ValueError, struct.error) as error:
        raise DialectError("an embedding is no base64 of 32-bit floats") from error


def vector_base64(vector: list[float]) -> str:
    """Raises DialectError."""
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (OverflowError, struct.error) as error:
        raise DialectError("an embedding holds what is no number") from error
