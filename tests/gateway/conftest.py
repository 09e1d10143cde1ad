from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.test import override_settings
from gateway_desk import Caller, Desk, OwnPlane, Server

from billing.checking import ledger_check
from simulator.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Tests wait for every change; the second that is promised is tested with the true interval.
LOOK_EVERY_S = 0.01


@pytest.fixture(scope="session")
def ledger_holds_at_the_end(database: None) -> Iterator[None]:
    """Whatever the tests did to the gateway, the books must be right when its servers have stopped."""
    yield
    assert ledger_check().findings == []


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as thread:
        yield thread


@pytest.fixture(scope="session")
def secured_simulator() -> Iterator[SimulatorThread]:
    """Over TLS, with a certificate of an authority that nobody knows."""
    with SimulatorThread(tls="private") as thread:
        yield thread


@pytest.fixture(scope="session")
def gateway_url(ledger_holds_at_the_end: None, simulator: SimulatorThread) -> Iterator[str]:
    """console.asgi under uvicorn, on the test database, with limits a test can wait for."""
    from console.asgi import application

    short = {"STREAM_KEEPALIVE_S": 0.25, "MAX_BODY_MB": 1, "UPSTREAM_CONNECT_TIMEOUT_S": 1.0}
    with (
        mock.patch("inference.gateway.snapshot.LOOK_EVERY_S", LOOK_EVERY_S),
        override_settings(**short),
        Server(application) as url,
    ):
        switch_interval_s = sys.getswitchinterval()
        sys.setswitchinterval(0.0005)  # servers, upstream and test share one interpreter, and mostly wait for it
        yield url
        sys.setswitchinterval(switch_interval_s)


@pytest.fixture(scope="session")
def desk(gateway_url: str, simulator: SimulatorThread) -> Iterator[Desk]:
    from console.asgi import gateway_app

    desk = Desk(gateway_url, simulator, [gateway_app])
    yield desk
    desk.http.close()


@pytest.fixture
def caller(desk: Desk) -> Caller:
    return desk.caller()


@pytest.fixture(scope="session")
def chat_model(desk: Desk) -> str:
    """Answers "w1 w2 … w8 " at ¥2 and ¥8 per million tokens."""
    return desk.model("chat", probe=True)


@pytest.fixture(scope="module")
def hasty_desk(gateway_url: str, desk: Desk, simulator: SimulatorThread) -> Iterator[Desk]:
    """A second gateway whose upstreams have less than a second for everything."""
    plane = OwnPlane()
    short = {
        "UPSTREAM_CONNECT_TIMEOUT_S": 0.3,
        "UPSTREAM_FIRST_BYTE_TIMEOUT_S": 0.3,
        "UPSTREAM_IDLE_TIMEOUT_S": 0.3,
        "UPSTREAM_TOTAL_TIMEOUT_S": 0.8,
        "STREAM_KEEPALIVE_S": 15,
    }
    with override_settings(**short), Server(plane) as url:
        second = Desk(url, simulator, [plane.gateway_app])
        yield second
        second.http.close()


@pytest.fixture
def plane(desk: Desk) -> Iterator[Callable[..., Desk]]:
    """Starts one more gateway with settings of its own, for this test alone."""
    running: list[tuple[Any, Any, Desk]] = []

    def start(**settings: Any) -> Desk:
        plane, overridden = OwnPlane(), override_settings(**settings)
        overridden.enable()
        server = Server(plane)
        one = Desk(server.__enter__(), desk.simulator, [plane.gateway_app])
        running.append((server, overridden, one))
        return one

    yield start
    for server, overridden, one in reversed(running):
        one.http.close()
        server.__exit__()
        overridden.disable()
