import asyncio
import socket
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
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
from billing_clerks import LocalClerk, unconnected_clerk
from django.db import connection

from accounts.models import Workspace
from billing.clerk import NOBODY, Clerk, Ticket
from billing.clerk_wire import FrameReader, frame_pack, operation_pack
from billing.ledger import DEAD_AFTER_S, writer_end, writer_start
from billing.models import Hold, UsageRecord, Writer
from billing.operations import (
    CallContext,
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
from billing.remote_clerk import RemoteClerk
from billing.services import credit_grant

CONTEXT = CallContext("req_1", 7, None, "a-model", "chat", True, 3, 1_767_323_045_678_901)
THIRD = Quote(PRICE, prompt_tokens=500)  # ¥0.001 and no output to lower


async def all_of(*waiting: Coroutine[Any, Any, Any]) -> list[Any]:
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_a_clerk_signs_on_books_and_signs_off(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def one_call(clerk: LocalClerk) -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        longer = await clerk.extend(ExtendHold(hold, 5))
        settlement = await clerk.settle(settling(longer, 1_000))
        assert settlement.balance_nano == YUAN - 2_000_000

    with LocalClerk() as clerk:
        assert Writer.objects.get(pk=clerk.writer_id).ended_at is None
        clerk.run(one_call(clerk))
    assert Writer.objects.get(pk=clerk.writer_id).ended_at is not None


def test_what_is_handed_in_before_the_stop_is_booked_and_what_comes_after_is_refused(
    make_workspace: MakeWorkspace,
) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def stop_in_between(clerk: LocalClerk) -> None:
        holds = await asyncio.gather(*(clerk.hold(PlaceHold(call(workspace), THIRD)) for _ in range(20)))
        for hold in holds:
            clerk.submit(settling(hold, 250))
        await clerk.stop()
        with pytest.raises(LedgerUnavailable, match="stopped"):
            await clerk.hold(PlaceHold(call(workspace), THIRD))

    with LocalClerk() as clerk:
        clerk.run(stop_in_between(clerk))
    assert wallets(workspace)["trial"] == (YUAN - 10_000_000, 0)


def test_what_a_gateway_sent_before_it_was_gone_is_booked_though_nobody_takes_the_answers(
    make_workspace: MakeWorkspace,
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    settlements = [settling(place(workspace, writer_start("gone")), 250) for _ in range(3)]
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(frame_pack([(number, operation_pack(each)) for number, each in enumerate(settlements, 1)]))
    Clerk(theirs).run()
    assert wallets(workspace)["trial"] == (YUAN - 3 * 500_000, 0)


def test_three_hundred_concurrent_holds_get_exactly_what_the_wallet_has(
    make_workspace: MakeWorkspace, clerk: LocalClerk
) -> None:
    workspace = make_workspace(trial_nano=60_000_000, paid_nano=40_000_000)  # ¥0.10 for ¥0.001 each

    async def storm() -> list[Any]:
        return await all_of(*(clerk.hold(PlaceHold(call(workspace), THIRD)) for _ in range(300)))

    outcomes = clerk.run(storm())
    granted = [outcome for outcome in outcomes if isinstance(outcome, OpenHold)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientBalance)]
    assert (len(granted), len(refused)) == (100, 200)
    assert wallets(workspace) == {"trial": (0, 60_000_000), "paid": (0, 40_000_000)}

    async def settle_all() -> list[Any]:
        return await all_of(*(clerk.settle(settling(hold, 250)) for hold in granted))

    assert all(settlement.charged_nano == 500_000 for settlement in clerk.run(settle_all()))
    assert wallets(workspace) == {"trial": (30_000_000, 0), "paid": (20_000_000, 0)}


def test_two_clerks_and_the_console_book_on_the_same_wallets_at_the_same_time(
    make_workspace: MakeWorkspace, clerk: LocalClerk
) -> None:
    workspaces = [make_workspace(trial_nano=YUAN) for _ in range(3)]

    async def one_call(by: LocalClerk, number: int) -> None:
        for workspace in (workspaces[number % 3], workspaces[(number + 1) % 3]):
            hold = await by.hold(PlaceHold(call(workspace), THIRD))
            await by.settle(settling(hold, 500))

    async def calls(by: LocalClerk) -> None:
        await asyncio.gather(*(one_call(by, number) for number in range(90)))

    def grants() -> None:
        for number in range(30):
            workspace = workspaces[-number % 3]
            credit_grant(workspace=workspace, amount_nano=7, reason="a test", actor="tests")
        connection.close()

    with LocalClerk() as other:
        threads = [
            threading.Thread(target=grants),
            threading.Thread(target=lambda: clerk.run(calls(clerk))),
            threading.Thread(target=lambda: other.run(calls(other))),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
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
    make_workspace: MakeWorkspace, clerk: LocalClerk, odd: Usage
) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def mixed() -> list[Any]:
        holds = await asyncio.gather(*(clerk.hold(PlaceHold(call(workspace), THIRD)) for _ in range(20)))
        operations = [settling(hold, 500) for hold in holds]
        operations[7] = Settle(holds[7].context, odd, [], "success")
        return await all_of(*(clerk.settle(operation) for operation in operations), clerk.settle(operations[0]))

    *outcomes, again = clerk.run(mixed())
    assert [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Exception)] == [7]
    assert type(outcomes[7]) is LedgerError
    assert isinstance(again, HoldGone)
    assert wallets(workspace)["trial"] == (YUAN - 20_000_000, 1_000_000)
    assert clerk.thread.is_alive()


def test_a_cost_past_all_numbers_is_refused_and_the_clerk_lives(
    make_workspace: MakeWorkspace, clerk: LocalClerk
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    line = Line("call", 1, 2**80, 1, 2**80)

    async def call_it() -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), THIRD))
        with pytest.raises(LedgerError):
            await clerk.settle(Settle(hold.context, Usage(), [line], "success"))
        await clerk.settle(settling(hold))

    clerk.run(call_it())
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_a_known_request_id_is_refused_alone(make_workspace: MakeWorkspace, clerk: LocalClerk) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def twice() -> list[Any]:
        ids = ["", f"twice-{workspace.pk}", "", f"twice-{workspace.pk}", ""]
        return await all_of(*(clerk.hold(PlaceHold(call(workspace, name), THIRD)) for name in ids))

    outcomes = clerk.run(twice())
    assert [isinstance(outcome, LedgerError) for outcome in outcomes] == [False, False, False, True, False]
    assert wallets(workspace)["trial"] == (YUAN - 4_000_000, 4_000_000)


