import asyncio
import threading
import time
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from billing_booking import (
    PRICE,
    TENTH,
    TENTH_NANO,
    YUAN,
    MakeWorkspace,
    call,
    place,
    settling,
    wallets,
)
from django.db import connection

from accounts.models import Workspace
from billing.clerk import Clerk
from billing.ledger import DEAD_AFTER_S, sweep, writer_end, writer_start
from billing.models import Hold, UsageRecord, Writer
from billing.operations import (
    ExtendHold,
    HoldGone,
    InsufficientBalance,
    LedgerError,
    LedgerUnavailable,
    OpenHold,
    PlaceHold,
    Settle,
)
from billing.pricing import Line, Quote, Usage
from billing.services import credit_grant

THIRD = Quote(PRICE, prompt_tokens=500)  # ¥0.001 and no output to lower


async def all_of(*waiting: Coroutine[Any, Any, Any]) -> list[Any]:
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_a_clerk_signs_on_books_and_signs_off(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    clerk = Clerk()
    clerk.start()
    assert Writer.objects.get(pk=clerk.writer_id).ended_at is None

    async def one_call() -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        longer = await clerk.extend(ExtendHold(hold, 5))
        settlement = await clerk.settle(settling(longer, 1_000))
        assert settlement.balance_nano == YUAN - 2_000_000

    asyncio.run(one_call())
    clerk.stop()
    assert not clerk.thread.is_alive()
    assert Writer.objects.get(pk=clerk.writer_id).ended_at is not None


def test_what_is_queued_at_the_stop_is_booked_and_what_comes_after_is_refused(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    clerk = Clerk()
    clerk.start()

    async def stop_in_between() -> None:
        early = [clerk.submit(PlaceHold(call(workspace), THIRD)) for _ in range(20)]
        await asyncio.get_running_loop().run_in_executor(None, clerk.stop)
        for hold in await asyncio.gather(*early):
            assert isinstance(hold, OpenHold)
        with pytest.raises(LedgerUnavailable, match="stopped"):
            await asyncio.wait_for(clerk.hold(PlaceHold(call(workspace), THIRD)), 5)

    asyncio.run(stop_in_between())
    assert wallets(workspace)["trial"] == (YUAN - 20_000_000, 20_000_000)


def test_three_hundred_concurrent_holds_get_exactly_what_the_wallet_has(
    make_workspace: MakeWorkspace, clerk: Clerk
) -> None:
    workspace = make_workspace(trial_nano=60_000_000, paid_nano=40_000_000)  # ¥0.10 for ¥0.001 each

    async def storm() -> list[Any]:
        return await all_of(*(clerk.hold(PlaceHold(call(workspace), THIRD)) for _ in range(300)))

    outcomes = asyncio.run(storm())
    granted = [outcome for outcome in outcomes if isinstance(outcome, OpenHold)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientBalance)]
    assert (len(granted), len(refused)) == (100, 200)
    assert wallets(workspace) == {"trial": (0, 60_000_000), "paid": (0, 40_000_000)}

    async def settle_all() -> list[Any]:
        return await all_of(*(clerk.settle(settling(hold, 250)) for hold in granted))

    assert all(settlement.charged_nano == 500_000 for settlement in asyncio.run(settle_all()))
    assert wallets(workspace) == {"trial": (30_000_000, 0), "paid": (20_000_000, 0)}


def test_two_clerks_and_the_console_book_on_the_same_wallets_at_the_same_time(
    make_workspace: MakeWorkspace, clerk: Clerk
) -> None:
    workspaces = [make_workspace(trial_nano=YUAN) for _ in range(3)]
    other = Clerk()
    other.start()

    async def one_call(by: Clerk, number: int) -> None:
        for workspace in (workspaces[number % 3], workspaces[(number + 1) % 3]):
            hold = await by.hold(PlaceHold(call(workspace), THIRD))
            await by.settle(settling(hold, 500))

    async def calls(by: Clerk) -> None:
        await asyncio.gather(*(one_call(by, number) for number in range(90)))

    def grants() -> None:
        for number in range(30):
            workspace = workspaces[-number % 3]
            credit_grant(workspace=workspace, amount_nano=7, reason="a test", actor="tests")
        connection.close()

    threads = [
        threading.Thread(target=grants),
        threading.Thread(target=lambda: asyncio.run(calls(clerk))),
        threading.Thread(target=lambda: asyncio.run(calls(other))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    other.stop()
    for workspace in workspaces:
        assert wallets(workspace) == {"trial": (YUAN - 120 * 1_000_000, 0), "paid": (70, 0)}


@pytest.mark.parametrize(
    "odd",
    [
        Usage(prompt_tokens=2**63),
        Usage(prompt_tokens=2**70),
        Usage(prompt_tokens=-(2**70)),
    ],
    ids=["one past 64 bits", "far past", "far below"],
)
def test_an_operation_that_cannot_be_booked_fails_alone(
    make_workspace: MakeWorkspace, clerk: Clerk, odd: Usage
) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def mixed() -> list[Any]:
        holds = await asyncio.gather(*(clerk.hold(PlaceHold(call(workspace), THIRD)) for _ in range(20)))
        operations = [settling(hold, 500) for hold in holds]
        operations[7] = Settle(holds[7], odd, [], "success")
        return await all_of(*(clerk.settle(operation) for operation in operations), clerk.settle(operations[0]))

    *outcomes, again = asyncio.run(mixed())
    assert [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Exception)] == [7]
    assert type(outcomes[7]) is LedgerError
    assert isinstance(again, HoldGone)
    assert wallets(workspace)["trial"] == (YUAN - 20_000_000, 1_000_000)
    assert clerk.thread.is_alive()


def test_a_cost_past_all_numbers_is_refused_and_the_clerk_lives(make_workspace: MakeWorkspace, clerk: Clerk) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    line = Line("call", 1, 2**80, 1, 2**80)

    async def call_it() -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), THIRD))
        with pytest.raises(LedgerError):
            await clerk.settle(Settle(hold, Usage(), [line], "success"))
        await clerk.settle(settling(hold))

    asyncio.run(call_it())
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_a_known_request_id_is_refused_alone(make_workspace: MakeWorkspace, clerk: Clerk) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def twice() -> list[Any]:
        ids = ["", f"twice-{workspace.pk}", "", f"twice-{workspace.pk}", ""]
        return await all_of(*(clerk.hold(PlaceHold(call(workspace, name), THIRD)) for name in ids))

    outcomes = asyncio.run(twice())
    assert [isinstance(outcome, LedgerError) for outcome in outcomes] == [False, False, False, True, False]
    assert wallets(workspace)["trial"] == (YUAN - 4_000_000, 4_000_000)


