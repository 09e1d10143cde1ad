"""Usage added up by day and by model or key, so that a month of calls is not read again for every page.

A day's sums are remembered under the number of calls the workspace made in it. Records are only ever added, so a
day that has as many calls as before has the same ones: nothing remembered is ever out of date, and nothing has to
be forgotten when a call is booked. Counting reads the index alone. A filter that finds nothing is not remembered, so
that nobody fills the cache with filters they make up.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any

from django.core.cache import caches
from django.db.models import Count
from django.utils import timezone

from billing.models import UsageRecord
from billing.selectors.periods import DAY, Period, local_day, midnight
from billing.selectors.usage import (
    ADDED_UP,
    Slot,
    Sums,
    UsageQuery,
    asked_by_slot,
    grouped,
    sums_of,
    total_of,
    usage_records,
)

SLOTS_MAX = 70  # of one statement: with every filter that is fewer than the 999 variables of an old SQLite
DAYS_MAX = 200  # counted by one statement, for the same reason
REMEMBERED_S = 7 * 86_400

Groups = dict[Any, Sums]  # by model, or by key


@dataclass(frozen=True)
class UsageTable:
    days: Mapping[date, Groups]

    def by_day(self, group: str = "") -> dict[date, Sums]:
        """Days with calls only; of one group, or of all together."""
        if group:
            return {day: groups[group] for day, groups in self.days.items() if group in groups}
        return {day: total_of(groups.values()) for day, groups in self.days.items() if groups}

    def within(self, period: Period) -> "UsageTable":
        return UsageTable({day: groups for day, groups in self.days.items() if period.first <= day <= period.last})

    def by_group(self) -> Groups:
        """The dearest first, then those with the most calls."""
        found: dict[Any, list[Sums]] = defaultdict(list)
        for groups in self.days.values():
            for group, sums in groups.items():
                found[group].append(sums)
        totals = [(group, total_of(several)) for group, several in found.items()]
        return dict(sorted(totals, key=lambda one: (-one[1].cost_nano, -one[1].calls, str(one[0]))))


def usage_by_day(query: UsageQuery) -> dict[date, Sums]:
    """Days with calls only. What spans workspaces or years is added up by the database each time."""
    assert query.period is not None
    if query.workspace is None or query.period.length > DAYS_MAX:
        return grouped(usage_records(query).annotate(group=local_day(query.period)))
    return usage_table(query).by_day()


def usage_table(query: UsageQuery, by: str = "model") -> UsageTable:
    """One query for the counts of a workspace's days, one for those that are not remembered; `by` names a column."""
    assert query.period is not None
    days = [day for day in query.period.days if day <= timezone.localdate(timezone=timezone.get_default_timezone())]
    cache = caches["usage"]
    counts = counts_of(query, days)
    keys = {day: key_of(query, by, day, count) for day, count in counts.items()}
    remembered = cache.get_many([keys[day] for day in closed(counts)])
    found = {day: read(remembered[key]) for day, key in keys.items() if key in remembered}
    asked = ask(query, by, [day for day in counts if day not in found])
    cache.set_many({keys[day]: written(asked[day]) for day in closed(asked) if asked[day]}, REMEMBERED_S)
    return UsageTable({day: found.get(day) or asked.get(day, {}) for day in counts})


def counts_of(query: UsageQuery, days: Sequence[date]) -> dict[date, int]:
    """How many calls the workspace made, whatever the filters; days without any are left out."""
    rows = UsageRecord.objects.filter(workspace=query.workspace)
    counted = asked_by_slot(rows, [slot_of(day) for day in days], calls=Count("*"))
    return {days[slot]: calls for slot, calls in counted if calls}


def ask(query: UsageQuery, by: str, days: Sequence[date]) -> dict[date, Groups]:
    rows = usage_records(replace(query, period=None))
    found: dict[date, Groups] = {day: {} for day in days}
    for some in batched(days, SLOTS_MAX):
        for slot, group, *numbers in asked_by_slot(rows, [slot_of(day) for day in some], by, **ADDED_UP):
            found[some[slot]][group] = sums_of(numbers)
    return found


def slot_of(day: date) -> Slot:
    return midnight(day), midnight(day + DAY)


def batched(days: Sequence[date], size: int) -> Iterator[list[date]]:
    rest = iter(days)
    while some := list(islice(rest, size)):
        yield some


# --- remembering -----------------------------------------------------------------------------------
def closed(days: Mapping[date, Any]) -> list[date]:
    """Today's sums would be out of use with the next call."""
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    return [day for day in days if day < today]


def key_of(query: UsageQuery, by: str, day: date, count: int) -> str:
    """The workspace's birth tells it from one of the same number in another database that shares the cache."""
    assert query.workspace is not None
    who = (query.workspace.pk, query.workspace.created_at.timestamp(), midnight(day).timestamp(), count)
    what = (Sums._fields, by, query.model, query.api_key_id, query.operation, query.outcomes)
    return f"usage-{hashlib.sha256(repr((who, what)).encode()).hexdigest()}"


def written(groups: Groups) -> list[tuple[Any, ...]]:
    return [(group, *sums) for group, sums in groups.items()]


def read(rows: list[tuple[Any, ...]]) -> Groups:
    return {group: Sums(*numbers) for group, *numbers in rows}
