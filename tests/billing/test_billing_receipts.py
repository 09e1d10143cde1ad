"""Receipts: what they show, and that their proof can fail."""

from typing import Any

import pytest
from billing_booking import TENTH, MakeWorkspace, place, settle
from billing_calls import FREE, YUAN, call_made

from accounts.models import Workspace
from billing.models import UsageRecord
from billing.selectors import Receipt, receipt_of
from billing.selectors.receipts import findings_of, transfers_of


def receipt(workspace: Workspace, request_id: str) -> Receipt:
    found = receipt_of(workspace=workspace, request_id=request_id)
    assert found is not None
    return found


def test_a_receipt_tells_the_way_of_the_money(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    settle(hold, writer, prompt=10_000, completion=1000)
    found = receipt(workspace, hold.context.request_id)
    assert [(step.step, step.wallet, step.amount_nano) for step in found.steps] == [
        ("hold", "trial", 100_000_000), ("settle", "trial", 28_000_000), ("release", "trial", 72_000_000),
    ]  # fmt: skip
    assert (found.before_nano, found.record.charged_nano, found.record.balance_nano) == (YUAN, 28_000_000, 972_000_000)
    assert (found.settled_nano, found.released_nano, found.wallets) == (28_000_000, 72_000_000, ["trial"])
    assert found.agrees


def test_cost_above_the_hold_and_cost_nobody_paid_are_steps_of_their_own(
    make_workspace: MakeWorkspace, writer: int
) -> None:
    workspace = make_workspace(trial_nano=100_000_000, paid_nano=2_000_000)
    hold = place(workspace, writer, TENTH)
    settle(hold, writer, prompt=10_000, completion=11_000)
    found = receipt(workspace, hold.context.request_id)
    assert [(step.step, step.wallet, step.amount_nano, step.is_above_hold) for step in found.steps] == [
        ("hold", "trial", 100_000_000, False), ("settle", "paid", 2_000_000, True),
        ("settle", "trial", 100_000_000, False), ("uncollected", "loss", 6_000_000, False),
    ]  # fmt: skip
    assert (found.wallets, found.agrees) == (["trial", "paid"], True)


def test_a_free_call_has_a_receipt_without_transfers(workspace: Workspace, writer: int) -> None:
    found = receipt(workspace, call_made(workspace, writer, price=FREE).pk)
    assert (found.lines, found.steps, found.before_nano, found.agrees) == ([], [], 40 * YUAN, True)


def test_a_failed_call_gives_everything_back(workspace: Workspace, writer: int) -> None:
    found = receipt(workspace, call_made(workspace, writer, outcome="failed").pk)
    assert [step.step for step in found.steps] == ["hold", "release"]
    assert found.agrees


def test_a_stranger_has_no_receipt(workspace: Workspace, make_workspace: MakeWorkspace, writer: int) -> None:
    record = call_made(workspace, writer)
    assert receipt_of(workspace=make_workspace(), request_id=record.pk) is None
    assert receipt_of(workspace=workspace, request_id="req_unknown") is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("cost_nano", 1),
        ("trial_nano", 1),
        ("uncollected_nano", 1),
        ("held_nano", 1),
        ("prompt_tokens", 1),
        ("lines", '[["input",1000,2000000000,1000000,2000001],["output",500,8000000000,1000000,4000000]]'),
    ],
)
def test_a_record_that_says_something_else_than_the_ledger_is_found(
    workspace: Workspace, writer: int, column: str, value: Any
) -> None:
    record = call_made(workspace, writer)
    before = getattr(record, column)
    UsageRecord.objects.filter(pk=record.pk).update(**{column: value})
    try:
        assert receipt(workspace, record.pk).findings
    finally:  # the ledger is checked once more when all tests are done
        UsageRecord.objects.filter(pk=record.pk).update(**{column: before})
    assert receipt(workspace, record.pk).agrees


@pytest.mark.parametrize(("column", "value"), [("amount_nano", 7), ("reason", "another"), ("seq", 10**9)])
def test_a_transfer_that_was_changed_is_found(workspace: Workspace, writer: int, column: str, value: Any) -> None:
    """In memory: the database refuses to change the row itself."""
    record = call_made(workspace, writer)
    transfers = transfers_of(records=[record])
    assert findings_of(record, transfers) == []
    setattr(transfers[0], column, value)
    assert any("changed" in finding for finding in findings_of(record, transfers))


def test_a_transfer_that_is_missing_is_found(workspace: Workspace, writer: int) -> None:
    record = call_made(workspace, writer)
    transfers = transfers_of(records=[record])
    for missing in transfers:
        assert findings_of(record, [one for one in transfers if one is not missing]), missing


def test_the_transfers_of_a_hundred_calls_are_one_query(
    workspace: Workspace, writer: int, django_assert_num_queries: Any
) -> None:
    records = [call_made(workspace, writer) for _ in range(100)]
    with django_assert_num_queries(1):
        found = transfers_of(records=records)
    assert len(found) == 300  # hold, settle, release
