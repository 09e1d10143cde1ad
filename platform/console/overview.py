"""What the overview shows: the money and how long it lasts, the period in figures, what was called last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiKey, User, Workspace
from accounts.selectors import api_keys_visible
from billing.models import UsageRecord
from billing.selectors import (
    Balance,
    Bucket,
    Forecast,
    Sums,
    UsageQuery,
    balance_history,
    balance_of,
    forecast,
    grants_of,
    last_days,
    records_after,
    total_of,
    usage_records,
    usage_series,
    usage_table,
)
from console.charts import Way, balance_way
from models_registry.models import Model

PERIODS = (1, 7, 30)
HISTORY_DAYS = 8  # today and seven full days: what the forecast looks at
RECENT, TOP = 12, 5
WAY_HEIGHT = 56


@dataclass(frozen=True)
class Overview:
    balance: Balance
    forecast: Forecast | None
    way: Way | None
    series: list[Bucket]
    total: Sums
    before: Sums | None  # of the period before; None where the workspace is younger
    models: dict[str, Sums]
    keys: list[ApiKey]
    chat_model: str

    @property
    def cost_change_nano(self) -> int | None:
        return None if self.before is None else self.total.cost_nano - self.before.cost_nano

    @property
    def largest_nano(self) -> int:
        return max((sums.cost_nano for sums in self.models.values()), default=0)


def overview_of(*, user: User, workspace: Workspace, days: int) -> Overview:
    query = UsageQuery(workspace, last_days(days))
    assert query.period is not None
    table = usage_table(query.over(last_days(max(2 * days, HISTORY_DAYS))))
    daily = table.by_day()
    balance = balance_of(workspace=workspace)
    today = query.period.last
    foreseen = forecast(available_nano=balance.available_nano, daily=daily, today=today)
    models = table.within(query.period).by_group()
    born = timezone.localdate(workspace.created_at)
    return Overview(
        balance=balance,
        forecast=foreseen,
        way=way_of(workspace, balance, daily, foreseen, today),
        series=usage_series(query, daily),
        total=total_of(daily[day] for day in query.period.days if day in daily),
        before=total_of(daily[day] for day in query.period.before.days if day in daily)
        if born < query.period.first
        else None,
        models=dict(list(models.items())[:TOP]),
        keys=list(api_keys_visible(user=user).filter(workspace=workspace, revoked_at=None)[:TOP]),
        chat_model=chat_model_of(list(models)),
    )


def way_of(
    workspace: Workspace, balance: Balance, daily: Mapping[date, Sums], foreseen: Forecast | None, today: date
) -> Way | None:
    """The balance of the last days and where it leads; None without a forecast."""
    if foreseen is None:
        return None
    period = last_days(HISTORY_DAYS)
    born = timezone.localdate(workspace.created_at)
    days = [day for day in period.days if day >= born] or [today]
    granted: dict[date, int] = {}
    for grant in grants_of(workspace=workspace, period=period):
        day = timezone.localdate(grant.created_at)
        granted[day] = granted.get(day, 0) + grant.amount_nano
    balances = balance_history(available_nano=balance.available_nano, daily=daily, granted=granted, days=days)
    ends = foreseen.ends_on
    last_label = _("%(day)s 用完") % {"day": f"{ends:%m-%d}"} if ends else ""
    return balance_way(
        balances, days_left=foreseen.days if ends else None, height=WAY_HEIGHT,
        first_label=f"{days[0]:%m-%d}" if len(days) > 1 else "", last_label=last_label,
    )  # fmt: skip


def chat_model_of(used: Sequence[str]) -> str:
    """The chat model that was used most, else the first one there is; empty where there is none."""
    enabled = Model.objects.filter(state=Model.State.ENABLED, kind=Model.Kind.LLM)
    known = set(enabled.filter(name__in=used[:TOP]).values_list("name", flat=True)) if used else set()
    return next((name for name in used if name in known), "") or (
        enabled.order_by("name").values_list("name", flat=True).first() or ""
    )


def recent_calls(*, workspace: Workspace) -> list[UsageRecord]:
    return records_after(usage_records(UsageQuery(workspace, None)), None, RECENT)[0]
