"""Runs of the ledger's check, remembered: the console says when the ledger was last seen to be whole.

The check reads every transfer there is, so it runs in a worker or a command and never in a web process.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from django.db import connection
from django.utils import timezone

from billing.checking import LedgerReport, ledger_check
from billing.models import LedgerCheck

HOUR_S = 3600
RESTS = 20  # times as long as a check took: large ledgers are checked less often, at a twentieth of one processor
KEPT = 50
SEEN_EVERY_S = 20.0
CUT_OFF_S = 90.0  # a run that was not seen for so long has lost its process


def check_claim() -> LedgerCheck | None:
    """This hour's check for whoever asks first; None for everybody else, and while the last one is rested from."""
    if is_check_running() or is_resting():
        return None
    check, is_first = LedgerCheck.objects.get_or_create(
        hour=int(time.time()) // HOUR_S, defaults={"started_at": timezone.now()}
    )
    return check if is_first else None


def is_resting() -> bool:
    last = check_last()
    if last is None or last.finished_at is None:
        return False
    return timezone.now() < last.finished_at + RESTS * timedelta(milliseconds=last.duration_ms)


def check_run(check: LedgerCheck | None = None) -> LedgerReport:
    """Checks the ledger now and remembers what was found."""
    check = check or LedgerCheck.objects.create(started_at=timezone.now())
    with seen_meanwhile(check):
        report = ledger_check()
    LedgerCheck.objects.filter(pk=check.pk).update(
        finished_at=timezone.now(), transfers=report.transfers, requests=report.requests, findings=report.findings
    )
    kept = LedgerCheck.objects.order_by("-pk").values_list("pk", flat=True)[:KEPT]
    LedgerCheck.objects.filter(pk__lt=min(kept)).delete()
    return report


@contextmanager
def seen_meanwhile(check: LedgerCheck) -> Iterator[None]:
    """Says so in the check's row from time to time, on another connection: the check's own is inside a snapshot."""
    is_over = Event()

    def say() -> None:
        while not is_over.wait(SEEN_EVERY_S):
            LedgerCheck.objects.filter(pk=check.pk).update(seen_at=timezone.now())
        connection.close()

    thread = Thread(target=say, name="ledger check", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def check_last() -> LedgerCheck | None:
    """The last that came to its end."""
    return LedgerCheck.objects.exclude(finished_at=None).order_by("-finished_at").first()


def checks_latest(*, limit: int) -> list[LedgerCheck]:
    return list(LedgerCheck.objects.order_by("-pk")[:limit])


def is_check_running() -> bool:
    since = timezone.now() - timedelta(seconds=CUT_OFF_S)
    return LedgerCheck.objects.filter(finished_at=None, seen_at__gt=since).exists()
