"""Booking operations in one transaction, the writers that sign them, and the holds that lost their process."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from billing.batch import Batch
from billing.chain import GENESIS
from billing.models import Account, Hold, Writer
from billing.operations import AbandonedHold, Operation, Outcome
from billing.rows import context_parse, legs_parse

HEARTBEAT_S = 3
# A clerk that was silent this long is dead: with a sweep every HEARTBEAT_S its holds are void within 30 s.
DEAD_AFTER_S = 15
SWEEP_LIMIT = 500


def book(operations: Sequence[Operation], *, writer_id: int) -> list[Outcome]:
    """Books all operations in one transaction and answers when it is committed.

    Refusals (`LedgerError`) are outcomes in their operation's place; any other error books nothing and is
    raised. Idempotency is the database's: a transfer's id exists once, a hold is resolved once.
    """
    now = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        batch = Batch(
            cursor,
            writer_id=writer_id,
            platform=platform_accounts(),
            now=now,
            deadline_at=now + timedelta(seconds=settings.HOLD_DEADLINE_S),
        )
        return batch.run(operations)


@cache
def platform_accounts() -> Mapping[str, int]:
    """The platform's account ids by kind; the first migration made them, and they stay."""
    return dict(Account.objects.filter(workspace=None).values_list("kind", "id"))


def console_writer_id() -> int:
    """The one writer of everything that is not a call: grants, top-ups, probes."""
    return Writer.objects.values_list("id", flat=True).get(kind=Writer.Kind.CONSOLE)


# --- incarnations ----------------------------------------------------------------------------------
def writer_start(label: str) -> int:
    writer = Writer.objects.create(kind=Writer.Kind.CLERK, label=label, last_hash=GENESIS)
    return writer.pk


def writer_beat(writer_id: int) -> None:
    Writer.objects.filter(pk=writer_id).update(seen_at=timezone.now())


def writer_end(writer_id: int) -> None:
    """Everything was settled: nobody has to wait for this incarnation to be missed."""
    now = timezone.now()
    Writer.objects.filter(pk=writer_id).update(seen_at=now, ended_at=now)


def holds_abandoned(*, now: datetime) -> list[AbandonedHold]:
    """Open holds past their deadline, or of a clerk that ended or fell silent."""
    dead = Writer.objects.filter(kind=Writer.Kind.CLERK).filter(
        Q(seen_at__lt=now - timedelta(seconds=DEAD_AFTER_S)) | Q(ended_at__isnull=False)
    )
    rows = Hold.objects.filter(Q(deadline_at__lt=now) | Q(writer__in=dead))
    return [
        AbandonedHold(context_parse(context), legs_parse(legs))
        for context, legs in rows.values_list("context", "legs")[:SWEEP_LIMIT]
    ]


def sweep(*, writer_id: int) -> int:
    """Void abandoned holds; the number voided. Safe to run anywhere, any number of times."""
    found = holds_abandoned(now=timezone.now())
    if not found:
        return 0
    return sum(outcome is None for outcome in book(found, writer_id=writer_id))
