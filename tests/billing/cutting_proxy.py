"""A TCP proxy before PostgreSQL that cuts a client's line in the middle of a commit."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self

READ_BYTES = 64 * 1024


class Cut(Enum):
    BEFORE_COMMIT = "the server never hears of it"
    AFTER_COMMIT = "the server's answer is lost"
    DURING_COMMIT = "the server has heard it; nobody waits for it"


class CuttingProxy:
    """Forwards until `arm` is called; then the next COMMIT that passes is cut off as told, once."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self.armed: Cut | None = None
        self.cuts = 0

    def arm(self, cut: Cut) -> None:
        self.armed = cut

    def __enter__(self) -> Self:
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listening.close()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                Line(self, client, socket.create_connection(self.upstream))


class Line:
    """One client's connection, a thread for each direction."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.is_answer_lost = False
        for source, take in ((client, self.to_server), (server, self.to_client)):
            threading.Thread(target=self.forward, args=(source, take), daemon=True).start()

    def forward(self, source: socket.socket, take: Callable[[bytes], None]) -> None:
        with suppress(OSError):
            while data := source.recv(READ_BYTES):
                take(data)
        self.cut()

    def to_server(self, data: bytes) -> None:
        if self.proxy.armed is None or b"COMMIT" not in data:
            self.server.sendall(data)
            return
        cut, self.proxy.armed = self.proxy.armed, None
        self.proxy.cuts += 1
        self.is_answer_lost = cut is Cut.AFTER_COMMIT
        if cut is not Cut.BEFORE_COMMIT:
            self.server.sendall(data)
        if cut is not Cut.AFTER_COMMIT:
            self.cut()

    def to_client(self, data: bytes) -> None:
        if self.is_answer_lost:
            self.cut()
        else:
            self.client.sendall(data)

    def cut(self) -> None:
        for line in (self.client, self.server):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
