"""A wire between the browser and the product that can be cut: what a lost connection is to both."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

PIECE_BYTES = 64 * 1024
START_S = 10


class Relay:
    """`with Relay(port) as relay: relay.url`. Cut, it drops what runs and takes nothing new until it is mended."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = ""
        self.is_cut = False
        self.writers: set[StreamWriter] = set()
        self.calls: set[asyncio.Task[None]] = set()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), name="relay", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        assert self.ready.wait(START_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(START_S)

    def cut(self) -> None:
        self.loop.call_soon_threadsafe(self.drop)

    def mend(self) -> None:
        self.is_cut = False

    # --- in the relay's thread -----------------------------------------------------------------------
    async def serve(self) -> None:
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self.take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.ready.set()
        await self.over.wait()
        server.close()
        if self.calls:
            await asyncio.wait(self.calls)

    def drop(self) -> None:
        self.is_cut = True
        for writer in self.writers:
            writer.transport.abort()

    def take(self, reader: StreamReader, writer: StreamWriter) -> None:
        call = self.loop.create_task(self.connect(reader, writer))
        self.calls.add(call)
        call.add_done_callback(self.calls.discard)

    async def connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers |= {writer, there_writer}
        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))
        self.writers -= {writer, there_writer}


async def pump(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    writer.close()
