"""The check passes over an honest ledger and finds each tampering made behind the triggers' back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from billing_booking import YUAN, MakeWorkspace, done, place, record_of, settle
from django.db import connection, transaction

from billing.chain import GENESIS, transfer_hash
from billing.checking import FINDINGS_MAX, LedgerReport, hashed_row, ledger_check
from billing.ledger import writer_end
from billing.models import Account, Hold, Transfer, UsageRecord, Writer
from billing.operations import ExtendHold, OpenHold
from billing.rows import lines_json, lines_parse


@dataclass
class Ledger:
    """A writer with three settled requests, the second of them above its hold, and one hold left open."""

    writer: int
    settled: list[OpenHold]
    open: OpenHold

    @property
    def chain(self) -> list[Transfer]:
        return list(Transfer.objects.filter(writer=self.writer).order_by("seq"))

    def wallet(self) -> Account:
        return Account.objects.get(workspace=self.open.context.workspace_id, kind="trial")

    def record(self, number: int) -> UsageRecord:
        return record_of(self.settled[number])


@pytest.fixture
def ledger(make_workspace: MakeWorkspace, writer: int) -> Iterator[Ledger]:
    workspace = make_workspace(trial_nano=YUAN)
    settled = [place(workspace, writer) for _ in range(3)]
    for hold, completion in zip(settled, (1_000, 10_500, 0), strict=True):
        settle(hold, writer, 10_000, completion)
    idle = place(workspace, writer)
    settle(idle, writer)
    settled.append(idle)
    open_hold = done(ExtendHold(place(workspace, writer), 50), writer)
    yield Ledger(writer, settled, open_hold)
    settle(open_hold, writer)


@contextmanager
def behind_the_back(ledger: Ledger) -> Iterator[None]:
    """The guards are off; everything is rolled back."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE billing_transfer DISABLE TRIGGER USER")
        else:
            for name in ("no_update", "no_delete", "no_replace", "real_rowid"):
                cursor.execute(f"DROP TRIGGER billing_transfer_{name}")
        yield
        transaction.set_rollback(True)


def change(transfer: Transfer, **columns: Any) -> None:
    assert Transfer.objects.filter(pk=transfer.pk).update(**columns) == 1


