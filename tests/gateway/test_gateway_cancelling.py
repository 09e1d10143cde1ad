"""Moments that a socket cannot hit at will: the app is called directly, with a caller who leaves just then."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from gateway_desk import CHAT, QUESTION, Caller, Desk, wait_until

from accounts.revision import revision_current
from billing.models import UsageRecord
from billing.operations import LedgerUnavailable, PlaceHold, Settle
from inference.gateway.app import GatewayApp
from inference.gateway.limits import LocalLimits
from inference.gateway.upstream import UpstreamRequest

CHUNK = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'


class Client:
    """An ASGI caller: sends one body, leaves when told to, keeps what was sent to it."""

    def __init__(self, caller: Caller, model: str, **fields: Any) -> None:
        self.body = json.dumps({"model": model, "messages": QUESTION, **fields}).encode()
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": CHAT,
            "headers": [(b"authorization", f"Bearer {caller.issued}".encode())],
        }
        self.left = asyncio.Event()
        self.was_read = False
        self.sent: list[Any] = []
        self.stalled = asyncio.Event()
        self.stalled.set()

    async def receive(self) -> Any:
        if not self.was_read:
            self.was_read = True
            return {"type": "http.request", "body": self.body}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.stalled.wait()
        self.sent.append(message)

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()


class FakeResponse:
    status = 200
    headers = {"Content-Type": "text/event-stream"}  # noqa: RUF012 - never changed

    def __init__(self, *chunks: bytes | Exception | Callable[[], Awaitable[bytes]]) -> None:
        self.chunks = list(chunks)
        self.was_closed = False

    async def read_some(self) -> bytes:
        if not self.chunks:
            return b""
        chunk = self.chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk if isinstance(chunk, bytes) else await chunk()

    async def read(self, size_max: int = 0) -> bytes:
        return await self.read_some()

    def close(self) -> None:
        self.was_closed = True


class FakeTransport:
    def __init__(self, response: Any) -> None:
        self.response = response
        self.asked: list[UpstreamRequest] = []

    async def send(self, request: UpstreamRequest) -> Any:
        self.asked.append(request)
        if callable(self.response):
            return await self.response()
        return self.response


Scene = Callable[[GatewayApp], Awaitable[None]]
Play = Callable[[Scene], None]


@pytest.fixture(scope="module")
def stage(desk: Desk) -> Iterator[tuple[GatewayApp, asyncio.AbstractEventLoop]]:
    """A gateway on an event loop of its own, without a server before it."""
    app, loop = GatewayApp(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(app.start(), loop).result(20)
    yield app, loop
    asyncio.run_coroutine_threadsafe(app.stop(), loop).result(20)
    asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def play(stage: tuple[GatewayApp, asyncio.AbstractEventLoop], caller: Caller, chat_model: str) -> Iterator[Play]:
    """Plays a scene on it, once it knows the test's caller and model."""
    app, loop = stage
    assert app.gateway
    gateway, transport, timing = app.gateway, app.gateway.transport, app.gateway.timing
    revision = revision_current()
    wait_until(lambda: gateway.keeper.current.revision >= revision)
    yield lambda scene: asyncio.run_coroutine_threadsafe(staged(scene, app), loop).result(20)
    gateway.transport, gateway.timing = transport, timing


async def staged(scene: Scene, app: GatewayApp) -> None:
    await scene(app)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


