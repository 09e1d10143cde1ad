"""A clerk whose process is a thread of the tests' own, so that they can break what it stands on."""

import asyncio
import os
import socket
import threading
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self, TypeVar

from billing.clerk import Clerk
from billing.remote_clerk import RemoteClerk

T = TypeVar("T")


class LocalClerk(RemoteClerk, AbstractContextManager["LocalClerk"]):
    """`with LocalClerk() as clerk: clerk.run(work())`, as often as wanted: one event loop for all."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.lost = asyncio.Event()

    def hire(self, line: socket.socket) -> None:
        self.clerk = Clerk(socket.socket(fileno=os.dup(line.fileno())))
        self.thread = threading.Thread(target=self.clerk.run, name="clerk", daemon=True)
        self.thread.start()

    def dismiss(self) -> None:
        self.thread.join(30)

    def lose(self) -> None:
        """The product would end here."""
        self.lost.set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def __enter__(self) -> Self:
        self.run(self.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self.stop())
        self.runner.close()
        assert not self.thread.is_alive()


def unconnected_clerk(writer_id: int) -> Clerk:
    """One that talks to nobody, to be asked for single steps."""
    clerk = Clerk(socket.socket())
    clerk.gateway.close()
    clerk.writer_id = writer_id
    clerk.answer = lambda items: None  # type: ignore[method-assign]
    return clerk
