"""Connections that outlive their request: which are kept, and which never are."""

from collections.abc import Iterator

import pytest
from django.db import ProgrammingError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from console.database import database_config
from console.postgresql.base import IDLE_MAX, IDLE_MAX_S, DatabaseWrapper

pytestmark = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="needs DATABASE_URL=postgresql://…; make test-all has one"
)


wrappers: list[BaseDatabaseWrapper] = []


@pytest.fixture(autouse=True)
def none_kept(database: None) -> Iterator[None]:
    connection.close_pool()  # type: ignore[attr-defined]  # Django's stubs do not know it
    yield
    for wrapper in wrappers:
        wrapper.close()
    wrappers.clear()
    connection.close_pool()  # type: ignore[attr-defined]


def opened() -> tuple[BaseDatabaseWrapper, int]:
    """A connection as a new thread's first query would get one, and the number of its server process."""
    wrapper = connection.copy()
    wrappers.append(wrapper)
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return wrapper, cursor.fetchone()[0]


def test_the_next_request_gets_the_connection_of_the_last() -> None:
    first, pid = opened()
    first.close_if_unusable_or_obsolete()  # at the end of each request
    assert first.connection is None
    assert opened()[1] == pid


def test_two_requests_at_once_have_one_each() -> None:
    assert opened()[1] != opened()[1]


def test_a_connection_that_had_an_error_is_not_kept() -> None:
    first, pid = opened()
    with pytest.raises(ProgrammingError), first.cursor() as cursor:
        cursor.execute("SELECT nothing_of_the_kind")
    first.close_if_unusable_or_obsolete()
    assert opened()[1] != pid


def test_a_transaction_that_was_left_open_ends_with_its_connection() -> None:
    first, pid = opened()
    first.set_autocommit(False)
    with first.cursor() as cursor:
        cursor.execute("CREATE TABLE left_open (id int)")
    first.close()
    second, other = opened()
    assert other != pid
    assert "left_open" not in second.introspection.table_names()


def test_a_connection_that_the_server_has_ended_is_not_given_out() -> None:
    first, pid = opened()
    second, _ = opened()
    first.close()
    with second.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert opened()[1] != pid


def test_no_more_are_kept_than_a_few() -> None:
    for wrapper in [opened()[0] for _ in range(IDLE_MAX + 2)]:
        wrapper.close()
    kept = connection.kept  # type: ignore[attr-defined]
    assert len(kept) == IDLE_MAX


def test_a_database_that_is_to_be_dropped_has_none() -> None:
    opened()[0].close()
    connection.close_pool()  # type: ignore[attr-defined]
    assert len(connection.kept) == 0  # type: ignore[attr-defined]


def test_a_process_that_was_forked_takes_none_of_its_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    first, pid = opened()
    first.close()
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert opened()[1] != pid


def test_the_console_uses_it() -> None:
    assert database_config("postgresql:///console")["ENGINE"] == "console.postgresql"
    assert isinstance(connection.copy(), DatabaseWrapper)


def test_what_a_rush_left_goes_when_it_is_old() -> None:
    several = [opened()[0] for _ in range(3)]
    for wrapper in several[:2]:
        wrapper.close_if_unusable_or_obsolete()
    kept = several[2].kept  # type: ignore[attr-defined]
    former = [kept.popleft() for _ in range(2)]
    kept.extend(idle._replace(since=idle.since - IDLE_MAX_S - 1) for idle in former)
    several[2].close_if_unusable_or_obsolete()
    assert [idle.connection.closed for idle in former] == [True, True]
    assert len(kept) == 1