def slow_clerk(app: GatewayApp, kind: type, seconds: float, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Bookings of this kind take so long; the event tells that one is on its way."""
    assert app.gateway
    clerk, begun = app.gateway.clerk, asyncio.Event()
    hand_in = clerk.hand_in

    def hand_in_late() -> None:
        if any(isinstance(waiting.operation, kind) for waiting in clerk.waiting.values()):
            begun.set()
            clerk.loop.call_later(seconds, hand_in)
        else:
            hand_in()

    monkeypatch.setattr(clerk, "hand_in", hand_in_late)
    return begun


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_during_the_hold_is_not_charged_and_nobody_is_asked(
    caller: Caller, chat_model: str, play: Play, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(app: GatewayApp) -> None:
        assert app.gateway
        begun = slow_clerk(app, PlaceHold, 0.1, monkeypatch)
        transport = app.gateway.transport = FakeTransport(FakeResponse(CHUNK))
        client = Client(caller, chat_model, stream=stream)
        task = asyncio.create_task(app(client.scope, client.receive, client.send))
        await begun.wait()
        client.left.set()
        await task
        assert not transport.asked
        assert not client.sent

    play(scene)
    record = caller.record()
    assert (record.outcome, record.cost_nano) == ("client_closed", 0)
    caller.holds_nothing()


@pytest.mark.parametrize("kind", [PlaceHold, Settle])
def test_a_server_that_stops_in_the_middle_of_a_booking_leaves_no_hold(
    caller: Caller, chat_model: str, play: Play, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(app: GatewayApp) -> None:
        begun = slow_clerk(app, kind, 0.05, monkeypatch)
        client = Client(caller, chat_model)
        task = asyncio.create_task(app(client.scope, client.receive, client.send))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.2)

    play(scene)
    caller.holds_nothing()
    assert caller.records() == 1


def test_a_server_that_stops_in_the_middle_of_a_stream_bills_what_was_relayed(
    caller: Caller, chat_model: str, play: Play
) -> None:
    async def scene(app: GatewayApp) -> None:
        assert app.gateway
        response = FakeResponse(CHUNK, CHUNK, asyncio.Event().wait)  # type: ignore[arg-type]
        app.gateway.transport = FakeTransport(response)
        client = Client(caller, chat_model, stream=True)
        task = asyncio.create_task(app(client.scope, client.receive, client.send))
        await until(lambda: "hello" in client.text)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert response.was_closed

    play(scene)
    record = caller.record()
    assert (record.outcome, record.usage_source) == ("client_closed", "partial")
    assert record.completion_tokens == 3, "ten characters"
    caller.holds_nothing()


@pytest.mark.parametrize("stream", [False, True])
def test_a_mistake_of_ours_leaves_no_hold_and_charges_nothing(
    caller: Caller, chat_model: str, play: Play, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def boom() -> Any:
        raise KeyError("a bug")

    async def scene(app: GatewayApp) -> None:
        assert app.gateway
        app.gateway.transport = FakeTransport(boom)
        client = Client(caller, chat_model, stream=stream)
        await app(client.scope, client.receive, client.send)
        assert client.sent[0]["status"] == 500
        assert '"internal_error"' in client.text

    play(scene)
    record = caller.record()
    assert (record.outcome, record.error_code, record.cost_nano) == ("failed", "internal_error", 0)
    assert record.request_id in caplog.text
    caller.holds_nothing()


def test_a_mistake_in_the_middle_of_a_stream_ends_it_with_an_error_event(
    caller: Caller, chat_model: str, play: Play
) -> None:
    async def scene(app: GatewayApp) -> None:
        assert app.gateway
        app.gateway.transport = FakeTransport(FakeResponse(CHUNK, KeyError("a bug")))
        client = Client(caller, chat_model, stream=True)
        await app(client.scope, client.receive, client.send)
        assert '"internal_error"' in client.text
        assert "[DONE]" not in client.text
        assert not client.sent[-1].get("more_body")

    play(scene)
    assert caller.record().outcome == "broken_off"
    caller.holds_nothing()


@pytest.mark.parametrize("stream", [False, True])
def test_a_ledger_that_is_away_for_the_settlement_is_told(
    caller: Caller, chat_model: str, play: Play, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(app: GatewayApp) -> None:
        assert app.gateway
        submit = app.gateway.clerk.submit

        def refuse(operation: Any) -> Any:
            if not isinstance(operation, Settle):
                return submit(operation)
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            future.set_exception(LedgerUnavailable("away"))
            return future

        monkeypatch.setattr(app.gateway.clerk, "submit", refuse)
        client = Client(caller, chat_model, stream=stream)
        await app(client.scope, client.receive, client.send)
        assert '"ledger_unavailable"' in client.text
        assert client.sent[0]["status"] == (200 if stream else 503)
        assert "[DONE]" not in client.text
        monkeypatch.undo()

    play(scene)


def test_a_caller_who_never_takes_the_end_is_let_go(caller: Caller, chat_model: str, play: Play) -> None:
    async def scene(app: GatewayApp) -> None:
        assert app.gateway
        app.gateway.timing = replace(app.gateway.timing, idle_s=0.2)
        client = Client(caller, chat_model, stream=True)
        task = asyncio.create_task(app(client.scope, client.receive, client.send))
        await until(lambda: bool(client.sent))
        client.stalled.clear()
        await asyncio.wait_for(task, 2)

    play(scene)
    caller.holds_nothing()


def test_nothing_is_left_behind_by_a_thousand_calls(caller: Caller, chat_model: str, play: Play) -> None:
    """No task, no timer, no entry: whatever a call needed is gone with it."""

    async def scene(app: GatewayApp) -> None:
        assert app.gateway
        app.gateway.transport = FakeTransport(None)

        async def answer() -> Any:
            return FakeResponse(CHUNK, b"data: [DONE]\n\n")

        app.gateway.transport.response = answer
        before = len(asyncio.all_tasks())
        for _ in range(5):
            clients = [Client(caller, chat_model, stream=True, max_tokens=5) for _ in range(200)]
            await asyncio.gather(*(app(one.scope, one.receive, one.send) for one in clients))
        await asyncio.sleep(0.05)
        assert len(asyncio.all_tasks()) == before
        limits = app.gateway.limits
        local = limits if isinstance(limits, LocalLimits) else limits.local
        assert sum(window.running for window in local.windows.values()) == 0

    play(scene)
    assert UsageRecord.objects.filter(workspace=caller.workspace, outcome="success").count() == 1000
    caller.holds_nothing()
