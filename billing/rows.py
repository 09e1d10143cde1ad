"""The ledger's rows as SQL sees them: statements, and the small JSON columns."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from functools import cache, lru_cache
from itertools import chain
from typing import Any, NamedTuple

import orjson
from django.db import DEFAULT_DB_ALIAS, connections

from billing.operations import EPOCH, CallContext, Leg
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

    Sizes are powers of two, so that the drivers keep a handful of prepared statements and not one for every length.
    """

    table: str
    columns: tuple[str, ...]

    def write(self, database: "Database", rows: Sequence[Sequence[Any]]) -> None:
        start = 0
        while start < len(rows):
            size = min(ROWS_MAX, 1 << (len(rows) - start).bit_length() - 1)
            values = list(chain.from_iterable(rows[start : start + size]))
            database.execute(insert_statement(self.table, self.columns, size), values)
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


class Database:
    """This thread's connection, with less between a booking and the driver than Django's cursors put there.

    They rewrite each statement for SQLite, and each look at `django.db.connection` asks whose thread it is: with a
    thousand placeholders and rows that shows. The errors raised are Django's.
    """

    def __init__(self) -> None:
        self.wrapper = connections[DEFAULT_DB_ALIAS]
        self.wrapper.ensure_connection()
        self.is_sqlite = self.wrapper.vendor == "sqlite"
        self.for_update = "" if self.is_sqlite else "FOR UPDATE"  # there IMMEDIATE holds the one lock there is

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """A cursor that can be asked for the rows."""
        if self.is_sqlite:
            with self.wrapper.wrap_database_errors:
                return self.wrapper.connection.execute(question_marks(statement), parameters)
        cursor = self.wrapper.cursor()
        cursor.execute(statement, parameters)
        return cursor

    def time(self, moment_us: int) -> Any:
        """A timestamp column's value, as Django would write it."""
        moment = EPOCH + timedelta(microseconds=moment_us)
        return str(moment.replace(tzinfo=None)) if self.is_sqlite else moment


@lru_cache(maxsize=512)
def question_marks(statement: str) -> str:
    return statement.replace("%s", "?")


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
