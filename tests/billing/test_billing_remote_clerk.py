"""The clerk in its own process: the same promises, across a socket."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from billing_booking import TENTH, call, done, place, settling, wallets
from django.db import connection

from accounts.models import Workspace
from billing.clerk_wire import FrameReader, frame_pack, operation_pack, operation_unpack, outcome_pack, outcome_unpack
from billing.metrics import LATE_SETTLEMENTS
from billing.models import Hold, UsageRecord, Writer
from billing.operations import (
    AbandonedHold,
    CallContext,
    ExtendHold,
    Grant,
    HoldGone,
    InsufficientBalance,
    LedgerError,
    LedgerUnavailable,
    Leg,
    OpenHold,
    Operation,
    PlaceHold,
    Settle,
    Settlement,
)
from billing.pricing import Line, Price, Quote, Usage
from billing.remote_clerk import RemoteClerk

YUAN = 10**9
CONTEXT = CallContext("req_1", 7, None, "模型/1:2", "chat", True, 3, 1_767_323_045_678_901)
QUOTE = Quote(Price(3, 1, 2, 3, 4), 10, 64, 2, 1)
HOLD = OpenHold(CONTEXT, QUOTE, [Leg(1, "trial", 5), Leg(2, "paid", 6)], 64, 10**18)


def closing(look: Callable[[Workspace], Any], workspace: Workspace) -> Any:
    """For a thread that is not asked again: its connection goes with it."""
    try:
        return look(workspace)
    finally:
        connection.close()


def run(work: Callable[[RemoteClerk], Awaitable[None]]) -> RemoteClerk:
    async def whole() -> RemoteClerk:
        clerk = RemoteClerk()
        await clerk.start()
        try:
            await work(clerk)
        finally:
            await clerk.stop()
        return clerk

    return asyncio.run(whole())


# --- the wire ----------------------------------------------------------------------------------------
def test_a_hold_and_an_abandonment_cross_the_wire_unchanged() -> None:
    for operation in (PlaceHold(CONTEXT, QUOTE), AbandonedHold(CONTEXT)):
        assert operation_unpack(operation_pack(operation)) == operation


def test_a_settlement_crosses_with_all_that_is_booked() -> None:
    sent = Settle(CONTEXT, Usage(1, 2, 3, "partial"), [Line("input", 1, 2, 3, 4)], "success", "x", 9, None, 12)
    got = operation_unpack(operation_pack(sent))
    assert isinstance(got, Settle)
    assert got == sent


def test_an_extension_crosses_with_its_legs() -> None:
    got = operation_unpack(operation_pack(ExtendHold(HOLD, 99)))
    assert isinstance(got, ExtendHold)
    assert (got.hold.context, got.hold.legs, got.amount_nano) == (CONTEXT, HOLD.legs, 99)


def test_a_grant_is_not_a_gateways_business() -> None:
    with pytest.raises(TypeError):
        operation_pack(Grant("k", 1, "paid", 1, "r"))


@pytest.mark.parametrize(
    ("outcome", "operation"),
    [
        (HOLD, PlaceHold(CONTEXT, QUOTE)),
        (HOLD, ExtendHold(HOLD, 1)),
        (Settlement(3, 1, -5), Settle(CONTEXT, Usage(), [], "failed")),
        (None, AbandonedHold(CONTEXT)),
    ],
)
def test_outcomes_cross_unchanged(outcome: OpenHold | Settlement | None, operation: Operation) -> None:
    assert outcome_unpack(outcome_pack(outcome), operation) == outcome


@pytest.mark.parametrize(
    "refusal", [InsufficientBalance(5, 3), HoldGone("r"), LedgerUnavailable("away"), LedgerError("no")]
)
def test_refusals_cross_as_what_they_are(refusal: LedgerError) -> None:
    got = outcome_unpack(outcome_pack(refusal), PlaceHold(CONTEXT, QUOTE))
    assert type(got) is type(refusal)
    assert str(got) == str(refusal)


def test_frames_may_arrive_in_any_pieces() -> None:
    sent = [[(1, ("hold", "x" * 300))], [(2, None), (3, -1)]]
    stream = b"".join(frame_pack(frame) for frame in sent)
    for size in (1, 2, 3, 7, 1000):
        reader, got = FrameReader(), []
        for start in range(0, len(stream), size):
            got += reader.feed(stream[start : start + size])
        assert got == sent


# --- the process -------------------------------------------------------------------------------------
def test_a_call_is_held_extended_and_settled(make_workspace) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def work(clerk: RemoteClerk) -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        hold = await clerk.extend(ExtendHold(hold, 1_000))
        assert [leg.number for leg in hold.legs] == [1, 2]
        trial = (await asyncio.to_thread(closing, wallets, workspace))["trial"]
        assert trial == (YUAN - hold.held_nano, hold.held_nano)
        settlement = await clerk.settle(settling(hold, 1_000))
        assert settlement.balance_nano == YUAN - settlement.charged_nano

    clerk = run(work)
    assert clerk.process.returncode == 0
    assert Writer.objects.get(pk=clerk.writer_id).ended_at is not None


def test_refusals_reach_the_caller(make_workspace) -> None:
    poor = make_workspace(trial_nano=0)

    async def work(clerk: RemoteClerk) -> None:
        with pytest.raises(InsufficientBalance):
            await clerk.hold(PlaceHold(call(poor), TENTH))

    run(work)


def test_a_late_settlement_is_refused_and_counted(make_workspace, writer: int) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    done(AbandonedHold(hold.context), writer)
    before = LATE_SETTLEMENTS._value.get()

    async def work(clerk: RemoteClerk) -> None:
        with pytest.raises(HoldGone):
            await clerk.settle(settling(hold, 1_000))

    run(work)
    assert LATE_SETTLEMENTS._value.get() == before + 1


def test_what_was_handed_in_before_the_stop_is_booked(make_workspace) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def work(clerk: RemoteClerk) -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        clerk.submit(settling(hold, 1_000))

    run(work)
    assert UsageRecord.objects.get(workspace=workspace).outcome == "success"
    assert not Hold.objects.filter(workspace=workspace).exists()


def test_after_the_stop_it_refuses_and_is_not_healthy(make_workspace) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def whole() -> None:
        clerk = RemoteClerk()
        await clerk.start()
        assert clerk.is_healthy
        await clerk.stop()
        assert not clerk.is_healthy
        with pytest.raises(LedgerUnavailable):
            await clerk.hold(PlaceHold(call(workspace), TENTH))

    asyncio.run(whole())


def test_a_hold_whose_caller_was_cancelled_is_given_back(make_workspace) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def work(clerk: RemoteClerk) -> None:
        clerk.submit(PlaceHold(call(workspace), TENTH)).cancel()
        await asyncio.to_thread(closing, wait_until_abandoned, workspace)

    run(work)
    assert wallets(workspace)["trial"] == (YUAN, 0)


def wait_until_abandoned(workspace: Workspace) -> None:
    until = time.monotonic() + 5
    while not UsageRecord.objects.filter(workspace=workspace, outcome="abandoned").exists():
        assert time.monotonic() < until
        time.sleep(0.02)


# --- deaths ------------------------------------------------------------------------------------------
GATEWAY = """
import asyncio, os, sys, django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from billing.remote_clerk import RemoteClerk
async def main():
    clerk = RemoteClerk()
    await clerk.start()
    print(clerk.process.pid, clerk.writer_id, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
def gateway(database: None):
    """A process with a clerk, the clerk's pid, and its writer."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "console.settings"}
    name = str(connection.settings_dict["NAME"])
    child = subprocess.Popen([sys.executable, "-c", GATEWAY, name], env=environment, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        pid, writer_id = map(int, child.stdout.readline().split())
        yield child, pid, writer_id
        child.kill()


def test_a_gateway_whose_clerk_is_killed_ends(gateway) -> None:
    child, clerk_pid, _ = gateway
    os.kill(clerk_pid, signal.SIGKILL)
    assert child.wait(10) == 70


def test_a_clerk_whose_gateway_is_killed_signs_off_and_ends(gateway) -> None:
    child, clerk_pid, writer_id = gateway
    child.kill()
    child.wait(10)
    until = time.monotonic() + 10
    while Writer.objects.get(pk=writer_id).ended_at is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    while os.path.exists(f"/proc/{clerk_pid}"):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_ctrl_c_in_the_terminal_does_not_end_the_clerk_before_its_gateway(gateway) -> None:
    child, clerk_pid, _ = gateway
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(clerk_pid, number)
    time.sleep(0.5)
    assert os.path.exists(f"/proc/{clerk_pid}")
    assert child.poll() is None
