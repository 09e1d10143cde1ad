"""The database away for a while amid traffic: calls wait or are refused in so many words, and the books hold."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from chaos_books import check_balance, check_bills
from chaos_callers import Crowd, Heard
from chaos_product import Product, measured

from tests.console.conftest import administer, wait_until

pytestmark = pytest.mark.slow

CALLERS = 16
AWAY_S = 3.0
MODELS = [
    {"name": "brief", "upstream": "chat;chunks=3"},
    {"name": "long", "upstream": "chat;chunks=30;chunk_ms=50"},
]
on_postgresql = pytest.mark.skipif("DATABASE_URL" not in os.environ, reason="for PostgreSQL")
on_sqlite = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="for SQLite")


@on_postgresql
def test_a_database_that_ends_its_sessions_and_refuses_new_ones_is_waited_for(product: Product) -> None:
    def sessions_ended() -> None:
        for _ in range(5):
            administer(product.database_url, sessions_end(product))
            time.sleep(0.4)

    def database_away() -> None:
        name = product.database_url.rsplit("/", 1)[1]
        administer(product.database_url, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            administer(product.database_url, sessions_end(product))
            time.sleep(AWAY_S)
        finally:
            administer(product.database_url, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    ended, away = traffic_through(product, sessions_ended, database_away)
    for call in [*ended, *away]:
        is_refused = (call.status, call.error) == (503, "ledger_unavailable")
        assert call.is_whole or is_refused, f"neither served nor refused in so many words: {call}"
    assert any(call.is_whole and call.ended_at - call.began_at > AWAY_S / 2 for call in away), "somebody waited"


@on_sqlite
def test_a_locked_database_is_waited_for(product: Product) -> None:
    def lock() -> None:
        database = product.server.folder / "console.sqlite3"
        with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(AWAY_S)
            connection.execute("ROLLBACK")

    [heard] = traffic_through(product, lock)
    assert all(call.is_whole for call in heard), [call for call in heard if not call.is_whole]
    assert any(call.ended_at - call.began_at > AWAY_S / 2 for call in heard), "somebody waited"


def sessions_end(product: Product) -> str:
    name = product.database_url.rsplit("/", 1)[1]
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 - our own


def traffic_through(product: Product, *troubles: Callable[[], None]) -> list[list[Heard]]:
    """What callers heard who called before, during and after each trouble; afterwards everything is well."""
    process = product.start()
    [key] = product.prepare(MODELS)
    web = product.pid("console.web")
    heard = [asyncio.run(calls_during(product, key, trouble)) for trouble in troubles]
    for calls in heard:
        measured("calls", len(calls))
        measured("refused", sum(bool(call.error or call.failure) for call in calls))
        measured("longest call, s", max(call.ended_at - call.began_at for call in calls))
    assert product.pid("console.web") == web, "nothing had to be started again"
    wait_until(lambda: product.open_holds() == 0, seconds=30, what="the end of every hold")
    check_bills(product, [call for calls in heard for call in calls])
    check_balance(product, "alice")
    product.check_ledger()
    product.stop(process)
    return heard


async def calls_during(product: Product, key: str, trouble: Callable[[], None]) -> list[Heard]:
    crowd, is_over = Crowd(product.url), asyncio.Event()
    brief = [
        asyncio.create_task(crowd.keep_calling(is_over.is_set, key, "brief", stream=bool(number % 2)))
        for number in range(CALLERS)
    ]
    streams = crowd.begin(key, "long", CALLERS)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(trouble)
    over_at = time.monotonic()
    await asyncio.sleep(2)
    is_over.set()
    await asyncio.gather(*brief, *streams)
    after = [call for call in crowd.heard if call.began_at > over_at + 1]
    assert after
    assert all(call.is_whole for call in after), "calls after it work"
    return crowd.heard
