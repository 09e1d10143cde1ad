"""Every booking of this folder stands for ever, so the ledger is checked once more when all tests are done."""

from collections.abc import Iterator

import pytest
from billing_booking import MakeWorkspace
from billing_clerks import LocalClerk

from accounts.models import Workspace
from billing.checking import ledger_check
from billing.ledger import book, console_writer_id, writer_start
from billing.models import Account
from billing.operations import Grant


@pytest.fixture(scope="session", autouse=True)
def ledger_holds_at_the_end(database: None) -> Iterator[None]:
    yield
    assert ledger_check().findings == []


@pytest.fixture
def writer(database: None) -> int:
    """A clerk's incarnation of its own: alive, with an empty chain."""
    return writer_start("tests")


@pytest.fixture
def make_workspace(database: None) -> MakeWorkspace:
    """Makes a workspace with so many nano-yuan of trial credit and paid credit."""

    def make(trial_nano: int = 0, paid_nano: int = 0) -> Workspace:
        workspace = Workspace.objects.create(name="a ledger test")
        for kind, amount in (("trial", trial_nano), ("paid", paid_nano)):
            Account.objects.create(workspace=workspace, kind=kind)
            if amount:
                key = f"{kind}/{workspace.pk}"
                book([Grant(key, workspace.pk, kind, amount, "a test")], writer_id=console_writer_id())
        return workspace

    return make


@pytest.fixture
def clerk(database: None) -> Iterator[LocalClerk]:
    with LocalClerk() as clerk:
        yield clerk
