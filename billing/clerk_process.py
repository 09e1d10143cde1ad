"""The clerk in a process of its own: the command `clerk FD DATABASE`, started by `billing.remote_clerk`.

Beside a busy event loop a thread that books loses the interpreter's lock at every statement and is long in
getting it back; here it has an interpreter to itself (docs/performance.md has the figures). The process lives
as long as the socket it was given: when the other end is gone it books what it has read, signs off and ends.
"""

import asyncio
import gc
import signal
import socket
import sys
from functools import partial
from typing import Any

import uvloop
from django.db import connection

from billing.clerk import Clerk
from billing.clerk_wire import Frame, FrameReader, frame_pack, operation_unpack, outcome_pack
from billing.operations import LedgerError, Outcome

REPORT_EVERY_S = 2.0
GARBAGE_THRESHOLDS = (20_000, 20, 20)  # new containers before a look; a request makes a few hundred
SWITCH_S = 0.0005  # two threads, short turns: the default of 5 ms would let every commit wait for the socket
HELLO, REPORT = -1, -2  # tickets that are no bookings


class Desk(asyncio.Protocol):
    """Bookings in, outcomes out; the outcomes of one turn of the loop go back in one frame."""

    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk
        self.reader = FrameReader()
        self.outbox: Frame = []
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.put(HELLO, self.clerk.writer_id)
        self.report()

    def data_received(self, data: bytes) -> None:
        for frame in self.reader.feed(data):
            for ticket, packed in frame:
                booking = self.clerk.submit(operation_unpack(packed))
                booking.add_done_callback(partial(self.answer, ticket))

    def answer(self, ticket: int, booking: "asyncio.Future[Outcome]") -> None:
        error = booking.exception()
        outcome = booking.result() if error is None else error
        if outcome is not None and not isinstance(outcome, Outcome):
            outcome = LedgerError(str(outcome))
        self.put(ticket, outcome_pack(outcome))

    def put(self, ticket: int, packed: Any) -> None:
        if not self.outbox:
            asyncio.get_running_loop().call_soon(self.send)
        self.outbox.append((ticket, packed))

    def send(self) -> None:
        items, self.outbox = self.outbox, []
        if not self.transport.is_closing():
            self.transport.write(frame_pack(items))

    def report(self) -> None:
        """How the clerk is, and what it counted: the metrics page is on the other side."""
        self.put(REPORT, (self.clerk.is_working, *self.clerk.counted()))
        asyncio.get_running_loop().call_later(REPORT_EVERY_S, self.report)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set_result(None)


def startup_freeze() -> None:
    """What was loaded at the start stays: the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


async def serve(gateway: socket.socket) -> None:
    clerk = Clerk()
    await asyncio.to_thread(clerk.start)
    _, desk = await asyncio.get_running_loop().create_unix_connection(lambda: Desk(clerk), sock=gateway)
    startup_freeze()
    await desk.closed
    await asyncio.to_thread(clerk.stop)


def run(descriptor: int, database: str) -> None:
    # The terminal's Ctrl-C and a service manager's SIGTERM are for the gateway, which closes the socket when done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    connection.settings_dict["NAME"] = database  # the gateway's own, whatever the environment says
    sys.setswitchinterval(SWITCH_S)
    uvloop.run(serve(socket.socket(fileno=descriptor)))
