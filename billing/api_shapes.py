"""Shapes of the money's API. Money is a plain decimal of yuan with all nine places."""

from datetime import date, datetime
from typing import Annotated, Any

from ninja import Field, Schema
from pydantic import PlainSerializer, WithJsonSchema

from accounts.money import nano_to_yuan
from billing.models import Transfer, UsageRecord
from billing.pricing import Line
from billing.selectors import Balance, Receipt, Step, Sums

YUAN: Any = Field(examples=["0.042168000"], description="Yuan, nine decimal places, no symbol.")
REQUEST_ID: Any = Field(examples=["req_5f0c9f4e8a7b4d1c9e2a3b4c5d6e7f80"])
# With its microseconds, which the hash of a transfer covers; the default cuts them off.
Moment = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T06:31:25.630412+00:00"]}),
]
ITEMS = {"input": "tokens", "output": "tokens", "call": "calls", "page": "pages"}


class BalanceOut(Schema):
    """`available` = `trial` + `paid`; `held` is reserved for calls under way and no part of it."""

    currency: str = Field("CNY", examples=["CNY"])
    available: str = Field(examples=["22.580426000"])
    trial: str = Field(examples=["22.580426000"])
    paid: str = Field(examples=["0.000000000"])
    held: str = Field(examples=["0.070740000"])


class UsageOut(Schema):
    """One call that was let through to an upstream."""

    request_id: str = REQUEST_ID
    created_at: Moment
    model: str = Field(examples=["deepseek-r1"])
    operation: str = Field(examples=["chat"], description="chat, completions, embeddings, rerank or ocr")
    api_key_id: int | None
    outcome: str = Field(examples=["success"], description="success, client_closed, broken_off, failed or abandoned")
    error_code: str = Field(examples=[""])
    streamed: bool
    prompt_tokens: int = Field(examples=[1286])
    completion_tokens: int = Field(examples=[2314])
    pages: int = Field(examples=[0])
    cost: str = YUAN
    balance_after: str = YUAN
    first_byte_ms: int | None = Field(examples=[684])
    duration_ms: int = Field(examples=[50718])


class UsagePage(Schema):
    """The newest first. `next_cursor` is null on the last page."""

    items: list[UsageOut]
    next_cursor: str | None = Field(examples=["1795249885630000.req_5f0c9f4e8a7b4d1c9e2a3b4c5d6e7f80"])


class DayOut(Schema):
    date: date
    calls: int = Field(examples=[374])
    failures: int = Field(examples=[3])
    prompt_tokens: int = Field(examples=[303000])
    completion_tokens: int = Field(examples=[131000])
    pages: int = Field(examples=[0])
    cost: str = YUAN
    trial: str = YUAN
    paid: str = YUAN


class DailyOut(Schema):
    """A row for every day, the oldest first, in the time zone named."""

    time_zone: str = Field(examples=["Asia/Shanghai"])
    days: list[DayOut]
    total_cost: str = YUAN


class LineOut(Schema):
    """quantity × unit_price ÷ per = amount, rounded half up once."""

    item: str = Field(examples=["input"])
    unit: str = Field(examples=["tokens"])
    quantity: int = Field(examples=[1286])
    unit_price: str = Field(examples=["4.000000000"])
    per: int = Field(examples=[1000000])
    amount: str = Field(examples=["0.005144000"])


class StepOut(Schema):
    step: str = Field(examples=["settle"], description="hold, settle, release or uncollected")
    transfer_id: str = Field(examples=["req_5f0c9f4e8a7b4d1c9e2a3b4c5d6e7f80/post/1"])
    wallet: str = Field(examples=["trial"], description="trial, paid, or loss where the platform bore the cost")
    amount: str = YUAN
    created_at: Moment


class ReceiptOut(UsageOut):
    """`agrees_with_ledger` was recomputed for this answer: lines, charge, wallets, legs and hashes."""

    settled_at: Moment
    usage_source: str = Field(examples=["upstream"], description="upstream, counted, partial or none")
    price_version: int = Field(examples=[3])
    lines: list[LineOut]
    charged: str = YUAN
    uncollected: str = YUAN
    held: str = YUAN
    balance_before: str = YUAN
    transfers: list[StepOut]
    agrees_with_ledger: bool
    findings: list[str]


