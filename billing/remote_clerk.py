"""The gateway's side of the clerk: hands operations over in one frame per turn of the loop, awaits their outcomes.

Crash-only: when the clerk's process dies without being asked to, nobody knows what was booked, so this process ends
as well, and starting again is what settles it (billing.ledger sweeps what an incarnation left open).
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
import time
from typing import Any, NamedTuple, cast

from django.db import connection

from billing.clerk_wire import (
    HELLO,
    REPORT,
    REPORT_EVERY_S,
    Frame,
    FrameReader,
    frame_pack,
    operation_pack,
    outcome_unpack,
)
from billing.metrics import BATCHES, BOOKINGS, LATE_SETTLEMENTS, SWEPT_HOLDS
from billing.operations import (
    AbandonedHold,
    ExtendHold,
    HoldGone,
    LedgerError,
    LedgerUnavailable,
    OpenHold,
    Operation,
    Outcome,
    PlaceHold,
    Settle,
    Settlement,
)

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
HOLD_WAIT_S = 12.0  # a little more than the clerk's own patience, for a database that hangs instead of refusing
LOOK_EVERY_S = 1.0


class Waiting(NamedTuple):
    """A caller and what it asked for."""

    future: "asyncio.Future[Outcome]"
    operation: Operation
    until: float  # the loop's time


class RemoteClerk(asyncio.Protocol):
    """Start and stop it inside the event loop that uses it. One per process."""

    def __init__(self) -> None:
        self.reader = FrameReader()
        self.outbox: Frame = []
        self.waiting: dict[int, Waiting] = {}
        self.last_ticket = 0
        self.is_stopping = False
        self.reported_healthy = False
        self.reported_at = 0.0
        self.counted = [0, 0, 0]

    # --- life ----------------------------------------------------------------------------------
    async def start(self) -> None:
        """Raises LedgerUnavailable when the clerk could not begin; its process said why on stderr."""
        self.loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[int] = self.loop.create_future()
        ours, theirs = socket.socketpair()
        with theirs:
            await asyncio.to_thread(self.hire, theirs)
        self.transport, _ = await self.loop.create_unix_connection(lambda: self, sock=ours)
        try:
            self.writer_id = await asyncio.wait_for(self.greeted, START_TIMEOUT_S)
        except TimeoutError as error:
            raise LedgerUnavailable("the clerk's process did not begin in time") from error
        self.looking = self.loop.call_later(LOOK_EVERY_S, self.look)

    def hire(self, line: socket.socket) -> None:
        """Starts the clerk, who inherits this end of the line."""
        command = [sys.executable, "-m", "django", "clerk", str(line.fileno()), str(connection.settings_dict["NAME"])]
        self.process = subprocess.Popen(command, pass_fds=[line.fileno()])  # noqa: S603 - our own module

    async def stop(self) -> None:
        """Books what was handed in, then ends the clerk's process."""
        self.is_stopping = True
        self.looking.cancel()
        self.hand_in()
        self.transport.close()
        await asyncio.to_thread(self.dismiss)

    def dismiss(self) -> None:
        """Waits for the clerk to end, as it does when the line is cut and all is booked."""
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            log.warning("the clerk's process did not end in %d s", STOP_TIMEOUT_S)
            self.process.kill()
            self.process.wait()

    @property
    def is_healthy(self) -> bool:
        is_recent = time.monotonic() - self.reported_at < 3 * REPORT_EVERY_S
        return self.reported_healthy and is_recent and not self.is_stopping

    # --- for callers ---------------------------------------------------------------------------
    async def hold(self, operation: PlaceHold) -> OpenHold:
        """Raises InsufficientBalance, or LedgerUnavailable after at most HOLD_WAIT_S; then nothing is reserved.

        Nor is it when the caller is cancelled: a hold that nobody waits for is given back.
        """
        booking = self.submit(operation)
        try:
            return cast("OpenHold", await booking)
        except asyncio.CancelledError:
            if booking.done() and not booking.cancelled() and booking.exception() is None:
                self.give_back(operation)  # answered in the very turn of the cancellation
            raise

    async def extend(self, operation: ExtendHold) -> OpenHold:
        """The hold with one leg more. Raises InsufficientBalance, HoldGone or LedgerUnavailable."""
        return cast("OpenHold", await self.submit(operation))

    async def settle(self, operation: Settle) -> Settlement:
        """Raises HoldGone when the hold was voided in the meantime: then nothing was charged."""
        return cast("Settlement", await self.submit(operation))

    def submit(self, operation: Operation) -> "asyncio.Future[Outcome]":
        future: asyncio.Future[Outcome] = self.loop.create_future()
        if self.is_stopping:
            future.set_exception(LedgerUnavailable("the clerk has stopped"))
            return future
        self.last_ticket += 1
        self.waiting[self.last_ticket] = Waiting(future, operation, self.loop.time() + HOLD_WAIT_S)
        if not self.outbox:
            self.loop.call_soon(self.hand_in)
        self.outbox.append((self.last_ticket, operation_pack(operation)))
        return future

    def give_back(self, operation: PlaceHold) -> None:
        """Nobody waits for this either; after the stop the clerk does it unasked."""
        if not self.is_stopping:
            self.submit(AbandonedHold(operation.context)).add_done_callback(asyncio.Future.exception)

    def hand_in(self) -> None:
        if not self.outbox:
            return
        items, self.outbox = self.outbox, []
        try:
            self.transport.write(frame_pack(items))
        except ValueError:  # one holds a value that marshal does not know; the others are not to suffer for it
            for item in items:
                self.hand_in_alone(*item)

    def hand_in_alone(self, ticket: int, packed: tuple[Any, ...]) -> None:
        try:
            self.transport.write(frame_pack([(ticket, packed)]))
        except ValueError as error:
            log.exception("an operation cannot be sent to the clerk: %r", packed)
            future = self.waiting.pop(ticket).future
            if not future.done():
                future.set_exception(LedgerError(str(error)))

    def look(self) -> None:
        """Holds have waited long enough for a ledger that hangs; settlements wait for ever."""
        self.looking = self.loop.call_later(LOOK_EVERY_S, self.look)
        now = self.loop.time()
        for future, operation, until in self.waiting.values():
            if now > until and not future.done() and not isinstance(operation, Settle | AbandonedHold):
                future.set_exception(LedgerUnavailable("the ledger is not answering"))

    # --- from the clerk ------------------------------------------------------------------------
    def data_received(self, data: bytes) -> None:
        for frame in self.reader.feed(data):
            for ticket, packed in frame:
                if ticket == HELLO:
                    self.greeted.set_result(packed)
                elif ticket == REPORT:
                    self.take_report(*packed)
                else:
                    self.deliver(self.waiting.pop(ticket), packed)

    def deliver(self, waiting: Waiting, packed: tuple[Any, ...]) -> None:
        future, operation, _ = waiting
        outcome = outcome_unpack(packed, operation)
        if isinstance(outcome, HoldGone) and isinstance(operation, Settle):
            LATE_SETTLEMENTS.inc()
        if future.done():  # its caller was cancelled, or lost patience
            if isinstance(operation, PlaceHold) and isinstance(outcome, OpenHold):
                self.give_back(operation)  # nobody else knows of this hold
        elif isinstance(outcome, LedgerError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def take_report(self, is_healthy: bool, *counted: int) -> None:
        self.reported_healthy, self.reported_at = is_healthy, time.monotonic()
        for counter, before, now in zip((BATCHES, BOOKINGS, SWEPT_HOLDS), self.counted, counted, strict=True):
            counter.inc(now - before)
        self.counted = list(counted)

    def connection_lost(self, error: Exception | None) -> None:
        if self.is_stopping:
            return
        if not self.greeted.done():
            self.greeted.set_exception(LedgerUnavailable("the clerk's process ended before it began"))
            return
        self.lose()

    def lose(self) -> None:
        log.critical("the clerk's process is gone; this process ends, to begin again with a clerk")
        os._exit(70)
