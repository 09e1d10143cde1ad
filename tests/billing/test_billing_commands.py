from io import StringIO

import pytest
from billing_booking import YUAN, MakeWorkspace, wallets
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts.models import AuditEvent, User, Workspace
from billing.models import Account, Transfer
from billing.selectors import balance_of
from billing.services import credit_grant, wallets_open


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


# --- ledger_check ----------------------------------------------------------------------------------
def test_ledger_check_says_that_every_invariant_holds(workspace: Workspace) -> None:
    assert "every invariant holds" in run("ledger_check")


def test_ledger_check_exits_with_1_and_names_what_it_found(workspace: Workspace) -> None:
    out, errors = StringIO(), StringIO()
    with transaction.atomic():
        Account.objects.filter(workspace=workspace, kind="paid").update(credits_nano=5)
        with pytest.raises(SystemExit) as end:
            call_command("ledger_check", stdout=out, stderr=errors)
        transaction.set_rollback(True)
    assert end.value.code == 1
    assert "1 findings" in out.getvalue()
    assert f"paid of {workspace.pk}" in errors.getvalue()


# --- credit_grant ----------------------------------------------------------------------------------
def test_credit_grant_credits_the_paid_wallet(user: User, workspace: Workspace) -> None:
    said = run("credit_grant", user.username, "12.50", "--reason", "a present")
    assert said == f"granted 12.500000000 yuan to {user.username}; available 52.500000000\n"
    assert wallets(workspace) == {"trial": (40 * YUAN, 0), "paid": (12_500_000_000, 0)}
    transfer = Transfer.objects.get(id__startswith=f"grant/{workspace.pk}/")
    assert (transfer.debit.kind, transfer.kind, transfer.reason) == ("promotion", "direct", "a present")
    event = AuditEvent.objects.get(verb="credit.grant", object=str(workspace))
    assert (event.actor, event.details) == ("command", {"amount_nano": 12_500_000_000, "reason": "a present"})


def test_credit_grant_twice_credits_twice(user: User, workspace: Workspace) -> None:
    for _ in range(2):
        run("credit_grant", user.username, "1", "--reason", "again")
    assert wallets(workspace)["paid"] == (2 * YUAN, 0)


def test_credit_grant_refuses_more_than_a_wallet_can_hold(user: User, workspace: Workspace) -> None:
    run("credit_grant", user.username, "1", "--reason", "the first")
    with pytest.raises(CommandError, match=r"holds at most 4611686018\.427387903 yuan"):
        run("credit_grant", user.username, "4611686018", "--reason", "the last")
    assert wallets(workspace)["paid"] == (YUAN, 0)


@pytest.mark.parametrize(
    ("yuan", "complaint"),
    [
        ("0", "more than 0"),
        ("0.0", "more than 0"),
        ("1e3", "plain decimal"),
        ("twelve", "plain decimal"),
        ("0.0000000001", "finer than a nano-yuan"),
        ("9999999999", "more than this ledger can hold"),
    ],
)
def test_credit_grant_refuses_what_is_no_amount(user: User, workspace: Workspace, yuan: str, complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        run("credit_grant", user.username, yuan, "--reason", "a present")
    assert wallets(workspace)["paid"] == (0, 0)


def test_credit_grant_takes_nothing_away(user: User, workspace: Workspace) -> None:
    with pytest.raises(CommandError):
        run("credit_grant", user.username, "--reason", "a present", "--", "-5")
    assert wallets(workspace)["paid"] == (0, 0)


def test_credit_grant_knows_its_users(database: None) -> None:
    with pytest.raises(CommandError, match="there is no user 'nobody at all'"):
        run("credit_grant", "nobody at all", "1", "--reason", "a present")


def test_credit_grant_wants_a_reason(user: User) -> None:
    with pytest.raises(CommandError, match="--reason"):
        run("credit_grant", user.username, "1")
    with pytest.raises(CommandError, match="--reason must say why"):
        run("credit_grant", user.username, "1", "--reason", " ")


# --- the services below ----------------------------------------------------------------------------
@pytest.mark.parametrize("amount_nano", [0, -1])
def test_a_grant_of_nothing_is_refused_by_the_database(make_workspace: MakeWorkspace, amount_nano: int) -> None:
    workspace = make_workspace()
    with pytest.raises(IntegrityError):
        credit_grant(workspace=workspace, amount_nano=amount_nano, reason="nothing", actor="tests")
    assert wallets(workspace)["paid"] == (0, 0)


def test_the_trial_credit_is_given_once(workspace: Workspace) -> None:
    with pytest.raises(IntegrityError):
        wallets_open(workspace=workspace)
    assert balance_of(workspace=workspace).available_nano == 40 * YUAN
