"""What the database itself refuses, whatever code asks."""

from collections.abc import Iterator

import pytest
from billing_booking import TENTH_NANO, YUAN, MakeWorkspace, place, settle, wallets
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.money import MAX_NANO
from billing.models import Account, Transfer
from billing.operations import OpenHold

sqlite_only = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's own way around a trigger")
postgresql_only = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no such statement")
COLUMNS = (
    "id, kind, debit_id, credit_id, amount_nano, pending_id, reason, created_at, writer_id, seq, previous_hash, hash"
)


def run(statement: str, *parameters: object) -> None:
    """In a transaction of its own, rolled back whatever happens."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        transaction.set_rollback(True)


@pytest.fixture
def settled(make_workspace: MakeWorkspace, writer: int) -> OpenHold:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    settle(hold, writer, prompt=1_000)
    return hold


@pytest.mark.parametrize(
    "change",
    [
        "debits_nano = debits_nano + 1000000001",
        "pending_nano = pending_nano + 1000000001",
        "credits_nano = 0, debits_nano = 1",
        "pending_nano = -1",
        "debits_nano = -1",
        f"credits_nano = {MAX_NANO} + 1",
        "credits_nano = credits_nano + 9223372036854775807",
    ],
)
def test_no_statement_overdraws_a_wallet_or_spoils_its_counters(make_workspace: MakeWorkspace, change: str) -> None:
    wallet = Account.objects.get(workspace=make_workspace(trial_nano=YUAN), kind="trial")
    run("UPDATE billing_account SET debits_nano = debits_nano + 1000000000 WHERE id = %s", wallet.pk)
    with pytest.raises(DatabaseError):
        run(f"UPDATE billing_account SET {change} WHERE id = %s", wallet.pk)  # noqa: S608 - our own texts


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_transfer SET amount_nano = amount_nano + 1 WHERE id = %s",
        "UPDATE billing_transfer SET reason = 'another' WHERE id = %s",
        "UPDATE billing_transfer SET reason = reason WHERE id = %s",
        "DELETE FROM billing_transfer WHERE id = %s",
    ],
)
def test_a_transfer_is_never_changed_or_deleted(settled: OpenHold, statement: str) -> None:
    with pytest.raises(IntegrityError, match=r"never changed|never deleted"):
        run(statement, f"{settled.context.request_id}/post/1")


def test_django_cannot_change_or_delete_one_either(settled: OpenHold) -> None:
    transfer = Transfer.objects.get(pk=f"{settled.context.request_id}/void/1")
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        transfer.save()
    with pytest.raises(IntegrityError, match="never"), transaction.atomic():
        transfer.delete()


def copied(settled: OpenHold, **changes: str) -> tuple[str, str]:
    """A statement's tail that inserts a copy of the settled hold's post, with other columns."""
    shown = ", ".join(changes.get(name.strip(), name) for name in COLUMNS.split(","))
    tail = f"SELECT {shown} FROM billing_transfer WHERE id = %s"  # noqa: S608 - our own texts
    return tail, f"{settled.context.request_id}/post/1"


NEW_PLACE = {"id": "id || '-again'", "seq": "seq + 1000"}


def test_a_copy_that_breaks_no_rule_would_be_accepted(settled: OpenHold) -> None:
    tail, known = copied(settled, kind="'direct'", pending_id="NULL", **NEW_PLACE)
    run(f"INSERT INTO billing_transfer ({COLUMNS}) {tail}", known)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seq": "seq + 1000"},
        {"id": "id || '-again'", "kind": "'direct'", "pending_id": "NULL"},
        NEW_PLACE,
        {**NEW_PLACE, "kind": "'direct'", "pending_id": "NULL", "amount_nano": "0"},
        {**NEW_PLACE, "kind": "'direct'", "pending_id": "NULL", "amount_nano": "-1"},
        {**NEW_PLACE, "kind": "'direct'"},
        {**NEW_PLACE, "pending_id": "NULL"},
        {**NEW_PLACE, "kind": "'other'", "pending_id": "NULL"},
    ],
    ids=["same", "known id", "known seq", "second post", "zero", "negative", "direct of a hold", "bare post", "kind"],
)
@pytest.mark.parametrize("verb", ["INSERT", "INSERT OR REPLACE"])
def test_a_transfer_that_breaks_a_rule_is_refused(settled: OpenHold, changes: dict[str, str], verb: str) -> None:
    if connection.vendor == "postgresql":
        verb = "INSERT"
    tail, known = copied(settled, **changes)
    with pytest.raises(IntegrityError):
        run(f"{verb} INTO billing_transfer ({COLUMNS}) {tail}", known)


def test_a_wallet_with_transfers_is_not_deleted(settled: OpenHold) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_account WHERE workspace_id = %s", [settled.context.workspace_id])
        with pytest.raises(IntegrityError):
            connection.check_constraints()
        transaction.set_rollback(True)


def test_a_workspace_has_one_wallet_of_a_kind(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace()
    for kind, owner in (("trial", workspace), ("revenue", workspace), ("trial", None), ("revenue", None)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Account.objects.create(kind=kind, workspace=owner)


# --- SQLite ----------------------------------------------------------------------------------------
@pytest.fixture
def without_recursive_triggers(database: None) -> Iterator[None]:
    """A connection that forgot the pragma under which REPLACE fires the delete trigger."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA recursive_triggers=OFF")
        yield
        cursor.execute("PRAGMA recursive_triggers=ON")


