"""The ledger's rows as SQL sees them: statements, and the small JSON columns."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper

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


def marks(values: Collection[object]) -> str:
    return ",".join(["%s"] * len(values)) or "NULL"


@cache
def insert_statement(table: str, columns: tuple[str, ...], rows: int) -> str:
    row = f"({marks(columns)})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - own names


class Insert(NamedTuple):
    """Writes many rows with few statements.

    Each statement gives the interpreter's lock away, and beside a busy event loop it is long in coming back. Sizes
    are powers of two, so that the drivers keep a handful of prepared statements and not one for every length.
    """

    table: str
    columns: tuple[str, ...]

    def write(self, cursor: CursorWrapper, rows: Sequence[Sequence[Any]]) -> None:
        start = 0
        while start < len(rows):
            size = min(ROWS_MAX, 1 << (len(rows) - start).bit_length() - 1)
            values = [value for row in rows[start : start + size] for value in row]
            execute(cursor, insert_statement(self.table, self.columns, size), values)
            start += size


ROWS_MAX = 64
TRANSFER_INSERT = Insert(
    "billing_transfer",
    (
        "id", "kind", "debit_id", "credit_id", "amount_nano", "pending_id", "reason", "created_at",
        "writer_id", "seq", "previous_hash", "hash",
    ),
)  # fmt: skip
HOLD_INSERT = Insert(
    "billing_hold",
    ("request_id", "workspace_id", "writer_id", "deadline_at", "legs", "context", "created_at"),
)
USAGE_INSERT = Insert("billing_usagerecord", UsageRow._fields)
# Increments, so that the database's own check refuses an overdraft even if this code were wrong.
ACCOUNT_UPDATE = (
    "UPDATE billing_account SET credits_nano = credits_nano + %s, debits_nano = debits_nano + %s,"
    " pending_nano = pending_nano + %s WHERE id = %s"
)
WRITER_UPDATE = "UPDATE billing_writer SET last_seq = %s, last_hash = %s WHERE id = %s"
HOLD_LOCK = "SELECT legs FROM billing_hold WHERE request_id = %s"
HOLD_UPDATE = "UPDATE billing_hold SET legs = %s WHERE request_id = %s"


def execute(cursor: CursorWrapper, statement: str, parameters: Sequence[Any]) -> Any:
    """Django's cursor rewrites every statement for SQLite; with a thousand placeholders that shows. Its errors stay."""
    if connection.vendor != "sqlite":
        cursor.execute(statement, parameters)
        return cursor
    with connection.wrap_database_errors:
        return connection.connection.execute(question_marks(statement), parameters)


@lru_cache(maxsize=512)
def question_marks(statement: str) -> str:
    return statement.replace("%s", "?")


def for_update() -> str:
    """SQLite's IMMEDIATE transaction holds the one lock there is; PostgreSQL locks the rows."""
    return "FOR UPDATE" if connection.vendor == "postgresql" else ""


def time_column(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def legs_json(legs: Iterable[Leg]) -> str:
    return orjson.dumps([list(leg) for leg in legs]).decode()


def legs_parse(text: str) -> list[Leg]:
    return [Leg(*leg) for leg in orjson.loads(text)]


def lines_json(lines: Iterable[Line]) -> str:
    return orjson.dumps([list(line) for line in lines]).decode()


def lines_parse(text: str) -> list[Line]:
    return [Line(*line) for line in orjson.loads(text)]


def context_json(context: CallContext) -> str:
    return orjson.dumps(context).decode()


def context_parse(text: str) -> CallContext:
    fields = orjson.loads(text)
    return CallContext(**{**fields, "started_at": datetime.fromisoformat(fields["started_at"])})
