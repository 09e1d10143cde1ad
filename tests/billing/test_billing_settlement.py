import pytest
from billing_booking import (
    PRICE,
    TENTH_NANO,
    YUAN,
    MakeWorkspace,
    done,
    place,
    record_of,
    settle,
    settling,
    transfers,
    wallets,
)

from billing.database import columns_of
from billing.ledger import book
from billing.models import Account, Hold, Transfer, UsageRecord
from billing.operations import AbandonedHold, HoldGone, Leg, Settlement
from billing.pricing import Quote
from billing.rows import UsageRow, lines_parse


def test_a_settlement_posts_the_cost_and_voids_the_rest(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    settlement = settle(hold, writer, prompt=9_000, completion=1_000)
    assert settlement == Settlement(cost_nano=26_000_000, uncollected_nano=0, balance_nano=974_000_000)
    assert transfers(hold) == {"hold/1": TENTH_NANO, "post/1": 26_000_000, "void/1": 74_000_000}
    assert wallets(workspace)["trial"] == (974_000_000, 0)
    assert not Hold.objects.filter(pk=hold.context.request_id).exists()


def test_a_usage_row_has_the_columns_of_its_table_in_their_order() -> None:
    assert UsageRow._fields == columns_of(UsageRecord)


def test_the_usage_record_is_written_with_it(make_workspace: MakeWorkspace, writer: int) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    settle(hold, writer, prompt=9_000, completion=1_000)
    record = record_of(hold)
    assert (record.outcome, record.usage_source, record.price_version) == ("success", "upstream", 7)
    assert (record.prompt_tokens, record.completion_tokens) == (9_000, 1_000)
    assert [(line.item, line.amount_nano) for line in lines_parse(record.lines)] == [
        ("input", 18_000_000),
        ("output", 8_000_000),
    ]
    assert (record.held_nano, record.cost_nano, record.charged_nano) == (TENTH_NANO, 26_000_000, 26_000_000)
    assert (record.trial_nano, record.paid_nano, record.balance_nano) == (26_000_000, 0, 974_000_000)
    assert record.created_at == hold.context.started_at
    assert record.settled_at >= record.created_at


def test_a_cost_that_equals_the_hold_voids_nothing(make_workspace: MakeWorkspace, writer: int) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    settle(hold, writer, prompt=10_000, completion=10_000)
    assert transfers(hold) == {"hold/1": TENTH_NANO, "post/1": TENTH_NANO}


def test_a_cost_of_nothing_voids_everything(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=30_000_000, paid_nano=YUAN)
    hold = place(workspace, writer)
    assert settle(hold, writer).charged_nano == 0
    assert transfers(hold) == {
        "hold/1": 30_000_000,
        "hold/2": 70_000_000,
        "void/1": 30_000_000,
        "void/2": 70_000_000,
    }
    assert wallets(workspace) == {"trial": (30_000_000, 0), "paid": (YUAN, 0)}


def test_the_trial_is_charged_first_over_both_legs(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=30_000_000, paid_nano=YUAN)
    hold = place(workspace, writer)
    settle(hold, writer, prompt=10_000, completion=2_000)
    assert wallets(workspace) == {"trial": (0, 0), "paid": (YUAN - 6_000_000, 0)}
    assert (record_of(hold).trial_nano, record_of(hold).paid_nano) == (30_000_000, 6_000_000)


def test_cost_above_the_hold_is_taken_from_what_is_available_trial_first(
    make_workspace: MakeWorkspace, writer: int
) -> None:
    workspace = make_workspace(trial_nano=TENTH_NANO + 1_000_000, paid_nano=YUAN)
    hold = place(workspace, writer)
    settlement = settle(hold, writer, prompt=10_000, completion=10_500)  # ¥0.004 above
    assert settlement == Settlement(104_000_000, 0, YUAN - 3_000_000)
    assert transfers(hold) == {
        "hold/1": TENTH_NANO,
        "post/1": TENTH_NANO,
        "over/trial": 1_000_000,
        "over/paid": 3_000_000,
    }


def test_money_freed_from_one_leg_is_not_mistaken_for_cost_above(make_workspace: MakeWorkspace, writer: int) -> None:
    """A hold of two legs that costs less than its first: nothing is taken beside the legs."""
    hold = place(make_workspace(trial_nano=90_000_000, paid_nano=YUAN), writer)
    assert hold.legs == [Leg(1, "trial", 90_000_000), Leg(2, "paid", 10_000_000)]
    settle(hold, writer, prompt=10_000)
    assert set(transfers(hold)) == {"hold/1", "hold/2", "post/1", "void/1", "void/2"}


def test_what_nobody_can_pay_goes_to_the_loss_account(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=TENTH_NANO, paid_nano=5)
    hold = place(workspace, writer)
    settlement = settle(hold, writer, prompt=10_000, completion=11_000)  # ¥0.008 above
    assert settlement == Settlement(cost_nano=108_000_000, uncollected_nano=7_999_995, balance_nano=0)
    assert settlement.charged_nano == TENTH_NANO + 5
    loss = Transfer.objects.get(pk=f"{hold.context.request_id}/uncollected")
    assert (loss.debit.kind, loss.credit.kind, loss.amount_nano) == ("loss", "revenue", 7_999_995)
    assert record_of(hold).uncollected_nano == 7_999_995
    assert wallets(workspace) == {"trial": (0, 0), "paid": (0, 0)}


def test_a_hold_settles_at_most_once(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    settle(hold, writer, prompt=1_000)
    before = wallets(workspace), transfers(hold)
    with pytest.raises(HoldGone):
        settle(hold, writer, prompt=10_000, completion=10_000)
    assert (wallets(workspace), transfers(hold)) == before
    assert record_of(hold).prompt_tokens == 1_000


def test_two_settlements_in_one_batch_book_the_first(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    first, second = book([settling(hold, 1_000), settling(hold, 2_000)], writer_id=writer)
    assert isinstance(first, Settlement)
    assert isinstance(second, HoldGone)
    assert wallets(workspace)["trial"] == (YUAN - 2_000_000, 0)


def test_a_settlement_after_the_void_is_refused(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    done(AbandonedHold(hold.context), writer)
    with pytest.raises(HoldGone):
        settle(hold, writer, prompt=10_000)
    assert wallets(workspace)["trial"] == (YUAN, 0)
    assert record_of(hold).outcome == "abandoned"


def test_a_void_after_the_settlement_is_refused(make_workspace: MakeWorkspace, writer: int) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    settle(hold, writer, prompt=10_000)
    with pytest.raises(HoldGone):
        done(AbandonedHold(hold.context), writer)
    assert record_of(hold).outcome == "success"


def test_another_writer_may_settle_and_both_chains_hold(
    make_workspace: MakeWorkspace, writer: int, clerk: object
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    other = clerk.writer_id  # type: ignore[attr-defined]
    settle(hold, other, prompt=1_000)
    assert wallets(workspace)["trial"] == (YUAN - 2_000_000, 0)


def test_the_balance_is_the_sum_of_the_transfers(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN, paid_nano=YUAN)
    quote = Quote(PRICE, prompt_tokens=10_000, cap_tokens=100_000)
    for completion in (0, 1, 99_999, 120_000):
        settle(place(workspace, writer, quote), writer, 10_000, completion)
    for account in Account.objects.filter(workspace=workspace):
        moved = Transfer.objects.exclude(kind__in=("pending", "void"))
        received = sum(moved.filter(credit=account).values_list("amount_nano", flat=True))
        spent = sum(moved.filter(debit=account).values_list("amount_nano", flat=True))
        assert account.available_nano == received - spent
