"""What the simulator was asked: the last requests, readable from any thread."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

REQUESTS_MAX = 10_000
BODY_BYTES_MAX = 256 * 2**20
SHOWN_BODY_CHARS = 10_000


@dataclass
class Recorded:
    """`closed_at` is the monotonic time at which the caller went away before its answer was complete."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    closed_at: float | None = None
    finished: bool = False

    @cached_property
    def json(self) -> Any:
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    def shown(self) -> dict[str, Any]:
        """For people: the key masked but for its end, a body that isn't JSON as text."""
        text = None if self.json is not None else self.body[:SHOWN_BODY_CHARS].decode(errors="replace")
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": {name: _masked(name, value) for name, value in self.headers.items()},
            "json": self.json,
            "text": text,
            "closed_at": self.closed_at,
            "finished": self.finished,
        }


def _masked(name: str, value: str) -> str:
    return f"…{value[-4:]}" if name == "authorization" else value


class Recorder:
    """Bounded in number and in bytes: the oldest requests are forgotten first."""

    def __init__(self, requests_max: int = REQUESTS_MAX, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._lock = threading.Lock()
        self._requests: deque[Recorded] = deque()
        self._requests_max, self._body_bytes_max = requests_max, body_bytes_max
        self._body_bytes = 0

    def add(self, recorded: Recorded) -> None:
        with self._lock:
            self._requests.append(recorded)
            self._body_bytes += len(recorded.body)
            while len(self._requests) > self._requests_max or self._body_bytes > self._body_bytes_max:
                self._body_bytes -= len(self._requests.popleft().body)

    def last(self, count: int = REQUESTS_MAX) -> list[Recorded]:
        with self._lock:
            return list(self._requests)[-count:]

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._body_bytes = 0
