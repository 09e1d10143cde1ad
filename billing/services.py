"""Money that people move: wallets opened, credit granted."""

import secrets

from django.conf import settings
from django.db import transaction

from accounts.models import Workspace
from accounts.money import yuan_to_nano
from accounts.services import audit
from billing.ledger import book, console_writer_id
from billing.models import Account
from billing.operations import Grant, LedgerError


@transaction.atomic
def wallets_open(*, workspace: Workspace) -> None:
    """A trial and a paid wallet, and the trial credit every workspace gets once."""
    for kind in (Account.Kind.TRIAL, Account.Kind.PAID):
        Account.objects.create(workspace=workspace, kind=kind)
    trial_nano = yuan_to_nano(settings.TRIAL_CREDIT_YUAN)
    if trial_nano:
        grant(Grant(f"trial/{workspace.pk}", workspace.pk, "trial", trial_nano, "trial credit"))


@transaction.atomic
def credit_grant(*, workspace: Workspace, amount_nano: int, reason: str, actor: str) -> None:
    """Credit to the paid wallet. The reason stands on the transfer."""
    key = f"grant/{workspace.pk}/{secrets.token_hex(12)}"
    grant(Grant(key, workspace.pk, "paid", amount_nano, reason[:200]))
    audit(actor=actor, verb="credit.grant", object=str(workspace), amount_nano=amount_nano, reason=reason)


def grant(operation: Grant) -> None:
    outcome = book([operation], writer_id=console_writer_id())[0]
    if isinstance(outcome, LedgerError):
        raise outcome
