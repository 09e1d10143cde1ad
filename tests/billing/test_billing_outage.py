"""The database goes away under the clerk, or breaks the connection in the middle of a commit."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from billing_booking import TENTH, TENTH_NANO, YUAN, MakeWorkspace, call, settling, transfers, wallets
from billing_clerks import LocalClerk, unconnected_clerk
from django.db import InternalError, OperationalError, connection

from billing import clerk as clerk_module
from billing.database import Database, Postgresql, Sqlite
from billing.ledger import sweep, writer_start
from billing.operations import (
    ExtendHold,
    HoldGone,
    LedgerUnavailable,
    OpenHold,
    Operation,
    PlaceHold,
    Settle,
    Settlement,
)
from billing.remote_clerk import STOP_TIMEOUT_S
from console.database import POSTGRESQL_OPTIONS
from console.processes import WEB_LIFESPAN_S

Break = Callable[[type[Operation]], list[Operation]]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clerk_module, "PATIENCE_S", 0.2)
    monkeypatch.setattr(clerk_module, "RETRY_PAUSE_S", 0.02)


@pytest.fixture
def answer_lost(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The clerk's next commit is carried out, but its answer never comes."""
    monkeypatch.setattr(clerk_module, "RETRY_PAUSE_S", 0.02)
    kind = Sqlite if connection.vendor == "sqlite" else Postgresql
    commit = kind.commit

    def arm() -> None:
        lost: list[int] = []

        def commit_and_break(self: Database) -> None:
            commit(self)  # type: ignore[arg-type]
            if not lost:
                lost.append(1)
                raise OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(kind, "commit", commit_and_break)

    return arm


