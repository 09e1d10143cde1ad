"""Putting a reply on the wire, with the faults its switches ask for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from simulator import frames
from simulator.replies.errors import error_event
from simulator.replies.shapes import Body, Stream

if TYPE_CHECKING:
    from simulator.recorder import Recorded
    from simulator.replies.shapes import Call, Event, Reply

# What was written before a reset must reach the caller first: a reset discards what is still unsent.
SETTLE_S = 0.02
# Writes seldom yield; a long stream without pauses must let others have the loop.
EVENTS_PER_TURN = 64
LINGER_ZERO = struct.pack("ii", 1, 0)


class SeveredError(Exception):
    """The connection was ended on purpose; there is nothing more to write."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and the means to answer it badly."""

    request: web.Request
    recorded: Recorded
    stopping: asyncio.Event

    async def fail_early(self, call: Call) -> None:
        """The faults that leave no byte of an answer."""
        if call.switches.reset:
            await self.reset(settle_s=0)
        if call.switches.first_ms:
            await asyncio.sleep(call.switches.first_ms / 1000)
        if call.switches.hang:
            await self.hang()

    def cut(self) -> None:
        if self.request.transport is not None:
            self.request.transport.close()
        raise SeveredError

    async def reset(self, settle_s: float = SETTLE_S) -> None:
        await asyncio.sleep(settle_s)
        transport = self.request.transport
        if transport is not None:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            transport.abort()
        raise SeveredError

    async def hang(self) -> None:
        await self.stopping.wait()
        self.cut()

    async def write(self, reply: Reply, call: Call) -> web.StreamResponse:
        if isinstance(reply, Stream):
            return await self._write_stream(reply, call)
        return await self._write_body(reply, call)

    async def _write_body(self, body: Body, call: Call) -> web.StreamResponse:
        data, step = _dressed(body, call), _first_break(call)
        if step is not None:
            await self._write_half(data, body, call, step)
        response = web.Response(body=data, status=body.status, headers=body.headers, content_type=body.content_type)
        await response.prepare(self.request)
        await response.write_eof()
        self.recorded.finished = True
        return response

    async def _write_half(self, data: bytes, body: Body, call: Call, step: int) -> None:
        headers = {**body.headers, "Content-Type": body.content_type, "Content-Length": str(len(data))}
        response = web.StreamResponse(status=body.status, headers=headers)
        await response.prepare(self.request)
        await response.write(data[: len(data) // 2])
        await self._break(call, step)

    async def _write_stream(self, stream: Stream, call: Call) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(self.request)
        if await self._broken_at(0, response, call):
            return await self._finish(response)
        for count, event in enumerate(stream.events, start=1):
            await self._write_event(event, response, call)
            if event.step is not None and await self._broken_at(event.step, response, call):
                break
            if event.pause and call.switches.chunk_ms:
                await asyncio.sleep(call.switches.chunk_ms / 1000)
            elif count % EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)
        return await self._finish(response)

    async def _write_event(self, event: Event, response: web.StreamResponse, call: Call) -> None:
        raw = frames.frame(event, call.switches)
        if not call.switches.half:
            await response.write(raw)
            return
        for part in frames.halves(raw):
            await response.write(part)
            await asyncio.sleep(0.001)

    async def _broken_at(self, step: int, response: web.StreamResponse, call: Call) -> bool:
        """Whether the stream must end here in good order; a disorderly end raises."""
        await self._break(call, step)
        if call.switches.error_at != step:
            return False
        await self._write_event(error_event(call), response, call)
        return True

    async def _break(self, call: Call, step: int) -> None:
        if call.switches.cut == step:
            self.cut()
        if call.switches.reset_at == step:
            await self.reset()
        if call.switches.hang_at == step:
            await self.hang()

    async def _finish(self, response: web.StreamResponse) -> web.StreamResponse:
        # Marked before the end of the body: a caller that saw [DONE] may leave without waiting for it.
        self.recorded.finished = True
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
        return response


def _dressed(body: Body, call: Call) -> bytes:
    data = frames.spoiled(body.data) if call.switches.badutf8 else body.data
    return data.ljust(call.switches.huge) if data else data


def _first_break(call: Call) -> int | None:
    switches = call.switches
    return min((k for k in (switches.cut, switches.reset_at, switches.hang_at) if k is not None), default=None)
