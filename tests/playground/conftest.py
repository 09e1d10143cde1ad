from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.test import override_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "gateway"))  # its desk is ours too

from gateway_desk import Caller, Desk, OwnPlane, Server
from playground_browser import Browser

from billing.checking import ledger_check
from inference.gateway.app import is_data_plane
from simulator.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class BothPlanes(OwnPlane):
    """console.asgi with a gateway of its own: that of the gateway's tests may still be running."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from console.asgi import django_app

        if scope["type"] == "http" and not is_data_plane(scope):
            await django_app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


@pytest.fixture(scope="session")
def play_desk(database: None) -> Iterator[Desk]:
    """Pages and gateway under uvicorn on the test database. The books must be right when they have stopped."""
    planes = BothPlanes()
    limits = {  # each of them: those of the gateway's hasty desk may still be in force
        "UPSTREAM_CONNECT_TIMEOUT_S": 1.0,
        "UPSTREAM_FIRST_BYTE_TIMEOUT_S": 60,
        "UPSTREAM_IDLE_TIMEOUT_S": 60,
        "UPSTREAM_TOTAL_TIMEOUT_S": 600,
        "STREAM_KEEPALIVE_S": 0.5,
        "MAX_BODY_MB": 20,
    }
    with (
        SimulatorThread() as simulator,
        mock.patch("inference.gateway.snapshot.LOOK_EVERY_S", 0.01),
        mock.patch("inference.playground.runs.gateway_app", planes.gateway_app),
        mock.patch("inference.playground.tryouts.gateway_app", planes.gateway_app),
        override_settings(**limits),
        Server(planes) as url,
    ):
        desk = Desk(url, simulator, [planes.gateway_app])
        yield desk
        desk.http.close()
    assert ledger_check().findings == []


@pytest.fixture
def caller(play_desk: Desk) -> Caller:
    return play_desk.caller()


@pytest.fixture
def open_browser() -> Iterator[Callable[[Caller], Browser]]:
    """Signs a caller in; all of them are closed at the end."""
    opened: list[Browser] = []

    def open_one(caller: Caller) -> Browser:
        opened.append(Browser(caller))
        return opened[-1]

    yield open_one
    for browser in opened:
        browser.http.close()


@pytest.fixture
def browser(caller: Caller, open_browser: Callable[[Caller], Browser]) -> Browser:
    return open_browser(caller)


@pytest.fixture(scope="session")
def chat(play_desk: Desk) -> str:
    """Answers "w1 w2 … w8 " at ¥2 and ¥8 per million tokens."""
    return play_desk.model("chat")
