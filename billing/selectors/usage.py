"""Which calls, and what they add up to by hour; `tables` adds up days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum, Value
from django.utils import timezone

from accounts.models import Workspace
from billing.models import UsageRecord
from billing.selectors.periods import DAY, Period, midnight

Slot = tuple[datetime, datetime]
HOUR = timedelta(hours=1)
DAYS_SHOWN_MAX = 45  # a chart of more days has a column for each week
OUTCOMES = ("success", "client_closed", "broken_off", "failed", "abandoned")
FAILURES = ("broken_off", "failed", "abandoned")  # a caller who hangs up is no failure of ours


@dataclass(frozen=True)
class UsageQuery:
    """Which calls. Empty values leave everything in; `workspace=None` is the whole platform."""

    workspace: Workspace | None
    period: Period | None
    model: str = ""
    api_key_id: int | None = None
    operation: str = ""
    outcomes: tuple[str, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        return bool(self.model or self.api_key_id or self.operation or self.outcomes)

    def over(self, period: Period) -> "UsageQuery":
        return replace(self, period=period)


class Sums(NamedTuple):
    calls: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    pages: int = 0
    trial_nano: int = 0
    paid_nano: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost_nano(self) -> int:
        """What was charged."""
        return self.trial_nano + self.paid_nano


NOTHING = Sums()
ADDED_UP: Mapping[str, Any] = {
    "calls": Count("*"),
    "failures": Count("request_id", filter=Q(outcome__in=FAILURES)),
    **{f"{name}_sum": Sum(name) for name in ("prompt_tokens", "completion_tokens", "pages", "trial_nano", "paid_nano")},
}


def usage_records(query: UsageQuery) -> QuerySet[UsageRecord]:
    rows = UsageRecord.objects.all()
    if query.workspace is not None:
        rows = rows.filter(workspace=query.workspace)
    if query.period is not None:
        rows = rows.filter(created_at__gte=query.period.start, created_at__lt=query.period.end)
    if query.model:
        rows = rows.filter(model=query.model)
    if query.api_key_id:
        rows = rows.filter(api_key_id=query.api_key_id)
    if query.operation:
        rows = rows.filter(operation=query.operation)
    if query.outcomes:
        rows = rows.filter(outcome__in=query.outcomes)
    return rows


def usage_by_hour(query: UsageQuery) -> dict[int, Sums]:
    """Of the period's last day: the hours since midnight that had calls. A day may have 23 hours, or 25."""
    assert query.period is not None
    return by_slot(query, hours_of(query.period.last))


def hours_of(day: date) -> list[Slot]:
    start, end = midnight(day).astimezone(UTC), midnight(day + DAY).astimezone(UTC)
    return [(start + number * HOUR, start + (number + 1) * HOUR) for number in range((end - start) // HOUR)]


def by_slot(query: UsageQuery, slots: Sequence[Slot]) -> dict[int, Sums]:
    found = asked_by_slot(usage_records(replace(query, period=None)), slots, **ADDED_UP)
    return {slot: sums_of(numbers) for slot, *numbers in found if numbers[0]}


def asked_by_slot(
    rows: QuerySet[UsageRecord], slots: Sequence[Slot], *by: str, **aggregates: Any
) -> list[tuple[Any, ...]]:
    """(number of the slot, *by, *aggregates). One statement, a range of the index per slot: a third of the time of a
    GROUP BY over dates, and no database has to know what a local day is. `rows` have no range of their own: of two,
    SQLite's index would take the wider. One part is compiled and repeated, which is most of the time otherwise."""
    start, end = slots[0]
    part = rows.filter(created_at__gte=start, created_at__lt=end).annotate(slot=Value(0)).order_by()
    sql, parameters = part.values_list("slot", *by).annotate(**aggregates).query.sql_with_params()
    same = parameters[1:-2]  # between the number of the slot, which comes first, and its range, which comes last
    moment = connection.ops.adapt_datetimefield_value
    repeated = [
        value for number, (start, end) in enumerate(slots) for value in (number, *same, moment(start), moment(end))
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([sql] * len(slots)), repeated)
        return list(cursor)


def sums_of(numbers: Iterable[Any]) -> Sums:
    """From a row of ADDED_UP."""
    return Sums(*(int(number or 0) for number in numbers))


def grouped(rows: QuerySet[UsageRecord], by: str = "group") -> dict[Any, Sums]:
    found = rows.order_by().values_list(by).annotate(**ADDED_UP)
    return {group: sums_of(numbers) for group, *numbers in found}


def total_of(sums: Iterable[Sums]) -> Sums:
    return Sums(*map(sum, zip(*sums, strict=True)))


# --- for charts ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Bucket:
    """A day, a week that begins with it, or an hour of it.

    `sums` is None where there can be no data: before the workspace, or to come.
    """

    day: date
    hour: int | None
    sums: Sums | None
    is_running: bool
    days: int = 1


def usage_series(query: UsageQuery, daily: Mapping[date, Sums]) -> list[Bucket]:
    """A bucket for each day of the period, or each week of a long one; for each hour of a single day, which asks
    the database."""
    assert query.period is not None
    now = timezone.localtime(timezone=timezone.get_default_timezone())
    if query.period.length > 1:
        born = born_on(query.workspace)
        series = [
            Bucket(day, None, None if day < born else daily.get(day, NOTHING), day == now.date())
            for day in query.period.days
            if day <= now.date()
        ]
        return weeks_of(series) if len(series) > DAYS_SHOWN_MAX else series
    hourly = usage_by_hour(query)
    return [
        Bucket(
            day=query.period.last,
            hour=timezone.localtime(start, timezone.get_default_timezone()).hour,
            sums=None if start > now else hourly.get(number, NOTHING),
            is_running=start <= now < end,
        )
        for number, (start, end) in enumerate(hours_of(query.period.last))
    ]


def weeks_of(days: Sequence[Bucket]) -> list[Bucket]:
    """The last week ends with the last day; the first may be shorter."""
    first = len(days) % 7
    weeks = [days[:first]] * bool(first) + [days[start : start + 7] for start in range(first, len(days), 7)]
    return [week_of(week) for week in weeks]


def week_of(days: Sequence[Bucket]) -> Bucket:
    known = [day.sums for day in days if day.sums is not None]
    return Bucket(days[0].day, None, total_of(known) if known else None, days[-1].is_running, len(days))


def born_on(workspace: Workspace | None) -> date:
    if workspace is None:
        return date.min
    return timezone.localtime(workspace.created_at, timezone.get_default_timezone()).date()
