"""The clerk's real connection to PostgreSQL is cut in the middle of its commits: each thing is booked exactly once."""

import asyncio
from collections.abc import Iterator

import pytest
from billing_booking import TENTH, YUAN, MakeWorkspace, call, settling, transfers, wallets
from billing_clerks import LocalClerk
from cutting_proxy import Cut, CuttingProxy
from django.db import connection, connections

from billing import clerk as clerk_module
from billing.operations import ExtendHold, LedgerUnavailable, OpenHold, PlaceHold, Settlement
from tests.console.conftest import wait_until

pytestmark = pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has no line to cut")


@pytest.fixture
def proxy(database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[CuttingProxy]:
    """Whoever connects from now on does it through the proxy; without TLS, or it could not read along."""
    settings = connections.settings["default"]
    host, port = connection.connection.info.host, connection.connection.info.port
    with CuttingProxy((host, port)) as proxy:
        monkeypatch.setitem(settings, "HOST", "127.0.0.1")
        monkeypatch.setitem(settings, "PORT", str(proxy.port))
        monkeypatch.setitem(settings, "OPTIONS", settings["OPTIONS"] | {"sslmode": "disable"})
        yield proxy
        connection.close_pool()  # type: ignore[attr-defined]  # what was kept of the connections through the proxy


@pytest.fixture
def clerk(proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalClerk]:
    monkeypatch.setattr(clerk_module, "RETRY_PAUSE_S", 0.02)
    with LocalClerk() as clerk:
        yield clerk


@pytest.mark.parametrize("cut", Cut)
def test_a_call_is_held_extended_and_settled_once(
    make_workspace: MakeWorkspace, proxy: CuttingProxy, clerk: LocalClerk, cut: Cut
) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def one_call() -> tuple[OpenHold, Settlement]:
        proxy.arm(cut)
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        proxy.arm(cut)
        longer = await clerk.extend(ExtendHold(hold, 50))
        proxy.arm(cut)
        return longer, await clerk.settle(settling(longer, 1_000))

    hold, settlement = clerk.run(asyncio.wait_for(one_call(), 20))
    assert proxy.cuts == 3
    assert settlement == Settlement(2_000_000, 0, YUAN - 2_000_000)
    assert wallets(workspace)["trial"] == (YUAN - 2_000_000, 0)
    assert sorted(transfers(hold)) == ["hold/1", "hold/2", "post/1", "void/1", "void/2"]


@pytest.mark.parametrize("cut", Cut)
def test_a_crowds_bookings_stand_once_each(
    make_workspace: MakeWorkspace, proxy: CuttingProxy, clerk: LocalClerk, cut: Cut
) -> None:
    workspace = make_workspace(trial_nano=100 * YUAN)

    async def one_call() -> Settlement:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        return await clerk.settle(settling(hold, 1_000))

    async def crowd() -> list[Settlement]:
        calls = [asyncio.create_task(one_call()) for _ in range(40)]
        for _ in range(3):
            proxy.arm(cut)
            await asyncio.sleep(0.1)
        return await asyncio.gather(*calls)

    settlements = clerk.run(asyncio.wait_for(crowd(), 30))
    assert proxy.cuts >= 2
    assert [settlement.charged_nano for settlement in settlements] == [2_000_000] * 40
    assert wallets(workspace)["trial"] == (100 * YUAN - 40 * 2_000_000, 0)


def test_a_late_hold_whose_commit_stood_is_given_back(
    make_workspace: MakeWorkspace, proxy: CuttingProxy, clerk: LocalClerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    monkeypatch.setattr(clerk_module, "PATIENCE_S", 0.0)
    proxy.arm(Cut.AFTER_COMMIT)

    async def one_call() -> None:
        with pytest.raises(LedgerUnavailable):
            await clerk.hold(PlaceHold(call(workspace), TENTH))

    clerk.run(asyncio.wait_for(one_call(), 20))
    assert proxy.cuts == 1
    wait_until(lambda: wallets(workspace)["trial"] == (YUAN, 0), seconds=10, what="the hold given back")
