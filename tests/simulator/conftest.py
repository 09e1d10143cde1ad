from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from simulator_caller import Caller

from simulator.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 5.0


@pytest.fixture(scope="session")
def upstream() -> Iterator[SimulatorThread]:
    with SimulatorThread() as thread:
        yield thread


@pytest.fixture(scope="session")
def http(upstream: SimulatorThread) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=upstream.url, timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture
def caller(upstream: SimulatorThread, http: httpx.Client) -> Caller:
    upstream.clear()
    return Caller(upstream, http)
