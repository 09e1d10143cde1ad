"""How soon models begin to answer: measured by a task every few minutes, so that pages read a row and not the calls."""

from collections import defaultdict
from datetime import timedelta
from statistics import median_low

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Workspace
from billing.models import FirstToken, UsageRecord

WINDOW = timedelta(days=1)
CALLS_MAX = 200_000  # about so many are read: of a day that had more, its last hours tell


def first_tokens_measure() -> int:
    """The number of models that were measured. Those without a call in the window are forgotten."""
    now = timezone.now()
    times: dict[str, list[int]] = defaultdict(list)
    day = calls_measured().filter(created_at__gte=now - WINDOW)
    window = WINDOW * min(1, CALLS_MAX / max(1, day.count()))
    for model, first_ms in day.filter(created_at__gte=now - window).values_list("model", "first_byte_ms").iterator():
        times[model].append(first_ms)  # type: ignore[arg-type]  # none is NULL
    rows = [
        FirstToken(model=model, p50_ms=median_low(found), calls=len(found), measured_at=now)
        for model, found in sorted(times.items())
    ]
    with transaction.atomic():
        FirstToken.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["model"], update_fields=["p50_ms", "calls", "measured_at"]
        )
        FirstToken.objects.filter(measured_at__lt=now).delete()
    return len(rows)


def calls_measured() -> QuerySet[UsageRecord]:
    """What was answered. A chat that is not streamed begins when it is whole, which says nothing of its beginning.
    Through the workspaces, whose index of times there is."""
    is_telling = Q(streamed=True) | ~Q(operation__in=("chat", "completions"))
    rows = UsageRecord.objects.filter(workspace__in=Workspace.objects.values("pk"), outcome="success")
    return rows.filter(is_telling, first_byte_ms__isnull=False)


def first_tokens() -> dict[str, int]:
    """Milliseconds by model."""
    return dict(FirstToken.objects.values_list("model", "p50_ms"))
