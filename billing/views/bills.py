"""账单: a month's book, the same money by day, model and key, and the receipt of each call."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import Workspace
from accounts.paging import page_number
from accounts.selectors import workspace_personal
from billing.api_shapes import receipt_out
from billing.selectors import (
    UsageQuery,
    UsageTable,
    balance_of,
    book_page,
    holds_open,
    key_names,
    neighbours_of,
    receipt_of,
    total_of,
    usage_by_day,
    usage_table,
)
from billing.views.filters import month_asked, query_asked

PAGE_SIZE = 50
TABS = ("book", "days", "models", "keys")


@dataclass(frozen=True)
class Type:
    """What a row of the book may be: calls of some outcomes, grants, or both."""

    outcomes: tuple[str, ...] = ()
    has_calls: bool = True
    has_grants: bool = False


TYPES = {
    "": Type(has_grants=True),
    "settled": Type(("success",)),
    "partial": Type(("client_closed", "broken_off")),
    "released": Type(("failed", "abandoned")),
    "granted": Type(has_calls=False, has_grants=True),
}


@login_required
def billing(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    workspace = workspace_personal(user=user)
    query = query_asked(request, workspace, month_asked(request))
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "book"
    month = UsageQuery(workspace, query.period)
    table = usage_table(month, by="api_key_id" if tab == "keys" else "model")
    daily = table.by_day()
    context = {
        "query": query,
        "tab": tab,
        "total": total_of(daily.values()),
        "balance": balance_of(workspace=workspace),
        "holds": holds_open(workspace=workspace),
        **months_beside(query),
        **(book_shown(request, query, table) if tab == "book" else grouped_shown(month, tab, table)),
    }
    return render(request, "billing/bills.html", {**context, "nav": "billing"})


def months_beside(query: UsageQuery) -> dict[str, Any]:
    assert query.period is not None
    assert query.workspace is not None
    first = query.period.first
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    born = timezone.localdate(query.workspace.created_at, timezone.get_default_timezone())
    before = query.period.before.last
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return {
        "month_before": before if before >= born.replace(day=1) else None,
        "month_after": after if after <= today else None,
        "is_this_month": after > today,
    }


def book_shown(request: HttpRequest, query: UsageQuery, table: UsageTable) -> dict[str, Any]:
    """The days' sums are those of the rows that are shown."""
    name = request.GET.get("type", "")
    name = name if name in TYPES else ""
    type_ = TYPES[name]
    query = replace(query, outcomes=type_.outcomes)
    daily = usage_by_day(query) if query.is_narrowed else table.by_day()
    book = book_page(
        query=query,
        daily=daily if type_.has_calls else {},
        number=page_number(request),
        size=PAGE_SIZE,
        with_calls=type_.has_calls,
        with_grants=type_.has_grants and not (query.model or query.api_key_id),
    )
    return {
        "book": book,
        "page": book.page,
        "type": name,
        "model_choices": sorted({*table.by_group(), query.model} - {""}),
        "shows_holds": book.page.number == 1 and not (name or query.model or query.api_key_id),
    }


def grouped_shown(query: UsageQuery, tab: str, table: UsageTable) -> dict[str, Any]:
    if tab == "days":
        return {"rows": dict(sorted(table.by_day().items(), reverse=True))}
    rows = table.by_group()
    return {"rows": rows, "keys": key_names(workspace=query.workspace, ids=rows) if tab == "keys" else {}}


# --- receipts --------------------------------------------------------------------------------------
@login_required
def receipt(request: HttpRequest, request_id: str) -> HttpResponse:
    """As a drawer over the list that asked for it, or as a page of its own."""
    user: Any = request.user
    workspace = workspace_personal(user=user)
    found = receipt_of(workspace=workspace, request_id=request_id.replace("\0", ""))  # PostgreSQL takes none
    if found is None:
        raise Http404("There is no such call in this workspace.")
    newer, older = neighbours_of(workspace=workspace, record=found.record)
    context = {
        "receipt": found,
        "record": found.record,
        "key": key_of(workspace, found.record.api_key_id),
        "newer": newer,
        "older": older,
        "as_json": receipt_out(found).model_dump_json(indent=2),
        "back": back_of(request),
        "nav": "billing",
    }
    is_drawer = bool(getattr(request, "htmx", False)) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    response = render(request, "billing/receipt_drawer.html" if is_drawer else "billing/receipt.html", context)
    patch_vary_headers(response, ["HX-Request"])  # else the browser's Back would show the drawer as a page
    return response


def key_of(workspace: Workspace, key_id: int | None) -> Any:
    return key_names(workspace=workspace, ids=[key_id]).get(key_id)


def back_of(request: HttpRequest) -> str:
    """The list behind the drawer: what `back` says, else the page that asked, unless that is a receipt itself."""
    htmx: Any = getattr(request, "htmx", None)
    asked = request.GET.get("back", "") or (htmx and htmx.current_url_abs_path) or ""
    is_list = asked.startswith("/") and "/receipts/" not in asked
    if is_list and url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
        return str(asked)
    return reverse("billing")
