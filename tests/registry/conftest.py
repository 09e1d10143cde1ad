from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from simulator.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Iterator

serial = count(1)


@pytest.fixture(scope="session")
def upstream() -> Iterator[SimulatorThread]:
    with SimulatorThread() as thread:
        yield thread


@pytest.fixture
def name(database: None) -> str:
    """A model's name that nobody else uses."""
    return f"registry-{next(serial)}"
