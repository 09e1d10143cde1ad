"""The clerk: one thread that takes holds and settlements from a queue and commits them in groups.

Callers await a future that is resolved only after COMMIT, so what they were told is durable. Group commit is
what makes that cheap: under load one fsync serves hundreds of operations.
"""

import asyncio
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from django.db import Error, InterfaceError, OperationalError, connection

from billing.ledger import HEARTBEAT_S, book, sweep, writer_beat, writer_end, writer_start
from billing.metrics import BATCH_SIZE, LATE_SETTLEMENTS, SWEPT_HOLDS
from billing.operations import (
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

BATCH_MAX = 256
BUSY_SPELL_S = 0.020  # after this long without a pause…
BREATH_S = 0.001  # …the lock stays free this long, or SQLite's other writers starve
PATIENCE_S = 10.0  # how long a hold waits for a database that is away; settlements wait for ever
RETRY_PAUSE_S = 0.25


@dataclass(slots=True, eq=False)
class Ticket:
    operation: Operation
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Outcome]"
    given_up_at: float


class Clerk:
    """Start, use from any event loop, stop. One per process."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.work, name="clerk", daemon=True)
        self.started: Future[int] = Future()
        self.writer_id = 0
        self.beat_at = 0.0
        self.is_healthy = True

    def start(self) -> None:
        self.thread.start()
        self.writer_id = self.started.result(timeout=60)

    def stop(self, timeout_s: float = 30) -> None:
        """Books what is queued, then ends."""
        self.inbox.put(None)
        self.thread.join(timeout_s)

    # --- for callers ---------------------------------------------------------------------------
    async def hold(self, operation: PlaceHold) -> OpenHold:
        """Raises InsufficientBalance or LedgerUnavailable; then nothing is reserved."""
        outcome = await self.submit(operation)
        assert isinstance(outcome, OpenHold)
        return outcome

    async def extend(self, operation: ExtendHold) -> OpenHold:
        """The hold with one leg more. Raises InsufficientBalance, HoldGone or LedgerUnavailable."""
        outcome = await self.submit(operation)
        assert isinstance(outcome, OpenHold)
        return outcome

    async def settle(self, operation: Settle) -> Settlement:
        """Raises HoldGone when the hold was voided in the meantime: then nothing was charged."""
        outcome = await self.submit(operation)
        assert isinstance(outcome, Settlement)
        return outcome

    def submit(self, operation: Operation) -> "asyncio.Future[Outcome]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self.inbox.put(Ticket(operation, loop, future, time.monotonic() + PATIENCE_S))
        return future

    # --- the thread ----------------------------------------------------------------------------
    def work(self) -> None:
        try:
            self.started.set_result(writer_start(f"{socket.gethostname()}:{os.getpid()}"))
        except BaseException as error:
            self.started.set_exception(error)
            return
        self.writer_id = self.started.result()
        spell_began = time.monotonic()
        while True:
            tickets, is_last, waited = self.collect()
            if waited:
                spell_began = time.monotonic()
            if tickets:
                self.process(tickets)
            self.housekeep()
            if is_last:
                break
            if time.monotonic() - spell_began > BUSY_SPELL_S:
                time.sleep(BREATH_S)
                spell_began = time.monotonic()
        self.close()

    def collect(self) -> tuple[list[Ticket], bool, bool]:
        """What lies in the inbox (at least one ticket, or none when it was time for the heartbeat)."""
        waited = self.inbox.empty()
        try:
            first = self.inbox.get(timeout=max(0.01, self.beat_at - time.monotonic()))
        except queue.Empty:
            return [], False, True
        tickets = []
        item: Ticket | None = first
        while item is not None:
            tickets.append(item)
            if len(tickets) == BATCH_MAX:
                return tickets, False, waited
            try:
                item = self.inbox.get_nowait()
            except queue.Empty:
                return tickets, False, waited
        return tickets, True, waited

    def process(self, tickets: list[Ticket]) -> None:
        BATCH_SIZE.observe(len(tickets))
        try:
            outcomes = book([ticket.operation for ticket in tickets], writer_id=self.writer_id)
        except Error as error:
            log.warning("a batch of %d was rolled back (%s); booking one by one", len(tickets), error)
            for ticket in tickets:
                self.process_alone(ticket)
        else:
            self.is_healthy = True
            resolve(tickets, outcomes)

    def process_alone(self, ticket: Ticket) -> None:
        """A refused operation fails alone; a database that is away is waited for."""
        while True:
            try:
                outcome = book([ticket.operation], writer_id=self.writer_id)[0]
            except (OperationalError, InterfaceError) as error:
                self.is_healthy = False
                connection.close()
                if time.monotonic() > ticket.given_up_at and not isinstance(ticket.operation, Settle):
                    outcome = LedgerUnavailable(str(error))
                else:
                    time.sleep(RETRY_PAUSE_S)
                    continue
            except Error as error:
                log.exception("the database refused %s", type(ticket.operation).__name__)
                outcome = LedgerError(str(error))
            else:
                self.is_healthy = True
            resolve([ticket], [outcome])
            return

    def housekeep(self) -> None:
        """Heartbeat and sweep, every HEARTBEAT_S."""
        if time.monotonic() < self.beat_at:
            return
        self.beat_at = time.monotonic() + HEARTBEAT_S
        try:
            writer_beat(self.writer_id)
            if swept := sweep(writer_id=self.writer_id):
                SWEPT_HOLDS.inc(swept)
                log.warning("voided %d abandoned holds", swept)
            self.is_healthy = True
        except Error as error:
            self.is_healthy = False
            log.warning("heartbeat failed: %s", error)
            connection.close()

    def close(self) -> None:
        try:
            writer_end(self.writer_id)
        except Error as error:
            log.warning("could not sign off: %s", error)
        connection.close()


def resolve(tickets: Sequence[Ticket], outcomes: Sequence[Outcome]) -> None:
    """Hand the outcomes back, with one wake-up per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Outcome], Outcome]]] = {}
    for ticket, outcome in zip(tickets, outcomes, strict=True):
        if isinstance(outcome, HoldGone) and isinstance(ticket.operation, Settle):
            LATE_SETTLEMENTS.inc()
        by_loop.setdefault(ticket.loop, []).append((ticket.future, outcome))
    for loop, pairs in by_loop.items():
        try:
            loop.call_soon_threadsafe(deliver, pairs)
        except RuntimeError:  # the loop closed; what was booked stays booked
            log.warning("%d callers were gone when their bookings were done", len(pairs))


def deliver(pairs: list[tuple["asyncio.Future[Outcome]", Outcome]]) -> None:
    for future, outcome in pairs:
        if future.done():
            continue  # the caller was cancelled while the booking was on its way
        if isinstance(outcome, LedgerError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
