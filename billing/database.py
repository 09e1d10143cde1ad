"""What stands between a booking and the driver: few calls on SQLite, few round trips on PostgreSQL.

A batch asks, decides in memory, and writes. Django's cursors would rewrite each statement for SQLite and wait for
each answer on PostgreSQL; with a dozen statements and hundreds of rows that is most of a booking's time. The
errors raised are Django's all the same.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache, lru_cache
from itertools import chain
from typing import Any

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections, transaction
from django.db.models import Model

from billing.operations import EPOCH

Row = Sequence[Any]
Statement = tuple[str, Row]  # with %s for each value

ROWS_MAX = 64  # of one INSERT on SQLite
LOCK_WAIT_S = 30
LOCK_LOOK_S = 0.0003
AWAY_STATES = ("25006", "25P03")  # a read-only standby, a transaction that the server ended


class Database(ABC):
    """This thread's connection. `ask` and `write` belong inside `transaction`."""

    for_update = ""

    def __init__(self) -> None:
        self.wrapper = connections[DEFAULT_DB_ALIAS]
        self.wrapper.ensure_connection()

    @property
    def name(self) -> str:
        return str(self.wrapper.settings_dict["NAME"])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One of its own, or a part of the one that is open around it."""
        if self.wrapper.in_atomic_block:
            with transaction.atomic():  # a savepoint: what fails books nothing, though the error be caught
                yield
                self.flush()
            return
        try:
            self.begin()
            yield
            self.commit()
        except BaseException:
            with suppress(Error):
                self.wrapper.rollback()
            raise

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def ask(self, *questions: Statement) -> list[list[Any]]:
        """The rows of each, asked in this order."""

    @abstractmethod
    def write(self, statement: str, values: Row) -> None:
        """By the commit at the latest; until then an `ask` may not see it."""

    @abstractmethod
    def insert(self, model: type[Model], rows: Sequence[Row]) -> None:
        """As `write`; the values of a row stand in the order of the model's fields."""

    @abstractmethod
    def flush(self) -> None:
        """What was to be written is written now."""

    @abstractmethod
    def any_of(self, column: str, values: Sequence[Any]) -> Statement:
        """A condition and its values."""

    @abstractmethod
    def time(self, moment_us: int) -> Any:
        """A timestamp column's value, as Django would write it."""


def is_away(error: Exception) -> bool:
    """Whether the same may succeed later, on another connection: nothing is wrong with what was asked."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) or state in AWAY_STATES


def database_in_use() -> Database:
    return Sqlite() if connections[DEFAULT_DB_ALIAS].vendor == "sqlite" else Postgresql()


@cache
def columns_of(model: type[Model]) -> tuple[str, ...]:
    return tuple(str(field.column) for field in model._meta.concrete_fields)


# --- SQLite ------------------------------------------------------------------------------------------
class Sqlite(Database):
    """Whoever begins IMMEDIATE holds the one lock there is."""

    def begin(self) -> None:
        """The lock is asked for at short, even intervals: SQLite's own waiting sleeps in steps that grow to 100 ms."""
        until = time.monotonic() + LOCK_WAIT_S
        self.execute("PRAGMA busy_timeout = 0")
        try:
            while not self.has_begun():
                if time.monotonic() > until:
                    raise OperationalError("database is locked")
                time.sleep(LOCK_LOOK_S)
        finally:
            self.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000}")

    def has_begun(self) -> bool:
        try:
            self.execute("BEGIN IMMEDIATE")
        except OperationalError as error:
            if "locked" not in str(error):
                raise
            return False
        return True

    def commit(self) -> None:
        with self.wrapper.wrap_database_errors:
            self.wrapper.connection.commit()

    def ask(self, *questions: Statement) -> list[list[Any]]:
        return [self.execute(question_marks(statement), values).fetchall() for statement, values in questions]

    def write(self, statement: str, values: Row) -> None:
        self.execute(question_marks(statement), values)

    def insert(self, model: type[Model], rows: Sequence[Row]) -> None:
        """Sizes are powers of two, so that the driver keeps a handful of prepared statements, not one per length."""
        start = 0
        while start < len(rows):
            size = min(ROWS_MAX, 1 << (len(rows) - start).bit_length() - 1)
            self.execute(insert_of_rows(model, size), list(chain.from_iterable(rows[start : start + size])))
            start += size

    def flush(self) -> None:
        """Nothing is ever put off."""

    def any_of(self, column: str, values: Sequence[Any]) -> Statement:
        return f"{column} IN ({', '.join(['%s'] * len(values))})", values

    def time(self, moment_us: int) -> str:
        seconds, rest_us = divmod(moment_us, 1_000_000)
        return f"{second_text(seconds)}.{rest_us:06d}" if rest_us else second_text(seconds)

    def execute(self, statement: str, values: Row = ()) -> Any:
        with self.wrapper.wrap_database_errors:
            return self.wrapper.connection.execute(statement, values)


@lru_cache(maxsize=512)
def question_marks(statement: str) -> str:
    return statement.replace("%s", "?")


@lru_cache(maxsize=1024)
def second_text(seconds: int) -> str:
    return str((EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None))


@cache
def insert_of_rows(model: type[Model], count: int) -> str:
    names = columns_of(model)
    row = f"({', '.join('?' * len(names))})"
    return f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) VALUES {', '.join([row] * count)}"  # noqa: S608 - own names


# --- PostgreSQL --------------------------------------------------------------------------------------
class Postgresql(Database):
    """A transaction in two round trips: BEGIN goes with the first question, COMMIT with all that is written."""

    for_update = "FOR UPDATE"

    def __init__(self) -> None:
        super().__init__()
        self.put_off: list[Statement] = []

    def begin(self) -> None:
        """All is found by its key: a plan kept from when a table was empty would read the whole of it for ever."""
        self.put_off += [("BEGIN", ()), ("SET LOCAL enable_seqscan = off", ())]

    def commit(self) -> None:
        self.put_off.append(("COMMIT", ()))
        self.flush()

    def ask(self, *questions: Statement) -> list[list[Any]]:
        before, self.put_off = self.put_off, []
        cursors = self.execute([*before, *questions])
        return [cursor.fetchall() for cursor in cursors[len(before) :]]

    def write(self, statement: str, values: Row) -> None:
        self.put_off.append((statement, values))

    def insert(self, model: type[Model], rows: Sequence[Row]) -> None:
        """As one JSON value: one statement for any number of rows, and nothing for the driver to adapt one by one."""
        if rows:
            records = [dict(zip(columns_of(model), row, strict=True)) for row in rows]
            self.put_off.append((insert_of_records(model), (orjson.dumps(records, default=bytes_text).decode(),)))

    def flush(self) -> None:
        statements, self.put_off = self.put_off, []
        self.execute(statements)

    def any_of(self, column: str, values: Sequence[Any]) -> Statement:
        return f"{column} = ANY(%s)", [list(values)]

    def time(self, moment_us: int) -> Any:
        return EPOCH + timedelta(microseconds=moment_us)

    def execute(self, statements: Sequence[Statement]) -> "list[psycopg.Cursor[Any]]":
        """All in one round trip; the first error ends them."""
        with self.wrapper.wrap_database_errors, self.wrapper.connection.pipeline():
            return [
                psycopg.Cursor(self.wrapper.connection).execute(statement, values or None)
                for statement, values in statements
            ]


def bytes_text(value: bytes) -> str:
    return f"\\x{value.hex()}"


@cache
def insert_of_records(model: type[Model]) -> str:
    table = model._meta.db_table
    names = ", ".join(columns_of(model))
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s::json)"  # noqa: S608 - own names
