"""Only whole nano-yuan are booked. What is refused for a float leaves nothing behind."""

import pytest
from billing_booking import PRICE, YUAN, MakeWorkspace, call, done, place, settle, settling, wallets

from billing.models import Hold, Transfer
from billing.operations import ExtendHold, Grant, LedgerError, Operation, PlaceHold
from billing.pricing import Quote


def refused(operation: Operation, writer: int) -> None:
    before = Transfer.objects.count()
    with pytest.raises(LedgerError, match="must be a whole number of nano-yuan"):
        done(operation, writer)
    assert Transfer.objects.count() == before


def test_a_hold_over_both_wallets_is_refused_before_its_first_leg(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=1, paid_nano=YUAN)
    before = wallets(workspace)
    quote = Quote(PRICE, 1000, 1000, choices=2.5)  # type: ignore[arg-type]
    refused(PlaceHold(call(workspace), quote), writer)
    assert wallets(workspace) == before
    assert not Hold.objects.filter(workspace=workspace).exists()


def test_a_grant_and_an_extension_are_refused(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    refused(ExtendHold(hold, 5.0), writer)  # type: ignore[arg-type]
    refused(Grant("a-float", workspace.pk, "paid", 5.0, "a test"), writer)  # type: ignore[arg-type]
    refused(Grant("a-truth", workspace.pk, "paid", True, "a test"), writer)
    settle(hold, writer)


def test_a_settlement_is_refused_and_its_hold_stays_open(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    sound = settling(hold, prompt=1000)
    lines = [line._replace(amount_nano=float(line.amount_nano)) for line in sound.lines]  # type: ignore[arg-type]
    refused(sound._replace(lines=lines), writer)
    assert Hold.objects.filter(workspace=workspace).exists()
    assert settle(hold, writer, prompt=1000).cost_nano == 2_000_000
