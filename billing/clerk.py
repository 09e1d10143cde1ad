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
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from django.db import Error, InterfaceError, OperationalError, connection

from billing.ledger import (
    DEAD_AFTER_S,
    HEARTBEAT_S,
    SWEEP_LIMIT,
    book,
    sweep,
    writer_beat,
    writer_end,
    writer_start,
)
from billing.operations import (
    AbandonedHold,
    ExtendHold,
    LedgerError,
    LedgerUnavailable,
    OpenHold,
    Operation,
    Outcome,
    PlaceHold,
    Settle,
    Settlement,
)
from billing.recovery import booked_before

log = logging.getLogger(__name__)

BATCH_MAX = 256
BUSY_SPELL_S = 0.020  # after this long without a pause…
BREATH_S = 0.001  # …the lock stays free this long, or SQLite's other writers starve
PATIENCE_S = 10.0  # how long a hold waits for a database that is away; settlements wait for ever
RETRY_PAUSE_S = 0.25
STUCK_AFTER_S = 5.0


@dataclass(slots=True, eq=False)
class Ticket:
    operation: Operation
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Outcome]"
    given_up_at: float


class Clerk:
    """Start, use from any event loop, stop. A gateway's runs in a process of its own: see billing.clerk_process."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[list[Ticket] | None] = queue.SimpleQueue()
        self.gathered: dict[asyncio.AbstractEventLoop, list[Ticket]] = {}
        self.thread = threading.Thread(target=self.work, name="clerk", daemon=True)
        self.started: Future[int] = Future()
        self.writer_id = 0
        self.beat_at = 0.0
        self.steady_since = 0.0
        self.is_healthy = True
        self.is_stopping = self.is_ended = False
        self.busy_since = 0.0
        self.batches = self.bookings = self.swept = 0

    def start(self) -> None:
        self.thread.start()
        self.writer_id = self.started.result(timeout=60)

    def stop(self, timeout_s: float = 30) -> None:
        """Books what is queued, then ends; what is asked after that is refused."""
        for loop in list(self.gathered):
            self.hand_in(loop)
        self.inbox.put(None)
        self.thread.join(timeout_s)

    @property
    def is_working(self) -> bool:
        """Healthy, and not in the middle of a batch that does not end."""
        return self.is_healthy and not (self.busy_since and time.monotonic() - self.busy_since > STUCK_AFTER_S)

    def counted(self) -> tuple[int, int, int]:
        """Transactions, operations and swept holds so far."""
        return self.batches, self.bookings, self.swept

    # --- for callers ---------------------------------------------------------------------------
    async def hold(self, operation: PlaceHold) -> OpenHold:
        """Raises InsufficientBalance or LedgerUnavailable; then nothing is reserved."""
        return cast("OpenHold", await self.submit(operation))

    async def extend(self, operation: ExtendHold) -> OpenHold:
        """The hold with one leg more. Raises InsufficientBalance, HoldGone or LedgerUnavailable."""
        return cast("OpenHold", await self.submit(operation))

    async def settle(self, operation: Settle) -> Settlement:
        """Raises HoldGone when the hold was voided in the meantime: then nothing was charged."""
        return cast("Settlement", await self.submit(operation))

    def submit(self, operation: Operation) -> "asyncio.Future[Outcome]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        tickets = self.gathered.get(loop)
        if tickets is None:
            tickets = self.gathered[loop] = []
            loop.call_soon(self.hand_in, loop)
        tickets.append(Ticket(operation, loop, future, time.monotonic() + PATIENCE_S))
        return future

    def hand_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """All of one turn of the loop at once: waking a thread costs more than writing a row."""
        if tickets := self.gathered.pop(loop, None):
            self.inbox.put(tickets)
        if self.is_ended:
            self.refuse_rest()

    # --- the thread ----------------------------------------------------------------------------
    def work(self) -> None:
        try:
            self.started.set_result(writer_start(f"{socket.gethostname()}:{os.getpid()}"))
        except BaseException as error:
            self.started.set_exception(error)
            return
        self.writer_id = self.started.result()
        try:
            self.serve()
        finally:
            self.close()

    def serve(self) -> None:
        spell_began = time.monotonic()
        while not self.is_stopping:
            tickets, waited = self.collect()
            if waited:
                spell_began = time.monotonic()
            if tickets:
                self.batches += 1
                self.bookings += len(tickets)
                self.process(tickets)
                self.busy_since = 0.0
            self.housekeep()
            if time.monotonic() - spell_began > BUSY_SPELL_S:
                time.sleep(BREATH_S)
                spell_began = time.monotonic()

    def collect(self) -> tuple[list[Ticket], bool]:
        """What lies in the inbox (nothing when a heartbeat is due), and whether there was a wait for it."""
        tickets: list[Ticket] = []
        waited = self.inbox.empty()
        try:
            item = self.inbox.get(timeout=max(0.01, self.beat_at - time.monotonic()))
            while item is not None:
                tickets += item
                if len(tickets) >= BATCH_MAX:
                    return tickets, waited
                item = self.inbox.get_nowait()
        except queue.Empty:
            return tickets, waited
        self.is_stopping = True
        return tickets, waited

    def process(self, tickets: list[Ticket]) -> None:
        self.busy_since = time.monotonic()
        try:
            outcomes = book([ticket.operation for ticket in tickets], writer_id=self.writer_id)
        except (OperationalError, InterfaceError) as error:
            self.wait_for_database(tickets, error)
        except Exception as error:
            self.isolate(tickets, error)
        else:
            self.is_healthy = True
            self.resolve(tickets, outcomes)

    def isolate(self, tickets: list[Ticket], error: Exception) -> None:
        """All were rolled back for one: halve them until it stands, and fails, alone."""
        if len(tickets) == 1:
            log.error("%s cannot be booked", type(tickets[0].operation).__name__, exc_info=error)
            self.resolve(tickets, [LedgerError(str(error))])
            return
        log.warning("a batch of %d was rolled back: %s", len(tickets), error)
        middle = len(tickets) // 2
        self.process(tickets[:middle])
        self.process(tickets[middle:])

    def wait_for_database(self, tickets: list[Ticket], error: Exception) -> None:
        """The database is away, or went away during COMMIT. Settlements wait as long as it takes."""
        log.warning("the database is away (%s); %d bookings wait", error, len(tickets))
        while tickets:
            self.is_healthy = False
            connection.close()
            time.sleep(RETRY_PAUSE_S)
            tickets = self.keep_patient([*tickets, *self.arrived()])
            tickets = self.try_again(tickets)

    def arrived(self) -> list[Ticket]:
        """What came in meanwhile: it need not wait behind a settlement for longer than its patience."""
        tickets: list[Ticket] = []
        with suppress(queue.Empty):
            while True:
                item = self.inbox.get_nowait()
                if item is None:
                    self.is_stopping = True
                else:
                    tickets += item
        return tickets

    def keep_patient(self, tickets: list[Ticket]) -> list[Ticket]:
        now = time.monotonic()
        late = [t for t in tickets if now > t.given_up_at and not isinstance(t.operation, Settle)]
        self.resolve(late, [LedgerUnavailable("the ledger's database is away")] * len(late))
        return [ticket for ticket in tickets if ticket not in late] if late else tickets

    def try_again(self, tickets: list[Ticket]) -> list[Ticket]:
        """One by one; those that are left when the database is away again."""
        for index, ticket in enumerate(tickets):
            try:
                outcome: Outcome = booked_before(ticket.operation, writer_id=self.writer_id)
                outcome = outcome or book([ticket.operation], writer_id=self.writer_id)[0]
            except (OperationalError, InterfaceError):
                return tickets[index:]
            except Exception as error:
                self.isolate([ticket], error)
            else:
                self.is_healthy = True
                self.resolve([ticket], [outcome])
        return []

    def housekeep(self) -> None:
        """Heartbeat and sweep, every HEARTBEAT_S."""
        now = time.monotonic()
        if now < self.beat_at:
            return
        if now > self.beat_at + HEARTBEAT_S:
            self.steady_since = now  # we were silent ourselves, perhaps everybody was: others need time to be seen
        self.beat_at = now + HEARTBEAT_S
        try:
            writer_beat(self.writer_id)
            swept = sweep(writer_id=self.writer_id, silence_counts=now - self.steady_since > DEAD_AFTER_S)
        except Exception as error:
            self.is_healthy = False
            self.steady_since = now
            log.warning("heartbeat failed: %s", error)
            connection.close()
        else:
            self.is_healthy = True
            if swept:
                self.swept += swept
                log.warning("voided %d abandoned holds", swept)
            if swept == SWEEP_LIMIT:
                self.beat_at = now  # there are more

    def close(self) -> None:
        self.is_ended = True
        self.is_healthy = False
        self.refuse_rest()
        try:
            writer_end(self.writer_id)
        except Error as error:
            log.warning("could not sign off: %s", error)
        connection.close()

    def refuse_rest(self) -> None:
        for ticket in self.arrived():
            self.resolve([ticket], [LedgerUnavailable("the clerk has stopped")])

    # --- back to the callers -------------------------------------------------------------------
    def resolve(self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome]) -> None:
        """Hand the outcomes back, with one wake-up per event loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Ticket, Outcome]]] = {}
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            by_loop.setdefault(ticket.loop, []).append((ticket, outcome))
        for loop, pairs in by_loop.items():
            try:
                loop.call_soon_threadsafe(deliver, pairs, self.submit)
            except RuntimeError:  # the loop closed; what was booked stays booked
                log.warning("%d callers were gone when their bookings were done", len(pairs))


def deliver(pairs: list[tuple[Ticket, Outcome]], submit: Callable[[Operation], object]) -> None:
    for ticket, outcome in pairs:
        future = ticket.future
        if future.done():  # the caller was cancelled while the booking was on its way
            if isinstance(ticket.operation, PlaceHold) and isinstance(outcome, OpenHold):
                submit(AbandonedHold(outcome.context))  # nobody else knows of this hold
        elif isinstance(outcome, LedgerError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
