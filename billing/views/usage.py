"""用量: charts, models and single calls, by the filters of the address; the same calls as a file."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from accounts.paging import page_number
from accounts.selectors import api_keys_visible, workspace_personal
from billing.exports import csv_head, csv_rows
from billing.selectors import (
    OUTCOMES,
    Cursor,
    UsageQuery,
    key_names,
    records_after,
    records_page,
    total_of,
    usage_records,
    usage_series,
    usage_table,
)
from billing.views.filters import DAYS, days_asked, month_asked, query_asked, usage_query_asked

PAGE_SIZE = 50
EXPORT_ROWS_MAX = 100_000
EXPORT_CHUNK = 2000


@login_required
def usage(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    workspace = workspace_personal(user=user)
    query = usage_query_asked(request, workspace)
    table = usage_table(replace(query, model=""))  # all models, for the choice; one is shown where one was chosen
    daily, models = table.by_day(query.model), table.by_group()
    page = records_page(query, daily, page_number(request), PAGE_SIZE)
    keys = api_keys_visible(user=user).filter(workspace=workspace)[:200]
    context = {
        "query": query,
        "days": days_asked(request),
        "day_choices": DAYS,
        "outcomes": OUTCOMES,
        "series": usage_series(query, daily),
        "total": total_of(daily.values()),
        "models": {name: sums for name, sums in models.items() if query.model in {"", name}},
        "model_choices": sorted({*models, query.model} - {""}),
        "largest_nano": max((sums.cost_nano for sums in models.values()), default=0),
        "page": page,
        "keys": {key.pk: key for key in keys},
    }
    return render(request, "billing/usage.html", {**context, "nav": "usage"})


@login_required
def usage_export(request: HttpRequest) -> StreamingHttpResponse:
    """The calls of the filters, or of a month, as CSV: the newest first, EXPORT_ROWS_MAX at most, written in pieces."""
    user: Any = request.user
    workspace = workspace_personal(user=user)
    month = "month" in request.GET
    query = query_asked(request, workspace, month_asked(request)) if month else usage_query_asked(request, workspace)
    assert query.period is not None
    name = f"usage-{query.period.first:%Y-%m-%d}-{query.period.last:%Y-%m-%d}.csv"
    response = StreamingHttpResponse(csv_parts(query), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


async def csv_parts(query: UsageQuery) -> AsyncIterator[bytes]:
    yield csv_head()
    cursor: Cursor | None = None
    for _ in range(EXPORT_ROWS_MAX // EXPORT_CHUNK):
        part, cursor = await sync_to_async(csv_part)(query, cursor)
        yield part
        if cursor is None:
            return


def csv_part(query: UsageQuery, cursor: Cursor | None) -> tuple[bytes, Cursor | None]:
    records, after = records_after(usage_records(query), cursor, EXPORT_CHUNK)
    keys = key_names(workspace=query.workspace, ids=[record.api_key_id for record in records])
    return csv_rows(records, keys), after
