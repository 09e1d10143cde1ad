"""Booking operations in one transaction, the writers that sign them, the holds that lost their process."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import Error
from django.db.models import Q
from django.db.models.functions import Now

from billing.batch import Batch
from billing.chain import GENESIS
from billing.database import database_in_use, is_away
from billing.models import Account, Hold, Writer
from billing.operations import AbandonedHold, Operation, Outcome
from billing.rows import context_parse

log = logging.getLogger(__name__)

HEARTBEAT_S = 3
# A clerk that was silent this long is dead: with a sweep every HEARTBEAT_S its holds are void within 30 s.
DEAD_AFTER_S = 15
SWEEP_LIMIT = 500


def book(operations: Sequence[Operation], *, writer_id: int) -> list[Outcome]:
    """Books all operations in one transaction and answers when it is committed.

    Refusals (`LedgerError`) are outcomes in their operation's place; any other error books nothing and is
    raised. Idempotency is the database's: a transfer's id exists once, a hold is resolved once.
    """
    database = database_in_use()
    with database.transaction():
        batch = Batch(
            database,
            writer_id=writer_id,
            platform=platform_accounts(database.name),
            now_us=time.time_ns() // 1000,
            hold_deadline_s=settings.HOLD_DEADLINE_S,
        )
        return batch.run(operations)


@cache
def platform_accounts(database: str) -> Mapping[str, int]:
    """The platform's account ids by kind, of the database in use; a migration made them, and they stay."""
    ids = dict(Account.objects.filter(workspace=None).values_list("kind", "id"))
    if not ids:
        raise RuntimeError(f"{database} has no platform accounts: run the migrations first")
    return ids


def console_writer_id() -> int:
    """The one writer of everything that is not a call: grants, top-ups, probes."""
    return Writer.objects.values_list("id", flat=True).get(kind=Writer.Kind.CONSOLE)


# --- incarnations ----------------------------------------------------------------------------------
def writer_start(label: str) -> int:
    writer = Writer.objects.create(kind=Writer.Kind.CLERK, label=label, last_hash=GENESIS)
    return writer.pk


def writer_beat(writer_id: int) -> None:
    """By the database's clock: hosts whose own clocks differ must not take each other for dead."""
    Writer.objects.filter(pk=writer_id).update(seen_at=Now())


def writer_end(writer_id: int) -> None:
    """Everything was settled: nobody has to wait for this incarnation to be missed."""
    Writer.objects.filter(pk=writer_id).update(seen_at=Now(), ended_at=Now())


def database_now() -> datetime:
    now: datetime = Writer.objects.values_list(Now(), flat=True)[0]
    return now


def holds_abandoned(*, now: datetime, silence_counts: bool = True) -> list[AbandonedHold]:
    """Open holds past their deadline, or of a clerk that ended or (if that counts) fell silent."""
    dead = Q(ended_at__isnull=False)
    if silence_counts:
        dead |= Q(seen_at__lt=now - timedelta(seconds=DEAD_AFTER_S))
    writers = Writer.objects.filter(dead, kind=Writer.Kind.CLERK)
    holds = Hold.objects.filter(Q(deadline_at__lt=now) | Q(writer__in=writers)).order_by("created_at")
    return [AbandonedHold(context_parse(text)) for text in holds.values_list("context", flat=True)[:SWEEP_LIMIT]]


def sweep(*, writer_id: int, silence_counts: bool = True) -> int:
    """Void abandoned holds; the number voided. Safe to run anywhere, any number of times."""
    found = holds_abandoned(now=database_now(), silence_counts=silence_counts)
    return release(found, writer_id=writer_id) if found else 0


def release(found: Sequence[AbandonedHold], *, writer_id: int) -> int:
    """Together if it can be, else one by one: a hold that the database refuses must not keep the others."""
    try:
        return sum(outcome is None for outcome in book(found, writer_id=writer_id))
    except Error as error:
        if is_away(error):
            raise
        if len(found) == 1:
            log.exception("the hold %s cannot be voided", found[0].context.request_id)
            return 0
        return sum(release([hold], writer_id=writer_id) for hold in found)