def test_holds_lose_patience_and_settlements_wait_for_the_database(
    make_workspace: MakeWorkspace, clerk: LocalClerk, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    book = clerk_module.book

    async def outage() -> tuple[Settlement, OpenHold]:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        with monkeypatch.context() as patch:
            patch.setattr(clerk_module, "book", away)
            settled = clerk.submit(settling(hold, 1_000))
            with pytest.raises(LedgerUnavailable):  # though a settlement stands before it in the queue
                await asyncio.wait_for(clerk.hold(PlaceHold(call(workspace), TENTH)), 5)
            await asyncio.sleep(0.05)
            assert not clerk.is_healthy
            assert not settled.done()
            waiting = clerk.submit(PlaceHold(call(workspace), TENTH))
            await asyncio.sleep(0.05)
            patch.setattr(clerk_module, "book", book)
            results = await asyncio.wait_for(asyncio.gather(settled, waiting), 5)
        await asyncio.sleep(0.05)
        assert clerk.is_healthy
        return results  # type: ignore[return-value]

    settlement, hold = clerk.run(outage())
    assert settlement.charged_nano == 2_000_000
    assert wallets(workspace)["trial"] == (YUAN - 2_000_000 - TENTH_NANO, TENTH_NANO)
    assert hold.balance_nano == YUAN - 2_000_000 - TENTH_NANO


def away(*args: object, **kwargs: object) -> Any:
    raise OperationalError("connection refused")


def test_a_clerk_told_to_stop_while_the_database_is_away_books_first(
    make_workspace: MakeWorkspace, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    book = clerk_module.book

    async def outage(clerk: LocalClerk) -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        monkeypatch.setattr(clerk_module, "book", away)
        clerk.submit(settling(hold, 1_000))
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(clerk.stop())
        await asyncio.sleep(0.1)
        assert clerk.thread.is_alive()
        monkeypatch.setattr(clerk_module, "book", book)
        await asyncio.wait_for(stopping, 5)

    with LocalClerk() as clerk:
        clerk.run(outage(clerk))
    assert wallets(workspace)["trial"] == (YUAN - 2_000_000, 0)


def test_a_clerk_left_alone_with_a_database_that_stays_away_says_what_it_could_not_book_and_ends(
    make_workspace: MakeWorkspace,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    monkeypatch.setattr(clerk_module, "LEFT_PATIENCE_S", 0.1)

    async def outage(clerk: LocalClerk) -> OpenHold:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        with monkeypatch.context() as patch:
            patch.setattr(clerk_module, "book", away)
            patch.setattr(clerk_module, "sweep", away)
            clerk.submit(settling(hold, 1_000))
            await asyncio.wait_for(clerk.stop(), 5)
        return hold

    with LocalClerk() as clerk:
        hold = clerk.run(outage(clerk))
    cost = f"request {hold.context.request_id} of workspace {workspace.pk}, 2000000 nano-yuan"
    assert f"perhaps not booked: {cost}" in caplog.text
    assert wallets(workspace)["trial"] == (YUAN - TENTH_NANO, TENTH_NANO)  # for the next clerk to void
    sweep(writer_id=writer_start("next"))
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_a_clerk_has_given_up_and_said_so_before_its_gateway_loses_patience() -> None:
    longest_try_s = clerk_module.RETRY_PAUSE_S + int(POSTGRESQL_OPTIONS["connect_timeout"])
    assert clerk_module.LEFT_PATIENCE_S + longest_try_s < STOP_TIMEOUT_S < WEB_LIFESPAN_S


def test_a_failing_heartbeat_shows_and_heals(clerk: LocalClerk, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = unconnected_clerk(clerk.writer_id)
    with monkeypatch.context() as patch:
        patch.setattr(clerk_module, "writer_beat", away)
        mine.housekeep()
    assert not mine.is_healthy
    mine.beat_at = 0
    mine.housekeep()
    assert mine.is_healthy
    connection.close()


@pytest.mark.parametrize(
    "state", [psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.IdleInTransactionSessionTimeout]
)
def test_a_standby_and_an_ended_transaction_are_waited_for(
    make_workspace: MakeWorkspace,
    clerk: LocalClerk,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    state: type[psycopg.Error],
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    book, tried = clerk_module.book, []

    def refuse_twice(*args: Any, **kwargs: Any) -> Any:
        tried.append(1)
        if len(tried) > 2:
            return book(*args, **kwargs)
        raise InternalError("not now") from state()

    async def failover() -> Settlement:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        monkeypatch.setattr(clerk_module, "book", refuse_twice)
        return await asyncio.wait_for(clerk.settle(settling(hold, 1_000)), 5)

    assert clerk.run(failover()).charged_nano == 2_000_000
    assert len(tried) == 3


def test_the_heart_beats_while_an_outage_is_worked_off(
    make_workspace: MakeWorkspace, clerk: LocalClerk, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    book, beats = clerk_module.book, []

    async def outage() -> None:
        holds = [await clerk.hold(PlaceHold(call(workspace), TENTH)) for _ in range(5)]
        with monkeypatch.context() as patch:
            patch.setattr(clerk_module, "book", away)
            settling_all = [clerk.submit(settling(hold)) for hold in holds]
            await asyncio.sleep(0.05)
            patch.setattr(clerk_module, "HEARTBEAT_S", 0.0)
            patch.setattr(
                clerk_module, "writer_beat", lambda writer_id: beats.append(sum(s.done() for s in settling_all))
            )
            clerk.clerk.beat_at = 0.0
            patch.setattr(clerk_module, "book", book)
            await asyncio.wait_for(asyncio.gather(*settling_all), 5)

    clerk.run(outage())
    assert len(beats) >= 4  # after each but the last, whose answer ends the wait


# --- a commit whose answer is lost -----------------------------------------------------------------
def test_a_hold_is_placed_once_though_the_answer_was_lost(
    make_workspace: MakeWorkspace, clerk: LocalClerk, answer_lost: Callable[[], None]
) -> None:
    workspace = make_workspace(trial_nano=30_000_000, paid_nano=20_000_000)

    async def one_call() -> OpenHold:
        answer_lost()
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        assert wallets_of(hold) == [30_000_000, 20_000_000]
        await clerk.settle(settling(hold, 10_000))
        return hold

    hold = clerk.run(one_call())
    assert (hold.cap_tokens, hold.balance_nano) == (3_750, 0)
    assert wallets(workspace) == {"trial": (10_000_000, 0), "paid": (20_000_000, 0)}


def wallets_of(hold: OpenHold) -> list[int]:
    return [leg.amount_nano for leg in hold.legs]


def test_a_hold_is_extended_once_though_the_answer_was_lost(
    make_workspace: MakeWorkspace, clerk: LocalClerk, answer_lost: Callable[[], None]
) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def one_call() -> None:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        answer_lost()
        longer = await clerk.extend(ExtendHold(hold, 50))
        assert wallets_of(longer) == [TENTH_NANO, 50]
        assert longer.balance_nano == YUAN - TENTH_NANO - 50
        await clerk.settle(settling(longer))

    clerk.run(one_call())
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_a_settlement_is_booked_once_and_told_truly_though_the_answer_was_lost(
    make_workspace: MakeWorkspace, clerk: LocalClerk, answer_lost: Callable[[], None]
) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def one_call() -> tuple[OpenHold, Settlement]:
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        answer_lost()
        settlement = await clerk.settle(settling(hold, 1_000))
        with pytest.raises(HoldGone):
            await clerk.settle(settling(hold, 1_000))
        return hold, settlement

    hold, settlement = clerk.run(one_call())
    assert settlement == Settlement(2_000_000, 0, YUAN - 2_000_000)
    assert transfers(hold) == {"hold/1": TENTH_NANO, "post/1": 2_000_000, "void/1": TENTH_NANO - 2_000_000}


def test_a_whole_batch_is_booked_once_though_the_answer_was_lost(
    make_workspace: MakeWorkspace, clerk: LocalClerk, answer_lost: Callable[[], None]
) -> None:
    workspace = make_workspace(trial_nano=YUAN)

    async def calls() -> None:
        holds = await asyncio.gather(*(clerk.hold(PlaceHold(call(workspace), TENTH)) for _ in range(5)))
        answer_lost()
        operations: list[Settle] = [settling(hold, 1_000) for hold in holds]
        for settlement in await asyncio.gather(*(clerk.settle(each) for each in operations)):
            assert settlement.charged_nano == 2_000_000

    clerk.run(calls())
    assert wallets(workspace)["trial"] == (YUAN - 5 * 2_000_000, 0)


def test_a_commit_that_was_still_running_at_the_first_look_is_told_truly(
    make_workspace: MakeWorkspace, clerk: LocalClerk, answer_lost: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    looked: list[Operation] = []
    look = clerk_module.booked_before

    def look_too_early(operation: Operation, *, writer_id: int) -> OpenHold | Settlement | None:
        looked.append(operation)
        return look(operation, writer_id=writer_id) if looked.count(operation) > 1 else None

    monkeypatch.setattr(clerk_module, "booked_before", look_too_early)

    async def one_call() -> None:
        answer_lost()
        hold = await clerk.hold(PlaceHold(call(workspace), TENTH))
        answer_lost()
        settlement = await clerk.settle(settling(hold, 1_000))
        assert settlement == Settlement(2_000_000, 0, YUAN - 2_000_000)

    clerk.run(one_call())
    assert wallets(workspace)["trial"] == (YUAN - 2_000_000, 0)


def test_a_late_hold_that_a_broken_commit_placed_all_the_same_is_given_back(
    make_workspace: MakeWorkspace, clerk: LocalClerk, impatient: None, answer_lost: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    workspace = make_workspace(trial_nano=YUAN)
    look = clerk_module.booked_before

    async def outage() -> None:
        answer_lost()
        monkeypatch.setattr(clerk_module, "booked_before", away)
        with pytest.raises(LedgerUnavailable):
            await asyncio.wait_for(clerk.hold(PlaceHold(call(workspace), TENTH)), 5)
        monkeypatch.setattr(clerk_module, "booked_before", look)
        await asyncio.sleep(0.3)

    clerk.run(outage())
    assert wallets(workspace)["trial"] == (YUAN, 0)
