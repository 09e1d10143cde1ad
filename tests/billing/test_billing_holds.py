import pytest
from billing_booking import (
    FREE,
    PRICE,
    TENTH,
    TENTH_NANO,
    YUAN,
    MakeWorkspace,
    call,
    done,
    place,
    record_of,
    settle,
    settling,
    transfers,
    wallets,
)

from accounts.models import Workspace
from billing.ledger import book
from billing.models import Hold, Transfer
from billing.operations import (
    ExtendHold,
    HoldGone,
    InsufficientBalance,
    LedgerError,
    Leg,
    OpenHold,
    PlaceHold,
)
from billing.pricing import Price, Quote
from billing.selectors import Balance, balance_of


def test_a_hold_takes_the_trial_first(rich: Workspace, writer: int) -> None:
    hold = place(rich, writer)
    assert hold.legs == [Leg(1, "trial", TENTH_NANO)]
    assert wallets(rich) == {"trial": (40 * YUAN - TENTH_NANO, TENTH_NANO), "paid": (1000 * YUAN, 0)}
    assert balance_of(workspace=rich) == Balance(40 * YUAN - TENTH_NANO, 1000 * YUAN, TENTH_NANO, 40 * YUAN)
    assert hold.balance_nano == 1040 * YUAN - TENTH_NANO
    settle(hold, writer)


def test_a_hold_may_span_both_wallets(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=30_000_000, paid_nano=YUAN)
    hold = place(workspace, writer)
    assert hold.legs == [Leg(1, "trial", 30_000_000), Leg(2, "paid", 70_000_000)]
    assert transfers(hold) == {"hold/1": 30_000_000, "hold/2": 70_000_000}
    assert hold.held_nano == TENTH_NANO
    settle(hold, writer)


def test_a_hold_on_an_empty_trial_has_one_leg(make_workspace: MakeWorkspace, writer: int) -> None:
    hold = place(make_workspace(paid_nano=YUAN), writer)
    assert hold.legs == [Leg(1, "paid", TENTH_NANO)]
    settle(hold, writer)


def test_the_whole_cap_is_kept_where_the_balance_just_covers_it(make_workspace: MakeWorkspace, writer: int) -> None:
    hold = place(make_workspace(trial_nano=TENTH_NANO), writer)
    assert (hold.cap_tokens, hold.balance_nano) == (10_000, 0)
    settle(hold, writer)


def test_the_cap_is_lowered_to_what_the_balance_covers(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=30_000_000, paid_nano=10_003_999)
    hold = place(workspace, writer)
    # ¥0.02 for the prompt leaves 20,003,999 nano-yuan; a token of output costs 8,000.
    assert hold.cap_tokens == 2500
    assert hold.held_nano == 40_000_000
    assert wallets(workspace)["paid"] == (3_999, 10_000_000)
    settle(hold, writer)


def test_a_hold_is_refused_when_not_one_output_token_is_affordable(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=20_007_999)
    with pytest.raises(InsufficientBalance) as refusal:
        place(workspace, writer, request_id=f"poor-{workspace.pk}")
    assert (refusal.value.needed_nano, refusal.value.available_nano) == (20_008_000, 20_007_999)
    assert wallets(workspace)["trial"] == (20_007_999, 0)
    assert not Hold.objects.filter(pk=f"poor-{workspace.pk}").exists()
    assert not Transfer.objects.filter(writer=writer).exists()


def test_one_output_token_is_enough(make_workspace: MakeWorkspace, writer: int) -> None:
    hold = place(make_workspace(trial_nano=20_008_000), writer)
    assert hold.cap_tokens == 1
    settle(hold, writer)