@sqlite_only
def test_our_connections_fire_triggers_of_triggers(database: None) -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA recursive_triggers").fetchone() == (1,)


@sqlite_only
@pytest.mark.usefixtures("without_recursive_triggers")
@pytest.mark.parametrize(
    "changes",
    [
        {"amount_nano": "1"},
        {"id": "id || '-again'", "kind": "'direct'", "pending_id": "NULL"},
        {**NEW_PLACE, "amount_nano": "1"},
    ],
    ids=["known id", "known seq", "second post"],
)
def test_replace_gets_past_nothing_even_then(settled: OpenHold, changes: dict[str, str]) -> None:
    tail, known = copied(settled, **changes)
    with pytest.raises(IntegrityError):
        run(f"INSERT OR REPLACE INTO billing_transfer ({COLUMNS}) {tail}", known)


@sqlite_only
@pytest.mark.usefixtures("without_recursive_triggers")
def test_a_row_is_not_replaced_by_its_rowid(settled: OpenHold) -> None:
    tail, known = copied(settled, kind="'direct'", pending_id="NULL", **NEW_PLACE)
    tail = tail.replace("SELECT ", "SELECT rowid, ", 1)
    with pytest.raises(IntegrityError):
        run(f"INSERT OR REPLACE INTO billing_transfer (rowid, {COLUMNS}) {tail}", known)


@sqlite_only
def test_no_row_takes_the_rowid_that_means_none(settled: OpenHold) -> None:
    tail, known = copied(settled, kind="'direct'", pending_id="NULL", **NEW_PLACE)
    tail = tail.replace("SELECT ", "SELECT -1, ", 1)
    with pytest.raises(IntegrityError):
        run(f"INSERT INTO billing_transfer (rowid, {COLUMNS}) {tail}", known)


# --- PostgreSQL ------------------------------------------------------------------------------------
@postgresql_only
@pytest.mark.parametrize("table", ["billing_transfer", "billing_account", "accounts_workspace"])
def test_transfers_are_not_truncated_not_even_by_a_cascade(settled: OpenHold, table: str) -> None:
    with pytest.raises(IntegrityError, match="never changed or deleted"):
        run(f"TRUNCATE {table} CASCADE")


@postgresql_only
def test_an_upsert_does_not_change_one(settled: OpenHold) -> None:
    tail, known = copied(settled)
    with pytest.raises(IntegrityError, match="never changed"):
        run(f"INSERT INTO billing_transfer ({COLUMNS}) {tail} ON CONFLICT (id) DO UPDATE SET amount_nano = 1", known)


def test_after_all_that_the_wallet_is_untouched(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=TENTH_NANO)
    with pytest.raises(DatabaseError):
        run("UPDATE billing_account SET pending_nano = credits_nano + 1 WHERE workspace_id = %s", workspace.pk)
    assert wallets(workspace)["trial"] == (TENTH_NANO, 0)
