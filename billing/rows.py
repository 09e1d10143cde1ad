"""The ledger's rows as SQL sees them: statements, and the small JSON columns."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from billing.operations import CallContext, Leg
from billing.pricing import Line


class UsageRow(NamedTuple):
    """The columns of `billing_usagerecord`, by name."""

    request_id: str
    workspace_id: int | None
    api_key_id: int | None
    model: str
    operation: str
    endpoint_id: int | None
    outcome: str
    error_code: str
    streamed: bool
    prompt_tokens: int
    completion_tokens: int
    pages: int
    usage_source: str
    price_version: int
    lines: str
    held_nano: int
    cost_nano: int
    uncollected_nano: int
    trial_nano: int
    paid_nano: int
    balance_nano: int
    leg_count: int
    first_byte_ms: int | None
    duration_ms: int
    created_at: Any
    settled_at: Any


# Increments, so that the database's own check refuses an overdraft even if this code were wrong.
ACCOUNT_UPDATE = (
    "UPDATE billing_account SET credits_nano = credits_nano + %s, debits_nano = debits_nano + %s,"
    " pending_nano = pending_nano + %s WHERE id = %s"
)
WRITER_UPDATE = "UPDATE billing_writer SET last_seq = %s, last_hash = %s WHERE id = %s"
HOLD_UPDATE = "UPDATE billing_hold SET legs = %s WHERE request_id = %s"


def legs_json(legs: Iterable[Leg]) -> str:
    return orjson.dumps([tuple(leg) for leg in legs]).decode()


def legs_parse(text: str) -> list[Leg]:
    return [Leg._make(leg) for leg in orjson.loads(text)]


def lines_json(lines: Iterable[Line]) -> str:
    return orjson.dumps([tuple(line) for line in lines]).decode()


def lines_parse(text: str) -> list[Line]:
    return [Line._make(line) for line in orjson.loads(text)]


def context_json(context: CallContext) -> str:
    return orjson.dumps(tuple(context)).decode()


def context_parse(text: str) -> CallContext:
    return CallContext._make(orjson.loads(text))
