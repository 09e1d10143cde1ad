"""The clerk: reads holds and settlements from a socket, commits them in groups, and answers after COMMIT.

What a gateway was told is durable. Group commit is what makes that cheap: what arrives during one commit is the
next batch, so under load one fsync serves hundreds of operations. One thread and no event loop: there is nothing
to hand over, and nothing to wait for but the socket and the database.
"""

import logging
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from django.db import Error, IntegrityError, connection

from billing.clerk_wire import (
    HELLO,
    REPORT,
    REPORT_EVERY_S,
    Frame,
    FrameReader,
    frame_pack,
    operation_unpack,
    outcome_pack,
)
from billing.database import is_away
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
    HoldGone,
    LedgerError,
    LedgerUnavailable,
    Operation,
    Outcome,
    PlaceHold,
    Settle,
)
from billing.pricing import total_nano
from billing.recovery import booked_before

log = logging.getLogger(__name__)

BATCH_MAX = 256
READ_BYTES = 256 * 1024
BUSY_SPELL_S = 0.020  # after this long without a pause…
BREATH_S = 0.001  # …the lock stays free this long, or SQLite's other writers starve
PATIENCE_S = 10.0  # how long a hold waits for a database that is away; settlements wait for ever…
LEFT_PATIENCE_S = 20.0  # …or this long, when the gateway is gone, which waits STOP_TIMEOUT_S for the clerk's end
RETRY_PAUSE_S = 0.25
NOBODY = 0  # the number of a ticket that nobody waits for; a gateway's begin at 1
PATIENT = (Settle, AbandonedHold)  # what nobody else would do in their place


class Ticket(NamedTuple):
    number: int
    operation: Operation
    given_up_at: float


