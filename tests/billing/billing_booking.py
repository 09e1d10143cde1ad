"""Short words for what ledger tests do: place, settle, look."""

import secrets
import time
from collections.abc import Callable
from typing import Any

from accounts.models import Workspace
from billing.ledger import book
from billing.models import Account, Transfer, UsageRecord
from billing.operations import CallContext, LedgerError, OpenHold, Operation, PlaceHold, Settle, Settlement
from billing.pricing import Price, Quote, Usage, receipt_lines

MakeWorkspace = Callable[..., Workspace]  # (trial_nano=0, paid_nano=0)

YUAN = 10**9
PRICE = Price(version=7, input_nano=2 * YUAN, output_nano=8 * YUAN)  # ¥2 and ¥8 per million tokens
FREE = Price(version=1)
TENTH = Quote(PRICE, prompt_tokens=10_000, cap_tokens=10_000)  # ¥0.02 + ¥0.08
TENTH_NANO = 100_000_000


def call(workspace: Workspace, request_id: str = "") -> CallContext:
    return CallContext(
        request_id=request_id or secrets.token_hex(12),
        workspace_id=workspace.pk,
        api_key_id=None,
        model="a-model",
        operation="chat",
        streamed=False,
        price_version=PRICE.version,
        started_us=time.time_ns() // 1000,
    )


def done(operation: Operation, writer_id: int) -> Any:
    """The outcome of one operation booked alone; a refusal is raised."""
    outcome = book([operation], writer_id=writer_id)[0]
    if isinstance(outcome, LedgerError):
        raise outcome
    return outcome


def place(workspace: Workspace, writer_id: int, quote: Quote = TENTH, request_id: str = "") -> OpenHold:
    hold: OpenHold = done(PlaceHold(call(workspace, request_id), quote), writer_id)
    return hold


def settling(hold: OpenHold, prompt: int = 0, completion: int = 0, outcome: str = "success") -> Settle:
    usage = Usage(prompt, completion, source="upstream")
    return Settle(hold.context, usage, receipt_lines(hold.quote.price, usage), outcome, duration_ms=5)


def settle(hold: OpenHold, writer_id: int, prompt: int = 0, completion: int = 0) -> Settlement:
    settlement: Settlement = done(settling(hold, prompt, completion), writer_id)
    return settlement


def wallets(workspace: Workspace) -> dict[str, tuple[int, int]]:
    """Available and held nano-yuan of each wallet."""
    rows = Account.objects.filter(workspace=workspace)
    return {row.kind: (row.available_nano, row.pending_nano) for row in rows}


def transfers(hold: OpenHold) -> dict[str, int]:
    """Amounts by what stands behind the request's id, in the order in which they were written."""
    request = hold.context.request_id
    rows = Transfer.objects.filter(id__startswith=f"{request}/").order_by("seq")
    return {row.id.removeprefix(f"{request}/"): row.amount_nano for row in rows}


def record_of(hold: OpenHold) -> UsageRecord:
    return UsageRecord.objects.get(pk=hold.context.request_id)