def remove(transfer: Transfer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_transfer WHERE id = %s", [transfer.pk])


def forged(ledger: Ledger, **columns: Any) -> None:
    """A direct transfer to the wallet whose own hash is right."""
    last = ledger.chain[-1]
    made = hashed_row(last)._replace(
        id=f"forged/{last.pk}", kind="direct", pending_id=None, credit_id=ledger.wallet().pk, seq=last.seq + 1,
        debit_id=Account.objects.get(kind="promotion").pk, amount_nano=YUAN,
    )  # fmt: skip
    row = made._replace(**columns)
    values = row._asdict()
    del values["created_us"]
    Transfer.objects.create(**values, created_at=last.created_at, hash=transfer_hash(row))


# --- the tamperings --------------------------------------------------------------------------------
def an_amount(ledger: Ledger) -> None:
    change(ledger.chain[3], amount_nano=1)


def a_reason(ledger: Ledger) -> None:
    change(ledger.chain[3], reason="another")


def a_time(ledger: Ledger) -> None:
    change(ledger.chain[3], created_at=ledger.chain[3].created_at.replace(year=2020))


def an_account(ledger: Ledger) -> None:
    change(ledger.chain[3], credit_id=Account.objects.get(kind="loss").pk)


def a_changed_row_with_a_fresh_hash(ledger: Ledger) -> None:
    transfer = ledger.chain[3]
    change(transfer, reason="another", hash=transfer_hash(hashed_row(transfer)._replace(reason="another")))


def a_transfer_removed_from_the_middle(ledger: Ledger) -> None:
    remove(next(transfer for transfer in ledger.chain if "/over/" in transfer.pk))


def the_last_transfer_removed(ledger: Ledger) -> None:
    remove(ledger.chain[-1])


def the_last_transfer_removed_and_the_head_set_back(ledger: Ledger) -> None:
    *_, before, last = ledger.chain
    remove(last)
    Writer.objects.filter(pk=ledger.writer).update(last_seq=before.seq, last_hash=before.hash)


def a_forged_transfer_that_follows_nothing(ledger: Ledger) -> None:
    forged(ledger, previous_hash=GENESIS)


def a_forged_transfer_that_follows_the_last(ledger: Ledger) -> None:
    forged(ledger, previous_hash=bytes(ledger.chain[-1].hash))


def a_forged_transfer_before_the_first(ledger: Ledger) -> None:
    forged(ledger, seq=-5, previous_hash=GENESIS)


def a_forged_transfer_with_the_head_moved_on(ledger: Ledger) -> None:
    forged(ledger, previous_hash=bytes(ledger.chain[-1].hash))
    last = ledger.chain[-1]
    Writer.objects.filter(pk=ledger.writer).update(last_seq=last.seq, last_hash=last.hash)


def a_forged_transfer_of_nobody(ledger: Ledger) -> None:
    forged(ledger, writer_id=2**40, seq=1, previous_hash=GENESIS)


def two_transfers_swapped(ledger: Ledger) -> None:
    one, other = ledger.chain[2:4]
    change(one, seq=-1)
    change(other, seq=one.seq)
    change(one, seq=other.seq)


def a_resolution_turned_to_another_hold(ledger: Ledger) -> None:
    post = next(transfer for transfer in ledger.chain if transfer.kind == "void")
    change(post, pending_id=ledger.open.context.request_id + "/hold/1")


def a_wallets_credits(ledger: Ledger) -> None:
    Account.objects.filter(pk=ledger.wallet().pk).update(credits_nano=2 * YUAN)


def a_wallets_holds(ledger: Ledger) -> None:
    Account.objects.filter(pk=ledger.wallet().pk).update(pending_nano=0)


def a_receipts_cost(ledger: Ledger) -> None:
    UsageRecord.objects.filter(pk=ledger.record(0).pk).update(cost_nano=1)


def a_receipts_line(ledger: Ledger) -> None:
    record = ledger.record(0)
    lines = lines_parse(record.lines)
    lines[0] = lines[0]._replace(amount_nano=lines[0].amount_nano - 1)
    UsageRecord.objects.filter(pk=record.pk).update(lines=lines_json(lines))


def a_receipts_lines_and_cost_alike(ledger: Ledger) -> None:
    UsageRecord.objects.filter(pk=ledger.record(0).pk).update(lines="[]", cost_nano=0)


def a_receipt_made_cheaper_throughout(ledger: Ledger) -> None:
    UsageRecord.objects.filter(pk=ledger.record(0).pk).update(
        lines="[]", cost_nano=0, trial_nano=0, prompt_tokens=0, completion_tokens=0
    )


def a_receipts_usage(ledger: Ledger) -> None:
    UsageRecord.objects.filter(pk=ledger.record(0).pk).update(prompt_tokens=1)


def a_receipts_wallets(ledger: Ledger) -> None:
    UsageRecord.objects.filter(pk=ledger.record(0).pk).update(trial_nano=0)


def a_receipts_loss(ledger: Ledger) -> None:
    UsageRecord.objects.filter(pk=ledger.record(0).pk).update(uncollected_nano=5)


def a_receipt_removed(ledger: Ledger) -> None:
    UsageRecord.objects.filter(pk=ledger.record(0).pk).delete()


def a_receipt_of_nothing_removed(ledger: Ledger) -> None:
    UsageRecord.objects.filter(pk=ledger.record(3).pk).delete()


def an_open_hold_removed(ledger: Ledger) -> None:
    Hold.objects.filter(pk=ledger.open.context.request_id).delete()


def an_open_holds_legs(ledger: Ledger) -> None:
    Hold.objects.filter(pk=ledger.open.context.request_id).update(legs='[[1,"trial",5]]')


TAMPERINGS: dict[Callable[[Ledger], None], str] = {
    an_amount: "was changed after it was written",
    a_reason: "was changed after it was written",
    a_time: "was changed after it was written",
    an_account: "was changed after it was written",
    a_changed_row_with_a_fresh_hash: "does not follow its predecessor",
    a_transfer_removed_from_the_middle: "stands where",
    the_last_transfer_removed: "its chain ends at",
    the_last_transfer_removed_and_the_head_set_back: "has no such pending transfer",
    a_forged_transfer_that_follows_nothing: "does not follow its predecessor",
    a_forged_transfer_that_follows_the_last: "its chain ends at",
    a_forged_transfer_before_the_first: "stands where",
    a_forged_transfer_with_the_head_moved_on: "counters",
    a_forged_transfer_of_nobody: "its writer does not exist",
    two_transfers_swapped: "does not follow its predecessor",
    a_resolution_turned_to_another_hold: "was changed after it was written",
    a_wallets_credits: "counters",
    a_wallets_holds: "counters",
    a_receipts_cost: "its lines do not sum to its cost",
    a_receipts_line: "line input does not multiply",
    a_receipts_lines_and_cost_alike: "was booked",
    a_receipt_made_cheaper_throughout: "its record says otherwise",
    a_receipts_usage: "line input has another quantity",
    a_receipts_wallets: "its record says otherwise",
    a_receipts_loss: "uncollected 0; its record says otherwise",
    a_receipt_removed: "its receipts say",
    a_receipt_of_nothing_removed: "has neither an open hold nor a usage record",
    an_open_hold_removed: "neither settled nor released, and no open hold",
    an_open_holds_legs: "open hold's leg 1 has no such pending transfer",
}


def test_an_honest_ledger_with_open_holds_has_no_findings(ledger: Ledger) -> None:
    report = ledger_check()
    assert report.findings == []
    assert report.transfers == Transfer.objects.count()
    assert report.requests == UsageRecord.objects.count()


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_the_check_finds_each_tampering(ledger: Ledger, tamper: Callable[[Ledger], None]) -> None:
    with behind_the_back(ledger):
        tamper(ledger)
        findings = ledger_check().findings
    assert any(TAMPERINGS[tamper] in finding for finding in findings), findings


def test_once_rolled_back_nothing_of_it_is_left(ledger: Ledger) -> None:
    with behind_the_back(ledger):
        remove(ledger.chain[-1])
        assert ledger_check().findings
    assert ledger_check().findings == []


def test_a_ledger_of_many_pages_is_read_to_its_end(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.checking.PAGE", 7)
    report = ledger_check()
    assert report.findings == []
    assert report.transfers == Transfer.objects.count()


def test_a_hold_resolved_by_a_writer_older_than_its_own_is_no_finding(
    make_workspace: MakeWorkspace, writer: int
) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    writer_end(writer)
    settle(hold, Writer.objects.earliest("id").pk, 1_000)
    assert ledger_check().findings == []


def test_findings_are_listed_up_to_a_limit() -> None:
    report = LedgerReport()
    for number in range(FINDINGS_MAX + 5):
        report.find(str(number))
    assert len(report.findings) == FINDINGS_MAX


def test_the_check_leaves_the_connection_as_it_found_it(ledger: Ledger) -> None:
    ledger_check()
    assert connection.get_autocommit()
    with transaction.atomic():
        assert Writer.objects.filter(pk=ledger.writer).update(label="tests") == 1
