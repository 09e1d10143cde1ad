"""The caller's side of a request, in ASGI: its headers and body in, JSON or a stream out."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

import orjson

from inference.gateway.errors import GatewayError
from inference.gateway.request_ids import request_id_make
from inference.gateway.routes import Principal
from inference.gateway.sse import data_event

if TYPE_CHECKING:
    from inference.gateway.native.speech import Speech

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON_TYPE: Header = (b"content-type", b"application/json")
STREAM_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # proxies must not collect the events
)
BODY_TIMEOUT_S = 120


class Exchange:
    """One request and its answer.

    `principal` is given by code of this process alone, for a user it has signed in: nothing a request can carry
    sets it, so that what comes from outside always needs a key. `speech` is that of a caller who speaks
    DashScope's language.
    """

    __slots__ = (
        *("began_at", "headers", "is_stream", "path", "principal"),
        *("receive", "request_id", "send", "speech", "started", "status"),
    )

    def __init__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send, principal: Principal | None = None
    ) -> None:
        self.principal = principal
        self.speech: Speech | None = None
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.receive = receive
        self.send = send
        self.request_id = request_id_make()
        self.began_at = time.perf_counter()
        self.started = self.is_stream = False
        self.status = 0

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    async def body(self, limit: int) -> bytes:
        """Raises GatewayError request_too_large; ConnectionError when the caller left before it was whole."""
        declared = self.headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise too_large(limit)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await self.read_body(limit)
        except TimeoutError as error:
            message = f"The body did not arrive within {BODY_TIMEOUT_S} s."
            raise GatewayError("invalid_request_error", message, headers={"Connection": "close"}) from error

    async def read_body(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the caller left")
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            if not message.get("more_body"):
                return piece if not pieces else b"".join([*pieces, piece])
            pieces.append(piece)

    # --- answers -------------------------------------------------------------------------------
    async def send_json(self, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
        await self.start(status, [JSON_TYPE, (b"content-length", b"%d" % len(body)), *headers])
        await self.send({"type": "http.response.body", "body": body})

    async def send_error(self, error: GatewayError, headers: Iterable[Header] = ()) -> None:
        own = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        body = self.speech.error(error) if self.speech else orjson.dumps(error.body(self.request_id))
        await self.send_json(error.status, body, [*own, *headers])

    async def fail(self, error: GatewayError) -> None:
        """As JSON, or where a stream began already as the event that ends it."""
        if not self.started:
            await self.send_error(error)
        elif self.is_stream:
            await self.finish(self.error_event(error))

    def error_event(self, error: GatewayError) -> bytes:
        if self.speech:
            return self.speech.end_with(error)
        return data_event(orjson.dumps(error.body(self.request_id)))

    async def start_stream(self, headers: Iterable[Header]) -> None:
        self.is_stream = True
        await self.start(200, [*STREAM_HEADERS, *headers])

    async def start(self, status: int, headers: list[Header]) -> None:
        self.started = True
        self.status = status
        headers.append((b"x-request-id", self.request_id.encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, chunk: bytes) -> None:
        await self.send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def finish(self, chunk: bytes = b"") -> None:
        await self.send({"type": "http.response.body", "body": chunk})

    @property
    def elapsed_ms(self) -> int:
        return round((time.perf_counter() - self.began_at) * 1000)


def too_large(limit: int) -> GatewayError:
    return GatewayError("request_too_large", f"The body is larger than the {limit / 1024 / 1024:g} MB allowed.")
