"""Reads of the ledger."""

from typing import NamedTuple

from accounts.models import Workspace
from billing.models import Account


class Balance(NamedTuple):
    """Available nano-yuan by wallet: credits − debits − open holds."""

    trial_nano: int
    paid_nano: int
    held_nano: int

    @property
    def available_nano(self) -> int:
        return self.trial_nano + self.paid_nano


def balance_of(*, workspace: Workspace) -> Balance:
    wallets = {account.kind: account for account in Account.objects.filter(workspace=workspace)}
    trial, paid = wallets[Account.Kind.TRIAL], wallets[Account.Kind.PAID]
    return Balance(trial.available_nano, paid.available_nano, trial.pending_nano + paid.pending_nano)