class TransferOut(Schema):
    """A transfer is never changed. `pending_id` is the reservation that a post or a void resolves."""

    id: str = Field(examples=["req_5f0c9f4e8a7b4d1c9e2a3b4c5d6e7f80/post/1"])
    kind: str = Field(examples=["post"], description="pending, post, void or direct")
    debit: str = Field(examples=["trial"])
    credit: str = Field(examples=["revenue"])
    amount: str = YUAN
    pending_id: str | None
    reason: str = Field(examples=["settle"])
    created_at: Moment
    hash: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])


class TransferPage(Schema):
    """Grouped by call, the newest call first, each call's transfers in the order in which they were written."""

    items: list[TransferOut]
    next_cursor: str | None


# --- from rows -------------------------------------------------------------------------------------
def balance_out(balance: Balance) -> BalanceOut:
    return BalanceOut(
        currency="CNY",
        available=nano_to_yuan(balance.available_nano),
        trial=nano_to_yuan(balance.trial_nano),
        paid=nano_to_yuan(balance.paid_nano),
        held=nano_to_yuan(balance.held_nano),
    )


def usage_fields(record: UsageRecord) -> dict[str, Any]:
    same = (
        *("request_id", "created_at", "model", "operation", "api_key_id", "outcome", "error_code", "streamed"),
        *("prompt_tokens", "completion_tokens", "pages", "first_byte_ms", "duration_ms"),
    )
    fields = {name: getattr(record, name) for name in same}
    return {
        **fields,
        "cost": nano_to_yuan(record.cost_nano),
        "balance_after": nano_to_yuan(record.balance_nano),
    }


def usage_out(record: UsageRecord) -> UsageOut:
    return UsageOut(**usage_fields(record))


def day_out(day: date, sums: Sums) -> DayOut:
    return DayOut(
        date=day,
        calls=sums.calls,
        failures=sums.failures,
        prompt_tokens=sums.prompt_tokens,
        completion_tokens=sums.completion_tokens,
        pages=sums.pages,
        cost=nano_to_yuan(sums.cost_nano),
        trial=nano_to_yuan(sums.trial_nano),
        paid=nano_to_yuan(sums.paid_nano),
    )


def receipt_out(receipt: Receipt) -> ReceiptOut:
    record = receipt.record
    return ReceiptOut(
        **usage_fields(record),
        settled_at=record.settled_at,
        usage_source=record.usage_source,
        price_version=record.price_version,
        lines=[line_out(line) for line in receipt.lines],
        charged=nano_to_yuan(record.charged_nano),
        uncollected=nano_to_yuan(record.uncollected_nano),
        held=nano_to_yuan(record.held_nano),
        balance_before=nano_to_yuan(receipt.before_nano),
        transfers=[step_out(step) for step in receipt.steps],
        agrees_with_ledger=receipt.agrees,
        findings=receipt.findings,
    )


def line_out(line: Line) -> LineOut:
    return LineOut(
        item=line.item,
        unit=ITEMS[line.item],
        quantity=line.quantity,
        unit_price=nano_to_yuan(line.price_nano),
        per=line.per,
        amount=nano_to_yuan(line.amount_nano),
    )


def step_out(step: Step) -> StepOut:
    return StepOut(
        step=step.step,
        transfer_id=step.transfer_id,
        wallet=step.wallet,
        amount=nano_to_yuan(step.amount_nano),
        created_at=step.created_at,
    )


def transfer_out(transfer: Transfer) -> TransferOut:
    return TransferOut(
        id=transfer.id,
        kind=transfer.kind,
        debit=transfer.debit.kind,
        credit=transfer.credit.kind,
        amount=nano_to_yuan(transfer.amount_nano),
        pending_id=transfer.pending_id,
        reason=transfer.reason,
        created_at=transfer.created_at,
        hash=bytes(transfer.hash).hex(),
    )
