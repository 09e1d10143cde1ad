"""Single calls: pages of them without counting, their keys' names, their neighbours."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Q, QuerySet

from accounts.models import ApiKey, Workspace
from accounts.paging import Page
from billing.models import UsageRecord
from billing.operations import EPOCH
from billing.selectors.periods import DAY, Period
from billing.selectors.usage import Sums, UsageQuery, usage_records

MICROSECOND = timedelta(microseconds=1)


class Cursor(NamedTuple):
    """Where a page ended: the next begins below this call."""

    created_at: datetime
    request_id: str

    def __str__(self) -> str:
        return f"{(self.created_at - EPOCH) // MICROSECOND}.{self.request_id}"


def cursor_parse(text: str) -> Cursor:
    """Raises ValueError."""
    moment, _, request_id = text.partition(".")
    if not (moment.isdecimal() and len(moment) <= 16 and 0 < len(request_id) <= 64):
        raise ValueError(f"{text[:100]!r} is no cursor of this API")
    return Cursor(EPOCH + int(moment) * MICROSECOND, request_id)


def records_newest_first(rows: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
    return rows.order_by("-created_at", "-request_id")


def older_than(cursor: Cursor) -> Q:
    """Both halves name the column, so that the index gives the range and the rest is a filter."""
    return Q(created_at__lte=cursor.created_at) & ~Q(created_at=cursor.created_at, request_id__gte=cursor.request_id)


def newer_than(cursor: Cursor) -> Q:
    return Q(created_at__gte=cursor.created_at) & ~Q(created_at=cursor.created_at, request_id__lte=cursor.request_id)


def cursor_of(record: UsageRecord) -> Cursor:
    return Cursor(record.created_at, record.request_id)


def records_after(
    rows: QuerySet[UsageRecord], cursor: Cursor | None, limit: int
) -> tuple[list[UsageRecord], Cursor | None]:
    """`limit` calls below the cursor, newest first, and the cursor of the next page if there is one."""
    if cursor is not None:
        rows = rows.filter(older_than(cursor))
    found = list(records_newest_first(rows)[: limit + 1])
    page = found[:limit]
    return page, cursor_of(page[-1]) if len(found) > limit else None


def records_page(query: UsageQuery, daily: Mapping[date, Sums], number: int, size: int) -> Page[UsageRecord]:
    """Of the calls of the query, the newest first. `daily` has the sums of every day that has any."""
    found = list(records_from(query, daily, (number - 1) * size)[: size + 1])
    return Page(found[:size], number, size, len(found) > size)


def records_from(query: UsageQuery, daily: Mapping[date, Sums], start: int) -> QuerySet[UsageRecord]:
    """All but the newest `start` calls. Whole days are left out by their number of calls, without being read."""
    assert query.period is not None
    period = query.period
    for day in sorted(daily, reverse=True):
        if daily[day].calls > start:
            break
        start -= daily[day].calls
        period = Period(period.first, day - DAY)
    return records_newest_first(usage_records(query.over(period)))[start:]


def neighbours_of(*, workspace: Workspace, record: UsageRecord) -> tuple[UsageRecord | None, UsageRecord | None]:
    """The next newer call of the workspace, and the next older one."""
    here = cursor_of(record)
    rows = UsageRecord.objects.filter(workspace=workspace)
    newer = rows.filter(newer_than(here)).order_by("created_at", "request_id").first()
    return newer, records_newest_first(rows.filter(older_than(here))).first()


def key_names(*, workspace: Workspace | None, ids: Iterable[int | None]) -> dict[int | None, ApiKey]:
    """The keys behind some calls, by id; only those of the workspace."""
    rows = ApiKey.objects.filter(id__in={number for number in ids if number is not None})
    if workspace is not None:
        rows = rows.filter(workspace=workspace)
    return {key.pk: key for key in rows}