def test_a_hold_whose_caller_left_is_given_back(make_workspace: MakeWorkspace, clerk: Clerk) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def leave() -> None:
        waiting = clerk.submit(PlaceHold(call(workspace), TENTH))
        waiting.cancel()
        await asyncio.to_thread(wait_until_abandoned, workspace)
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        await clerk.settle(settling(hold))

    asyncio.run(asyncio.wait_for(leave(), 10))
    assert wallets(workspace)["trial"] == (YUAN, 0)
    assert not Hold.objects.filter(workspace=workspace).exists()


def wait_until_abandoned(workspace: Workspace) -> None:
    while not UsageRecord.objects.filter(workspace=workspace, outcome="abandoned").exists():
        time.sleep(0.01)
    connection.close()


def test_a_settlement_whose_caller_left_is_booked_all_the_same(make_workspace: MakeWorkspace, clerk: Clerk) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def leave() -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        clerk.submit(settling(hold, 1_000)).cancel()
        await asyncio.sleep(0)
        with pytest.raises(HoldGone):
            await clerk.settle(settling(hold, 1_000))

    asyncio.run(leave())
    assert wallets(workspace)["trial"] == (YUAN - 2_000_000, 0)


def test_callers_whose_event_loop_closed_do_not_disturb_the_others(make_workspace: MakeWorkspace, clerk: Clerk) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def leave() -> None:
        for _ in range(50):
            clerk.submit(PlaceHold(call(workspace), THIRD))

    async def stay() -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), THIRD))
        await clerk.settle(settling(hold))

    asyncio.run(leave())
    asyncio.run(stay())
    assert wallets(workspace)["trial"][0] + wallets(workspace)["trial"][1] == YUAN


def test_a_clerk_that_starts_voids_what_an_ended_one_left(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    gone = writer_start("gone")
    place(workspace, gone)
    writer_end(gone)
    clerk = Clerk()
    clerk.start()
    clerk.stop()
    sweep(writer_id=clerk.writer_id)
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_a_clerk_trusts_silence_only_after_it_was_steady_itself(writer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bool] = []
    now = 1000.0

    def sweep_noted(*, writer_id: int, silence_counts: bool) -> int:
        said.append(silence_counts)
        return 0

    monkeypatch.setattr("billing.clerk.sweep", sweep_noted)
    monkeypatch.setattr("billing.clerk.time", SimpleNamespace(monotonic=lambda: now))
    clerk = Clerk()
    clerk.writer_id = writer
    for seconds in (0, 3, 6, 9, 12, DEAD_AFTER_S + 1, DEAD_AFTER_S + 4, 40, 43, 46, 49, 52, 55, 58):
        now = 1000.0 + seconds
        clerk.housekeep()
    assert said == [False] * 5 + [True] * 2 + [False] * 6 + [True]


def test_an_idle_clerk_keeps_its_heart_beating(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.clerk.HEARTBEAT_S", 0.02)
    clerk = Clerk()
    clerk.start()
    started_at = Writer.objects.get(pk=clerk.writer_id).seen_at
    time.sleep(0.2)
    assert clerk.thread.is_alive()
    assert clerk.is_healthy
    assert Writer.objects.get(pk=clerk.writer_id).seen_at > started_at
    clerk.stop()
    assert not clerk.is_healthy


def test_a_clerk_that_falls_over_leaves_nobody_waiting(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    clerk = Clerk()
    clerk.start()
    monkeypatch.setattr(clerk, "housekeep", lambda: 1 // 0)
    monkeypatch.setattr(threading, "excepthook", lambda fall: None)

    async def ask() -> None:
        await clerk.hold(PlaceHold(call(workspace), THIRD))
        with pytest.raises(LedgerUnavailable):
            await asyncio.wait_for(clerk.hold(PlaceHold(call(workspace), THIRD)), 5)

    asyncio.run(ask())
    clerk.thread.join(5)
    assert not clerk.is_healthy


def test_a_wallet_of_a_tenth_is_never_overdrawn_by_two_clerks(make_workspace: MakeWorkspace, clerk: Clerk) -> None:
    workspace = make_workspace(trial_nano=TENTH_NANO)
    other = Clerk()
    other.start()

    async def storm() -> list[Any]:
        clerks = (clerk, other)
        return await all_of(*(clerks[n % 2].hold(PlaceHold(call(workspace), THIRD)) for n in range(300)))

    granted = [outcome for outcome in asyncio.run(storm()) if isinstance(outcome, OpenHold)]
    other.stop()
    assert len(granted) == 100
    assert sum(available for available, _ in wallets(workspace).values()) == 0