def test_a_free_price_holds_nothing_and_needs_no_money(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace()
    hold = place(workspace, writer, Quote(FREE, prompt_tokens=5, cap_tokens=4096))
    assert (hold.legs, hold.cap_tokens, transfers(hold)) == ([], 4096, {})
    assert Hold.objects.filter(pk=hold.context.request_id).exists()
    assert settle(hold, writer, prompt=5, completion=9).cost_nano == 0
    assert record_of(hold).completion_tokens == 9


def test_a_quote_without_output_is_held_or_refused_whole(make_workspace: MakeWorkspace, writer: int) -> None:
    quote = Quote(Price(version=1, input_nano=YUAN), prompt_tokens=1000)
    hold = place(make_workspace(trial_nano=1_000_000), writer, quote)
    assert (hold.cap_tokens, hold.held_nano) == (0, 1_000_000)
    settle(hold, writer)
    with pytest.raises(InsufficientBalance):
        place(make_workspace(trial_nano=999_999), writer, quote)


def test_holds_of_one_batch_see_each_other(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=2 * TENTH_NANO)
    whole = Quote(PRICE, prompt_tokens=50_000)  # ¥0.10 and no output to lower
    outcomes = book([PlaceHold(call(workspace), whole) for _ in range(3)], writer_id=writer)
    assert [type(outcome) for outcome in outcomes] == [OpenHold, OpenHold, InsufficientBalance]
    for hold in outcomes[:2]:
        assert isinstance(hold, OpenHold)
        settle(hold, writer)


def test_a_workspace_without_wallets_is_refused(database: None, writer: int) -> None:
    workspace = Workspace.objects.create(name="no wallets")
    with pytest.raises(LedgerError, match="has no trial wallet"):
        place(workspace, writer)


# --- extension -------------------------------------------------------------------------------------
def test_an_extension_adds_legs_trial_first(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=TENTH_NANO + 5, paid_nano=20)
    hold = place(workspace, writer)
    longer = done(ExtendHold(hold, 12), writer)
    assert longer.legs == [Leg(1, "trial", TENTH_NANO), Leg(2, "trial", 5), Leg(3, "paid", 7)]
    assert (longer.held_nano, longer.balance_nano) == (TENTH_NANO + 12, 13)
    assert hold.legs == [Leg(1, "trial", TENTH_NANO)]
    settlement = settle(longer, writer, prompt=10_000, completion=10_000)
    assert (settlement.charged_nano, settlement.balance_nano) == (TENTH_NANO, 25)
    assert record_of(hold).held_nano == TENTH_NANO + 12


def test_an_extension_beyond_the_balance_is_refused_and_the_hold_stays(
    make_workspace: MakeWorkspace, writer: int
) -> None:
    workspace = make_workspace(trial_nano=TENTH_NANO + 5)
    hold = place(workspace, writer)
    with pytest.raises(InsufficientBalance):
        done(ExtendHold(hold, 6), writer)
    assert wallets(workspace)["trial"] == (5, TENTH_NANO)
    settle(hold, writer)


def test_a_vanished_hold_is_not_extended(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    settle(hold, writer)
    with pytest.raises(HoldGone):
        done(ExtendHold(hold, 5), writer)
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_two_extensions_of_the_same_hold_in_one_batch_both_count(make_workspace: MakeWorkspace, writer: int) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    first, second = book([ExtendHold(hold, 3), ExtendHold(hold, 4)], writer_id=writer)
    assert isinstance(first, OpenHold)
    assert isinstance(second, OpenHold)
    assert [leg.amount_nano for leg in second.legs] == [TENTH_NANO, 3, 4]
    settle(second, writer)


def test_a_settlement_releases_an_extension_its_caller_never_heard_of(
    make_workspace: MakeWorkspace, writer: int
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    done(ExtendHold(hold, 50), writer)  # the caller left before the answer came…
    settlement = settle(hold, writer, prompt=10_000)  # …and settles what it knows of
    assert settlement.balance_nano == YUAN - 20_000_000
    assert wallets(workspace)["trial"] == (YUAN - 20_000_000, 0)
    assert record_of(hold).leg_count == 2


def test_an_extension_that_meets_its_own_settlement_is_refused(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    extension, settlement = book([ExtendHold(hold, 50), settling(hold, 10_000)], writer_id=writer)
    assert isinstance(extension, HoldGone)
    assert not isinstance(settlement, LedgerError)
    assert wallets(workspace)["trial"] == (YUAN - 20_000_000, 0)


def test_a_known_request_is_not_held_twice(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer, TENTH)
    with pytest.raises(Exception, match=r"(?i)exists|unique"):
        place(workspace, writer, TENTH, hold.context.request_id)
    assert wallets(workspace)["trial"] == (YUAN - TENTH_NANO, TENTH_NANO)
    settle(hold, writer)