class Clerk:
    """Books for the gateway at the other end of a socket until that end is closed."""

    def __init__(self, gateway: socket.socket) -> None:
        self.gateway = gateway
        self.reader = FrameReader()
        self.inbox: list[Ticket] = []
        self.writer_id = 0
        self.beat_at = self.report_at = 0.0
        self.steady_since = 0.0
        self.is_healthy = True
        self.left_at: float | None = None  # when the gateway closed its end
        self.batches = self.bookings = self.swept = 0

    def run(self) -> None:
        """Signs on, books until the gateway is gone and what it sent is booked, signs off."""
        self.writer_id = writer_start(f"{socket.gethostname()}:{os.getpid()}")
        try:
            self.report((HELLO, self.writer_id))
            self.serve()
        finally:
            self.close()

    def serve(self) -> None:
        spell_began = time.monotonic()
        while self.inbox or self.left_at is None:
            tickets, waited = self.collect()
            if waited:
                spell_began = time.monotonic()
            if tickets:
                self.batches += 1
                self.bookings += len(tickets)
                self.process(tickets)
            self.housekeep()
            if time.monotonic() - spell_began > BUSY_SPELL_S:
                time.sleep(BREATH_S)
                spell_began = time.monotonic()

    def close(self) -> None:
        """Signs off, and gives back what nobody will settle: the gateway is gone, or goes when the line is cut."""
        try:
            writer_end(self.writer_id)
            while sweep(writer_id=self.writer_id, silence_counts=False) == SWEEP_LIMIT:
                pass
        except Error as error:
            log.warning("could not sign off: %s", error)
        connection.close()
        self.gateway.close()

    # --- the socket ----------------------------------------------------------------------------
    def collect(self) -> tuple[list[Ticket], bool]:
        """What is to be booked next (nothing when housekeeping is due), and whether there was a wait for it."""
        self.read(0)
        waited = not self.inbox
        if waited:
            self.read(max(0.01, min(self.beat_at, self.report_at) - time.monotonic()))
        tickets = self.inbox[:BATCH_MAX]
        del self.inbox[:BATCH_MAX]
        return tickets, waited

    def read(self, wait_s: float) -> None:
        """Moves what the gateway has sent to the inbox, waiting at most `wait_s` for something to come."""
        if self.left_at is not None:
            return
        self.gateway.settimeout(wait_s)
        try:
            data = self.gateway.recv(READ_BYTES)
        except (BlockingIOError, TimeoutError):
            return
        except ConnectionError:
            data = b""
        now = time.monotonic()
        if not data:
            self.left_at = now
        for frame in self.reader.feed(data):
            self.inbox += [Ticket(number, operation_unpack(packed), now + PATIENCE_S) for number, packed in frame]

    def resolve(self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome]) -> None:
        pairs = zip(tickets, outcomes, strict=True)
        if items := [(ticket.number, outcome_pack(outcome)) for ticket, outcome in pairs if ticket.number != NOBODY]:
            self.answer(items)

    def answer(self, items: Frame) -> None:
        """To a gateway that is gone it is said in vain. What that one sent before may still lie in the socket."""
        self.gateway.settimeout(None)
        with suppress(OSError):
            self.gateway.sendall(frame_pack(items))

    # --- booking -------------------------------------------------------------------------------
    def process(self, tickets: list[Ticket]) -> None:
        try:
            outcomes = book([ticket.operation for ticket in tickets], writer_id=self.writer_id)
        except Exception as error:
            if is_away(error):
                self.wait_for_database(tickets, error)
            else:
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
        while tickets and not self.is_past_waiting:
            self.is_healthy = False
            connection.close()
            time.sleep(RETRY_PAUSE_S)
            self.report()
            self.read(0)  # what comes in meanwhile need not wait behind a settlement for longer than its patience
            tickets, self.inbox = [*tickets, *self.inbox], []
            tickets = self.try_again(self.keep_patient(tickets))
        for ticket in tickets:
            log_given_up(ticket.operation)
        self.report()

    @property
    def is_past_waiting(self) -> bool:
        """The gateway's next incarnation has its own clerk, and voids what this one leaves open."""
        return self.left_at is not None and time.monotonic() > self.left_at + LEFT_PATIENCE_S

    def keep_patient(self, tickets: list[Ticket]) -> list[Ticket]:
        """Callers of late holds are refused; whether a broken commit placed them all the same is seen to later."""
        now = time.monotonic()
        late = [t for t in tickets if now > t.given_up_at and not isinstance(t.operation, PATIENT)]
        self.resolve(late, [LedgerUnavailable("the ledger's database is away")] * len(late))
        give_backs = [
            Ticket(NOBODY, AbandonedHold(t.operation.context), now) for t in late if isinstance(t.operation, PlaceHold)
        ]
        return [ticket for ticket in tickets if ticket not in late] + give_backs if late else tickets

    def try_again(self, tickets: list[Ticket]) -> list[Ticket]:
        """One by one; those that are left when the database is away again."""
        for index, ticket in enumerate(tickets):
            try:
                outcome = self.book_once(ticket.operation)
            except Exception as error:
                if is_away(error):
                    return tickets[index:]
                self.isolate([ticket], error)
            else:
                self.is_healthy = True
                self.resolve([ticket], [outcome])
            self.housekeep()  # an outage may have left thousands
        return []

    def book_once(self, operation: Operation) -> Outcome:
        """Looks before and after: a COMMIT whose line broke may still have been running at the first look."""
        if before := booked_before(operation, writer_id=self.writer_id):
            return before
        try:
            outcome = book([operation], writer_id=self.writer_id)[0]
        except IntegrityError:
            if after := booked_before(operation, writer_id=self.writer_id):
                return after
            raise
        if isinstance(outcome, HoldGone):
            return booked_before(operation, writer_id=self.writer_id) or outcome
        return outcome

    # --- housekeeping --------------------------------------------------------------------------
    def housekeep(self) -> None:
        """Heartbeat and sweep, every HEARTBEAT_S; a report to the gateway, every REPORT_EVERY_S."""
        now = time.monotonic()
        if now >= self.beat_at:
            self.beat(now)
        if now >= self.report_at:
            self.report()

    def beat(self, now: float) -> None:
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

    def report(self, *before: tuple[int, int]) -> None:
        """How the clerk is, and what it counted: the metrics page is on the other side."""
        self.report_at = time.monotonic() + REPORT_EVERY_S
        self.answer([*before, (REPORT, (self.is_healthy, self.batches, self.bookings, self.swept))])


def log_given_up(operation: Operation) -> None:
    """The log is the last place that knows what such a call has cost; its hold will be voided."""
    if isinstance(operation, Settle):
        call, cost_nano = operation.context, total_nano(operation.lines)
        log.error(
            "perhaps not booked: request %s of workspace %d, %d nano-yuan",
            call.request_id,
            call.workspace_id,
            cost_nano,
        )
