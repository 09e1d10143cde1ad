"""Waits that must end: a body that trickles, a ledger that hangs, a limit set after the last timer fired."""

import asyncio
from datetime import UTC, datetime

import pytest

from billing.operations import CallContext, PlaceHold
from billing.pricing import Price, Quote
from inference.gateway import bill, exchange
from inference.gateway.bill import place_hold
from inference.gateway.errors import GatewayError
from inference.gateway.exchange import Exchange, Message
from inference.gateway.watch import Interrupted, Watch


def test_a_body_that_does_not_arrive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_TIMEOUT_S", 0.05)

    async def receive() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Message) -> None: ...

    async def whole() -> None:
        with pytest.raises(GatewayError, match="did not arrive") as refusal:
            await Exchange({"path": "/v1/ocr", "headers": []}, receive, send).body(1000)
        assert refusal.value.status == 400

    asyncio.run(whole())


class HangingClerk:
    """Takes an operation and says nothing until it is told to."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def submit(self, operation: object) -> "asyncio.Future[object]":
        self.asked.append(operation)
        self.booking: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        return self.booking


def test_a_ledger_that_hangs_is_not_waited_for_and_its_late_hold_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bill, "HOLD_WAIT_S", 0.05)
    context = CallContext("req_1", 1, None, "m", "chat", False, 1, datetime.now(UTC))
    operation = PlaceHold(context, Quote(Price(1), 1))

    async def whole() -> None:
        clerk = HangingClerk()
        with pytest.raises(GatewayError, match="not answering") as refusal:
            await place_hold(clerk, operation)  # type: ignore[arg-type]
        assert refusal.value.code == "ledger_unavailable"
        late = clerk.booking
        late.set_result(bill.OpenHold(context, operation.quote, [], 0, 0))
        await asyncio.sleep(0)
        assert [type(asked).__name__ for asked in clerk.asked] == ["PlaceHold", "Settle"]

    asyncio.run(whole())


def test_a_limit_set_after_the_total_has_passed_still_ends_a_wait() -> None:
    async def whole() -> None:
        watch = Watch(None, 0.06)
        with pytest.raises(Interrupted, match="total"), watch:
            await asyncio.sleep(1)
        watch.grant("stalled", 0.05)
        began = asyncio.get_running_loop().time()
        with pytest.raises(Interrupted, match=r"stalled|total"), watch:
            await asyncio.sleep(2)
        assert asyncio.get_running_loop().time() - began < 1
        watch.close()

    asyncio.run(whole())
