"""The ledger as its owner reads it: what calls cost, what was granted, what is reserved; the newest first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from django.db import connection
from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts.models import Workspace
from accounts.paging import Page
from billing.checking import one_snapshot
from billing.models import Account, Transfer, UsageRecord
from billing.selectors.periods import Period
from billing.selectors.records import Cursor, records_from, records_page
from billing.selectors.usage import NOTHING, Sums, UsageQuery

GRANTS_MAX = 200


@dataclass(frozen=True)
class Grant:
    """Money given to a workspace. `balance_nano` is what it had then, if no call was under way."""

    transfer_id: str
    wallet: str  # trial | paid
    amount_nano: int
    reason: str
    created_at: datetime
    balance_nano: int | None = None


@dataclass(frozen=True)
class Entry:
    """A row of the book: a call or a grant."""

    record: UsageRecord | None
    grant: Grant | None

    @property
    def created_at(self) -> datetime:
        found = self.record or self.grant
        assert found is not None
        return found.created_at


@dataclass(frozen=True)
class Day:
    day: date
    cost_nano: int
    entries: list[Entry]


@dataclass(frozen=True)
class Book:
    page: Page[UsageRecord]
    days: list[Day]


def grants_of(*, workspace: Workspace, period: Period | None = None) -> list[Grant]:
    """The newest first. Found by the ids of their transfers: wallets have no index of what they received."""
    rows = Transfer.objects.filter(granted_to(workspace), kind=Transfer.Kind.DIRECT).select_related("credit")
    if period is not None:
        rows = rows.filter(created_at__gte=period.start, created_at__lt=period.end)
    return [
        Grant(row.id, row.credit.kind, row.amount_nano, row.reason, row.created_at)
        for row in rows.order_by("-created_at", "-id")[:GRANTS_MAX]
    ]


def grants_between(*, workspace: Workspace, below: Cursor | None, down_to: Cursor | None) -> list[Transfer]:
    """The grants that lie between two calls; None is the end of time, or its beginning."""
    rows = Transfer.objects.filter(granted_to(workspace), kind=Transfer.Kind.DIRECT).select_related("debit", "credit")
    if below is not None:
        rows = rows.filter(created_at__lt=below.created_at)
    if down_to is not None:
        rows = rows.filter(created_at__gte=down_to.created_at)
    return list(rows.order_by("-created_at", "-id")[:GRANTS_MAX])


def granted_to(workspace: Workspace) -> Q:
    """`trial/7`, and all that begins with `grant/7/`, in the form for which each database has an index."""
    start = f"grant/{workspace.pk}/"
    if connection.vendor == "sqlite":  # compares bytes, and "0" comes after "/"
        return Q(id=f"trial/{workspace.pk}") | Q(id__gt=start, id__lt=f"grant/{workspace.pk}0")
    return Q(id=f"trial/{workspace.pk}") | Q(id__startswith=start)


def book_page(
    *, query: UsageQuery, daily: Mapping[date, Sums], number: int, size: int, with_grants: bool = True,
    with_calls: bool = True,
) -> Book:  # fmt: skip
    """A page of so many calls, and the grants that lie between them, by day. `daily` has the days' sums."""
    assert query.workspace is not None
    page = records_page(query, daily, number, size) if with_calls else Page[UsageRecord]([], number, size, False)
    grants = grants_of(workspace=query.workspace, period=query.period) if with_grants else []
    if grants:
        above = records_from(query, daily, page.first - 2).first() if page.first > 1 else None
        grants = with_balances(query.workspace, within(page, above, grants))
    entries = [*(Entry(record, None) for record in page.rows), *(Entry(None, grant) for grant in grants)]
    entries.sort(key=lambda entry: entry.created_at, reverse=True)
    return Book(page, list(by_day(entries, daily)))


def within(page: Page[UsageRecord], above: UsageRecord | None, grants: Sequence[Grant]) -> list[Grant]:
    """Those that belong on the page: below the last call of the page before, and not below its own last."""
    if not page.rows:
        return list(grants) if page.number == 1 else []
    last = page.rows[-1].created_at
    return [
        grant
        for grant in grants
        if (above is None or grant.created_at <= above.created_at) and (not page.has_more or grant.created_at > last)
    ]


def with_balances(workspace: Workspace, grants: list[Grant]) -> list[Grant]:
    """What was granted until then, less what calls had cost; no query where the first grant is the only one."""
    if not grants:
        return []
    ever = grants_of(workspace=workspace)
    first = ever[-1].created_at
    later = [grant for grant in grants if grant.created_at > first]
    costs = costs_before(workspace, later) if later else {}
    return [
        replace(grant, balance_nano=granted_until(grant, ever) - costs.get(grant.transfer_id, 0)) for grant in grants
    ]


def granted_until(grant: Grant, ever: Sequence[Grant]) -> int:
    return sum(one.amount_nano for one in ever if one.created_at <= grant.created_at)


def costs_before(workspace: Workspace, grants: Sequence[Grant]) -> dict[str, int]:
    """All that calls ever cost, which the wallets know, less what they cost since: most grants looked at are young."""
    charged = F("trial_nano") + F("paid_nano")
    sums = {
        f"since_{number}": Sum(charged, filter=Q(created_at__gte=grant.created_at))
        for number, grant in enumerate(grants)
    }
    oldest = min(grant.created_at for grant in grants)
    with one_snapshot():  # or a call booked between the two would be on one side only
        since = UsageRecord.objects.filter(workspace=workspace, created_at__gte=oldest).aggregate(**sums)
        ever = Account.objects.filter(workspace=workspace).aggregate(sum=Sum("debits_nano"))["sum"] or 0
    return {grant.transfer_id: ever - (since[f"since_{number}"] or 0) for number, grant in enumerate(grants)}


def by_day(entries: Sequence[Entry], daily: Mapping[date, Sums]) -> Iterator[Day]:
    for day, found in groupby(entries, key=lambda entry: timezone.localdate(entry.created_at)):
        yield Day(day, daily.get(day, NOTHING).cost_nano, list(found))
