from collections.abc import Iterator

import pytest
from chaos_product import Product

from simulator.server import SimulatorThread
from tests.console.conftest import Server, server

__all__ = ["server"]


@pytest.fixture
def upstream() -> Iterator[SimulatorThread]:
    with SimulatorThread() as thread:
        yield thread


@pytest.fixture
def product(server: Server, upstream: SimulatorThread) -> Product:
    """Not started yet. It ends, whatever happens, with its database and every process."""
    return Product(server, upstream)
