"""Calls of the past, booked as the clerk books them: their start is where days are counted."""

import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Workspace
from billing.ledger import book
from billing.models import UsageRecord
from billing.operations import CallContext, LedgerError, PlaceHold, Settle
from billing.pricing import Price, Quote, Usage, receipt_lines

YUAN = 10**9
PRICE = Price(version=7, input_nano=2 * YUAN, output_nano=8 * YUAN)
FREE = Price(version=1)


def call_made(
    workspace: Workspace,
    writer_id: int,
    *,
    prompt: int = 1000,
    completion: int = 500,
    price: Price = PRICE,
    model: str = "a-model",
    key_id: int | None = None,
    at: datetime | None = None,
    outcome: str = "success",
    cap: int = 10_000,
    request_id: str = "",
) -> UsageRecord:
    """One call, ¥0.006 unless said otherwise; a failed one costs nothing."""
    started_us = int(at.timestamp() * 1_000_000) if at else time.time_ns() // 1000
    context = CallContext(
        request_id or f"req_{secrets.token_hex(12)}",
        workspace.pk,
        key_id,
        model,
        "chat",
        True,
        price.version,
        started_us,
    )
    usage = Usage() if outcome == "failed" else Usage(prompt, completion, source="upstream")
    done(PlaceHold(context, Quote(price, prompt_tokens=prompt, cap_tokens=cap)), writer_id)
    done(Settle(context, usage, receipt_lines(price, usage), outcome, "upstream_timeout" if outcome == "failed" else "",
                first_byte_ms=120, duration_ms=900), writer_id)  # fmt: skip
    return UsageRecord.objects.get(pk=context.request_id)


def held(workspace: Workspace, writer_id: int) -> str:
    """A call that is under way."""
    request_id = f"req_{secrets.token_hex(12)}"
    context = CallContext(request_id, workspace.pk, None, "open-model", "chat", True, 7, time.time_ns() // 1000)
    done(PlaceHold(context, Quote(PRICE, prompt_tokens=10_000, cap_tokens=10_000)), writer_id)
    return request_id


def done(operation: Any, writer_id: int) -> None:
    outcome = book([operation], writer_id=writer_id)[0]
    if isinstance(outcome, LedgerError):
        raise outcome


def noon(days_ago: int) -> datetime:
    today = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days_ago)


def born(workspace: Workspace, days_ago: int) -> None:
    """As if the workspace had been made earlier."""
    Workspace.objects.filter(pk=workspace.pk).update(created_at=noon(days_ago))
    workspace.refresh_from_db()
