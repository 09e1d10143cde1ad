"""What the address says: which calls, which days. Nonsense is as good as nothing said."""

import re
from datetime import date

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Workspace
from billing.selectors import OUTCOMES, Period, UsageQuery, last_days, month_of

DAYS = (1, 7, 30, 90)
DAYS_DEFAULT = 7
MODEL_LENGTH_MAX = 200
KEY_ID_MAX = 2**63 - 1
MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])\Z")


def days_asked(request: HttpRequest) -> int:
    text = request.GET.get("days", "")
    return int(text) if text in {str(days) for days in DAYS} else DAYS_DEFAULT


def month_asked(request: HttpRequest) -> Period:
    """The month, or what there is of it until today."""
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    found = MONTH.match(request.GET.get("month", ""))
    month = month_of(date(int(found[1]), int(found[2]), 1) if found else today)
    if month.first > today:
        month = month_of(today)
    return Period(month.first, min(month.last, today))


def query_asked(request: HttpRequest, workspace: Workspace, period: Period) -> UsageQuery:
    outcome = request.GET.get("outcome", "")
    return UsageQuery(
        workspace,
        period,
        model=request.GET.get("model", "")[:MODEL_LENGTH_MAX].replace("\x00", ""),
        api_key_id=key_asked(request),
        outcomes=(outcome,) if outcome in OUTCOMES else (),
    )


def usage_query_asked(request: HttpRequest, workspace: Workspace) -> UsageQuery:
    return query_asked(request, workspace, last_days(days_asked(request)))


def key_asked(request: HttpRequest) -> int | None:
    text = request.GET.get("key", "")
    number = int(text) if text.isdecimal() and len(text) <= 19 else 0
    return number if 0 < number <= KEY_ID_MAX else None
