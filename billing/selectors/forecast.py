"""How long the money lasts. Pure: from the days that were added up."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from billing.selectors.usage import NOTHING, Sums

FULL_DAYS = 7
DAYS_MAX = 365


class Forecast(NamedTuple):
    """`days` is capped at DAYS_MAX; then nobody knows, and `ends_on` is None."""

    per_day_nano: int
    days: int
    ends_on: date | None


def forecast(*, available_nano: int, daily: Mapping[date, Sums], today: date) -> Forecast | None:
    """At the mean of the last seven full days, or of those since the first call; None without a day that cost."""
    days = [today - timedelta(days=back) for back in range(FULL_DAYS, 0, -1)]
    used = [day for day in days if day in daily]
    if not used:
        return None
    costs = [daily.get(day, NOTHING).cost_nano for day in days[days.index(used[0]) :]]
    per_day = sum(costs) // len(costs)
    if per_day <= 0:
        return None
    left = min(available_nano // per_day, DAYS_MAX)
    return Forecast(per_day, left, None if left == DAYS_MAX else today + timedelta(days=left))


def balance_history(
    *, available_nano: int, daily: Mapping[date, Sums], granted: Mapping[date, int], days: Sequence[date]
) -> list[int]:
    """What was available when each of the days ended; `days` are in order and the last is today."""
    balances, balance = [], available_nano
    for day in reversed(days):
        balances.append(balance)
        balance += daily.get(day, NOTHING).cost_nano - granted.get(day, 0)
    return balances[::-1]
