"""The web process: uvicorn as this product wants it. `python -m console.web --fd N`, or `--port N`."""

import argparse
import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HELD_BYTES_MAX = 64 * 1024


class CorkedTransport:
    """Sends what was written in one turn of the event loop as one piece.

    uvicorn writes the head of an answer and its body apart, and uvloop sends each at once: two system calls here,
    and two wake-ups of the caller.
    """

    __slots__ = ("held", "held_bytes", "loop", "transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self.loop = loop
        self.held: list[bytes] = []
        self.held_bytes = 0

    def write(self, data: bytes) -> None:
        if not self.held:
            self.loop.call_soon(self.flush)
        self.held.append(data)
        self.held_bytes += len(data)
        if self.held_bytes > HELD_BYTES_MAX:  # so that a fast writer is slowed down by what the caller takes
            self.flush()

    def flush(self) -> None:
        if self.held:
            data = self.held[0] if len(self.held) == 1 else b"".join(self.held)
            self.held, self.held_bytes = [], 0
            if not self.transport.is_closing():  # else the caller left in between
                self.transport.write(data)

    def close(self) -> None:
        self.flush()
        self.transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class CorkedProtocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(CorkedTransport(transport, self.loop))  # type: ignore[arg-type]


def serve(**listening: Any) -> None:
    """`listening` is uvicorn's own: fd, or port; timeout_graceful_shutdown."""
    uvicorn.run(
        "console.asgi:application",
        loop="uvloop",
        http=CorkedProtocol,
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        **listening,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="console.web")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--fd", type=int)
    place.add_argument("--port", type=int, default=0)
    parser.add_argument("--timeout-graceful-shutdown", type=int)
    serve(**vars(parser.parse_args()))
