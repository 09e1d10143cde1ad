"""Callers: each makes one call and notes all that it hears, also when the other side dies.

They speak HTTP over plain streams: what had arrived before a connection broke counts as heard, where client
libraries raise the break at once and keep the rest to themselves.
"""

import asyncio
import time
from asyncio import StreamReader, Task
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import orjson

NANO = 10**9
CALL_S = 90
LOOK_EVERY_S = 0.01
HELLO = "hello"


@dataclass
class Heard:
    """One call as its caller knows it. `failure` is the exception that ended it."""

    status: int = 0
    request_id: str = ""
    pieces: list[str] = field(default_factory=list)
    is_finished: bool = False  # a finish_reason came, so all pieces did
    is_done: bool = False
    cost_nano: int | None = None
    balance_nano: int = 0
    error: str = ""
    failure: str = ""
    began_at: float = field(default_factory=time.monotonic)
    ended_at: float = 0.0

    @property
    def is_whole(self) -> bool:
        """It got its answer and its bill."""
        return self.is_done and self.cost_nano is not None and not self.error


def nano(yuan: str) -> int:
    return int(Decimal(yuan) * NANO)


class Crowd:
    """Callers on connections of their own. `heard` has every call, in the order in which they began."""

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url)
        self.heard: list[Heard] = []

    async def call(self, key: str, model: str, *, leave_at: int | None = None, text: str = HELLO, **body: Any) -> Heard:
        """`leave_at`: the connection is closed when so many pieces have come."""
        heard = Heard()
        self.heard.append(heard)
        request = {"model": model, "messages": [{"role": "user", "content": text}], **body}
        try:
            async with asyncio.timeout(CALL_S):
                await self.exchange(heard, key, orjson.dumps(request), leave_at)
        except (OSError, EOFError) as error:  # a time-out is an OSError too
            heard.failure = type(error).__name__
        heard.ended_at = time.monotonic()
        return heard

    async def exchange(self, heard: Heard, key: str, body: bytes, leave_at: int | None) -> None:
        reader, writer = await asyncio.open_connection(self.address.hostname, self.address.port)
        try:
            head = (
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.address.netloc}\r\nConnection: close\r\n"
                f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            headers = await read_head(heard, reader)
            if "content-length" in headers:
                read_reply(heard, headers, await reader.readexactly(int(headers["content-length"])))
                return
            async for line in lines(reader):
                read_line(heard, line)
                if leave_at is not None and len(heard.pieces) >= leave_at:
                    return
        finally:
            writer.close()

    def begin(self, key: str, model: str, count: int, **body: Any) -> list[Task[Heard]]:
        """`count` streams side by side."""
        return [asyncio.create_task(self.call(key, model, stream=True, **body)) for _ in range(count)]

    async def keep_calling(self, is_over: Callable[[], bool], key: str, model: str, **body: Any) -> None:
        """One call after the other; a failed one is followed by the next after a moment."""
        while not is_over():
            heard = await self.call(key, model, **body)
            if heard.failure:
                await asyncio.sleep(0.05)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(CALL_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(LOOK_EVERY_S)


# --- HTTP ------------------------------------------------------------------------------------------
async def read_head(heard: Heard, reader: StreamReader) -> dict[str, str]:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    heard.status = int(status.split(" ")[1])
    heard.request_id = headers.get("x-request-id", "")
    heard.balance_nano = nano(headers.get("x-account-balance", "0"))
    return headers


async def lines(reader: StreamReader) -> AsyncIterator[bytes]:
    """Of a chunked body. Raises EOFError when it breaks off."""
    rest = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        *whole, rest = (rest + (await reader.readexactly(size + 2))[:-2]).split(b"\n")
        for line in whole:
            yield line


def read_reply(heard: Heard, headers: dict[str, str], body: bytes) -> None:
    reply = orjson.loads(body)
    if heard.status != 200:
        heard.error = reply["error"]["code"]
        return
    heard.pieces.append(reply["choices"][0]["message"]["content"])
    heard.cost_nano = nano(headers["x-request-cost"])
    heard.is_finished = heard.is_done = True


def read_line(heard: Heard, line: bytes) -> None:
    if line.startswith(b": cost="):
        cost, balance = (part.split("=")[1] for part in line[2:].decode().split(" "))
        heard.cost_nano, heard.balance_nano = nano(cost), nano(balance)
    elif line == b"data: [DONE]":
        heard.is_done = True
    elif line.startswith(b"data: "):
        event = orjson.loads(line[6:])
        heard.error = event.get("error", {}).get("code", "")
        read_choices(heard, event.get("choices", ()))


def read_choices(heard: Heard, choices: Iterable[dict[str, Any]]) -> None:
    for choice in choices:
        if text := choice["delta"].get("content"):
            heard.pieces.append(text)
        heard.is_finished = heard.is_finished or bool(choice.get("finish_reason"))
