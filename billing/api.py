"""The money's part of the management API: reads alone, of the caller's own workspace."""

from typing import Annotated

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from accounts.api_auth import ApiError, Caller, caller_of
from accounts.api_shapes import ERRORS
from accounts.money import nano_to_yuan
from billing.api_shapes import (
    BalanceOut,
    DailyOut,
    ReceiptOut,
    TransferPage,
    UsagePage,
    balance_out,
    day_out,
    receipt_out,
    transfer_out,
    usage_out,
)
from billing.selectors import (
    OUTCOMES,
    Cursor,
    Sums,
    UsageQuery,
    balance_of,
    cursor_parse,
    grants_between,
    last_days,
    receipt_of,
    records_after,
    total_of,
    transfers_of,
    usage_by_day,
    usage_records,
)

router = Router(tags=["money"])

DAYS_MAX = 366


class UsageFilters(Schema):
    """Every one may be left out."""

    days: int = Field(30, ge=1, le=DAYS_MAX, description="How many days, today included, in the console's time zone.")
    model: str = Field("", max_length=200, examples=["deepseek-r1"])
    api_key_id: int | None = Field(None, ge=1, le=2**63 - 1)
    operation: str = Field("", max_length=16, examples=["chat"])
    outcome: str = Field("", max_length=16, examples=["success"])


class Paging(Schema):
    cursor: str = Field("", max_length=100, description="`next_cursor` of the page before.")
    limit: int = Field(50, ge=1, le=100)


def query_of(caller: Caller, filters: UsageFilters) -> UsageQuery:
    """Raises ApiError for a word that is no outcome."""
    if filters.outcome and filters.outcome not in OUTCOMES:
        raise ApiError(422, "invalid_request_error", f"outcome must be one of {', '.join(OUTCOMES)}.", "outcome")
    return UsageQuery(
        caller.workspace,
        last_days(filters.days),
        model=plain(filters.model, "model"),
        api_key_id=filters.api_key_id,
        operation=plain(filters.operation, "operation"),
        outcomes=(filters.outcome,) if filters.outcome else (),
    )


def plain(text: str, name: str) -> str:
    """PostgreSQL's texts have no zero byte."""
    if "\x00" in text:
        raise ApiError(422, "invalid_request_error", f"{name} must not contain a zero byte.", name)
    return text


def cursor_of(paging: Paging) -> Cursor | None:
    """Raises ApiError."""
    try:
        return cursor_parse(plain(paging.cursor, "cursor")) if paging.cursor else None
    except ValueError as error:
        raise ApiError(422, "invalid_request_error", str(error), "cursor") from error


@router.get("/balance", response={200: BalanceOut, **ERRORS}, summary="What the workspace has")
def balance_read(request: HttpRequest) -> BalanceOut:
    return balance_out(balance_of(workspace=caller_of(request).workspace))


@router.get("/usage", response={200: UsagePage, **ERRORS}, summary="Single calls, the newest first")
def usage_list(request: HttpRequest, filters: Query[UsageFilters], paging: Query[Paging]) -> UsagePage:
    rows = usage_records(query_of(caller_of(request), filters))
    records, after = records_after(rows, cursor_of(paging), paging.limit)
    return UsagePage(items=[usage_out(record) for record in records], next_cursor=str(after) if after else None)


@router.get("/usage/daily", response={200: DailyOut, **ERRORS}, summary="Usage added up by day")
def usage_daily(request: HttpRequest, filters: Query[UsageFilters]) -> DailyOut:
    query = query_of(caller_of(request), filters)
    assert query.period is not None
    daily = usage_by_day(query)
    return DailyOut(
        time_zone=timezone.get_default_timezone_name(),
        days=[day_out(day, daily.get(day, Sums())) for day in query.period.days],
        total_cost=nano_to_yuan(total_of(daily.values()).cost_nano),
    )


@router.get("/receipts/{request_id}", response={200: ReceiptOut, **ERRORS}, summary="The receipt of one call")
def receipt_read(request: HttpRequest, request_id: Annotated[str, Field(max_length=64)]) -> ReceiptOut:
    """Its lines, its transfers, the balance before and after, and whether the ledger agrees."""
    found = receipt_of(workspace=caller_of(request).workspace, request_id=plain(request_id, "request_id"))
    if found is None:
        raise Http404("This workspace has no such call.")
    return receipt_out(found)


@router.get("/transfers", response={200: TransferPage, **ERRORS}, summary="The ledger's transfers, by call")
def transfer_list(request: HttpRequest, paging: Query[Paging]) -> TransferPage:
    """All transfers of `limit` calls, and the grants between them."""
    workspace, cursor = caller_of(request).workspace, cursor_of(paging)
    records, after = records_after(usage_records(UsageQuery(workspace, None)), cursor, paging.limit)
    transfers = [*transfers_of(records=records), *grants_between(workspace=workspace, below=cursor, down_to=after)]
    started = {record.request_id: record.created_at for record in records}
    transfers.sort(key=lambda one: (started.get(one.id.partition("/")[0], one.created_at), -one.seq), reverse=True)
    return TransferPage(
        items=[transfer_out(transfer) for transfer in transfers], next_cursor=str(after) if after else None
    )
