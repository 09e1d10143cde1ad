"""Whole days in the server's time zone, and the SQL that finds the day of a moment."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, DateField, F, Func, Value, When
from django.db.models.functions import TruncDate
from django.utils import timezone

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Period(NamedTuple):
    """From the first moment of `first` to the last of `last`."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment that is no part of it."""
        return midnight(self.last + DAY)

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(self.length)]

    @property
    def before(self) -> "Period":
        """As many days, just before."""
        return Period(self.first - timedelta(days=self.length), self.first - DAY)


def last_days(count: int) -> Period:
    """Today and the days before it."""
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    return Period(today - timedelta(days=count - 1), today)


def month_of(day: date) -> Period:
    """The month that `day` lies in, whole."""
    first = day.replace(day=1)
    return Period(first, (first + timedelta(days=31)).replace(day=1) - DAY)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


# --- in SQL ----------------------------------------------------------------------------------------
class ShiftedDate(Func):
    """The date of a UTC moment, some minutes east. SQLite's own function: what Django uses there calls Python for
    each row, which takes a second for 100,000 of them. Without the fraction: 23:59:59.9999 would be rounded up."""

    template = "DATE(SUBSTR(%(expressions)s, 1, 19), '%(minutes)d minutes')"
    output_field = DateField()


def local_day(period: Period) -> Case | Func:
    """The date of `created_at`, for rows within the period."""
    if connection.vendor != "sqlite":
        return TruncDate("created_at", tzinfo=timezone.get_default_timezone())
    changes: list[When] = []
    for day in period.days:
        start, end = midnight(day), midnight(day + DAY)
        if start.utcoffset() != end.utcoffset():  # the clocks are changed on this day: it has 23 or 25 hours
            changes += [When(created_at__lt=start, then=shifted(start))]
            changes += [When(created_at__lt=end, then=Value(day, output_field=DateField()))]
    rest = shifted(period.end)
    return Case(*changes, default=rest) if changes else rest


def shifted(moment: datetime) -> ShiftedDate:
    offset = moment.utcoffset()
    assert offset is not None
    return ShiftedDate(F("created_at"), minutes=offset // MINUTE)