def test_a_hold_whose_caller_left_is_given_back(make_workspace: MakeWorkspace, clerk: LocalClerk) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def leave() -> None:
        waiting = clerk.submit(PlaceHold(call(workspace), TENTH))
        waiting.cancel()
        await asyncio.to_thread(wait_until_abandoned, workspace)
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        await clerk.settle(settling(hold))

    clerk.run(asyncio.wait_for(leave(), 10))
    assert wallets(workspace)["trial"] == (YUAN, 0)
    assert not Hold.objects.filter(workspace=workspace).exists()


def wait_until_abandoned(workspace: Workspace) -> None:
    while not UsageRecord.objects.filter(workspace=workspace, outcome="abandoned").exists():
        time.sleep(0.01)
    connection.close()


def test_a_settlement_whose_caller_left_is_booked_all_the_same(
    make_workspace: MakeWorkspace, clerk: LocalClerk
) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def leave() -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        clerk.submit(settling(hold, 1_000)).cancel()
        await asyncio.sleep(0)
        with pytest.raises(HoldGone):
            await clerk.settle(settling(hold, 1_000))

    clerk.run(leave())
    assert wallets(workspace)["trial"] == (YUAN - 2_000_000, 0)


def test_a_clerk_that_starts_voids_what_an_ended_one_left(make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    place(workspace, writer)
    writer_end(writer)
    with LocalClerk() as clerk:
        clerk.run(asyncio.wait_for(asyncio.to_thread(wait_until_abandoned, workspace), 10))
        assert clerk.thread.is_alive()
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_a_clerk_gives_back_what_its_gateway_left_open(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    monkeypatch.setattr("billing.ledger.SWEEP_LIMIT", 2)
    monkeypatch.setattr("billing.clerk.SWEEP_LIMIT", 2)
    with LocalClerk() as clerk:
        clerk.run(all_of(*(clerk.hold(PlaceHold(call(workspace), TENTH)) for _ in range(5))))
    assert wallets(workspace)["trial"] == (YUAN, 0)
    assert not Hold.objects.filter(workspace=workspace).exists()


def test_a_busy_clerk_leaves_the_lock_to_others_now_and_then(writer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now, pauses, booked = 1000.0, [], 0
    clerk = unconnected_clerk(writer)
    clerk.left_at = now
    clerk.inbox = [Ticket(NOBODY, PlaceHold(CONTEXT, THIRD), 0)] * 10

    def take_six_ms(tickets: list[Ticket]) -> None:
        nonlocal now, booked
        now, booked = now + 0.006, booked + len(tickets)

    monkeypatch.setattr(
        "billing.clerk.time", SimpleNamespace(monotonic=lambda: now, sleep=lambda _: pauses.append(booked))
    )
    monkeypatch.setattr("billing.clerk.BATCH_MAX", 1)
    monkeypatch.setattr(clerk, "process", take_six_ms)
    monkeypatch.setattr(clerk, "housekeep", lambda: None)
    clerk.serve()
    assert (booked, pauses) == (10, [4, 8])


def test_an_operation_that_cannot_be_sent_fails_alone() -> None:
    class Word(str):
        __slots__ = ()

    async def submit_all() -> list[int]:
        reader, frames = FrameReader(), []
        clerk = RemoteClerk()
        clerk.loop = asyncio.get_running_loop()
        clerk.transport = SimpleNamespace(write=lambda data: frames.extend(reader.feed(data)))  # type: ignore[assignment]
        contexts = [CONTEXT, CONTEXT._replace(model=Word("x")), CONTEXT._replace(request_id="another")]
        good, bad, also_good = (clerk.submit(PlaceHold(context, THIRD)) for context in contexts)
        with pytest.raises(LedgerError, match="unmarshallable"):
            await bad
        assert not good.done()
        assert not also_good.done()
        return [ticket for frame in frames for ticket, _ in frame]

    assert asyncio.run(submit_all()) == [1, 3]


def test_a_clerk_trusts_silence_only_after_it_was_steady_itself(writer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bool] = []
    now = 1000.0

    def sweep_noted(*, writer_id: int, silence_counts: bool) -> int:
        said.append(silence_counts)
        return 0

    monkeypatch.setattr("billing.clerk.sweep", sweep_noted)
    monkeypatch.setattr("billing.clerk.time", SimpleNamespace(monotonic=lambda: now))
    clerk = unconnected_clerk(writer)
    for seconds in (0, 3, 6, 9, 12, DEAD_AFTER_S + 1, DEAD_AFTER_S + 4, 40, 43, 46, 49, 52, 55, 58):
        now = 1000.0 + seconds
        clerk.housekeep()
    assert said == [False] * 5 + [True] * 2 + [False] * 6 + [True]


def test_an_idle_clerk_keeps_its_heart_beating(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.clerk.HEARTBEAT_S", 0.02)
    with LocalClerk() as clerk:
        started_at = Writer.objects.get(pk=clerk.writer_id).seen_at
        clerk.run(asyncio.sleep(0.2))
        assert clerk.thread.is_alive()
        assert clerk.is_healthy
        assert Writer.objects.get(pk=clerk.writer_id).seen_at > started_at


def test_a_clerk_that_falls_over_is_missed_at_once(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    monkeypatch.setattr(threading, "excepthook", lambda fall: None)

    async def ask(clerk: LocalClerk) -> None:
        monkeypatch.setattr(clerk.clerk, "housekeep", lambda: 1 // 0)
        await clerk.hold(PlaceHold(call(workspace), THIRD))
        await asyncio.wait_for(clerk.lost.wait(), 10)

    with LocalClerk() as clerk:
        clerk.run(ask(clerk))
    assert Writer.objects.get(pk=clerk.writer_id).ended_at is not None


def test_what_hangs_is_not_waited_for_and_a_late_hold_is_given_back(
    make_workspace: MakeWorkspace, clerk: LocalClerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    monkeypatch.setattr("billing.remote_clerk.HOLD_WAIT_S", 0.05)
    monkeypatch.setattr("billing.remote_clerk.LOOK_EVERY_S", 0.02)
    process, is_hanging = clerk.clerk.process, threading.Event()

    def hang(tickets: Any) -> None:
        is_hanging.wait(10)
        process(tickets)

    async def ask() -> None:
        clerk.looking.cancel()
        clerk.look()
        settled = await clerk.hold(PlaceHold(call(workspace), TENTH))
        monkeypatch.setattr(clerk.clerk, "process", hang)
        with pytest.raises(LedgerUnavailable, match="not answering"):
            await asyncio.wait_for(clerk.hold(PlaceHold(call(workspace), TENTH)), 5)
        settlement = clerk.submit(settling(settled))
        await asyncio.sleep(0.2)
        assert not settlement.done()  # a settlement is waited for, however long it takes
        is_hanging.set()
        await settlement
        await asyncio.to_thread(wait_until_abandoned, workspace)

    clerk.run(ask())
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_a_wallet_of_a_tenth_is_never_overdrawn_by_two_clerks(make_workspace: MakeWorkspace, clerk: LocalClerk) -> None:
    workspace = make_workspace(trial_nano=TENTH_NANO)

    async def storm(by: LocalClerk) -> list[Any]:
        return await all_of(*(by.hold(PlaceHold(call(workspace), THIRD)) for _ in range(150)))

    with LocalClerk() as other, ThreadPoolExecutor() as threads:
        storms = [threads.submit(by.run, storm(by)) for by in (clerk, other)]
        outcomes = [outcome for each in storms for outcome in each.result(20)]
        assert sum(isinstance(outcome, OpenHold) for outcome in outcomes) == 100
        assert wallets(workspace)["trial"] == (0, TENTH_NANO)
