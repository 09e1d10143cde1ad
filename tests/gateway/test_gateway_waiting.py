"""Waits that must end: a body that trickles, a limit set after the last timer fired."""

import asyncio

import pytest

from inference.gateway import exchange
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
