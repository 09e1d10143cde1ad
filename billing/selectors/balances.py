"""What a workspace has, and what is reserved."""

from datetime import datetime
from typing import NamedTuple

from accounts.models import Workspace
from billing.models import Account, Hold
from billing.rows import context_parse, legs_parse

HOLDS_MAX = 50


class Balance(NamedTuple):
    """Available nano-yuan by wallet: credits − debits − open holds."""

    trial_nano: int
    paid_nano: int
    held_nano: int
    trial_granted_nano: int = 0  # all trial credit there ever was

    @property
    def available_nano(self) -> int:
        return self.trial_nano + self.paid_nano


def balance_of(*, workspace: Workspace) -> Balance:
    wallets = {account.kind: account for account in Account.objects.filter(workspace=workspace)}
    trial, paid = wallets[Account.Kind.TRIAL], wallets[Account.Kind.PAID]
    held = trial.pending_nano + paid.pending_nano
    return Balance(trial.available_nano, paid.available_nano, held, trial.credits_nano)


class OpenCall(NamedTuple):
    """A call that is under way, and what is reserved for it."""

    request_id: str
    model: str
    operation: str
    api_key_id: int | None
    held_nano: int
    created_at: datetime


def holds_open(*, workspace: Workspace) -> list[OpenCall]:
    """The newest first, HOLDS_MAX at most. The table has the open calls only, so no index is needed."""
    rows = Hold.objects.filter(workspace=workspace).order_by("-created_at")[:HOLDS_MAX]
    return [open_call(row) for row in rows]


def open_call(row: Hold) -> OpenCall:
    context = context_parse(row.context)
    held = sum(leg.amount_nano for leg in legs_parse(row.legs))
    return OpenCall(row.request_id, context.model, context.operation, context.api_key_id, held, row.created_at)
