"""The web process's transport, below the application: what a caller's socket gets, and when."""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvicorn

from console.web import HELD_BYTES_MAX, CorkedProtocol, CorkedTransport

CHUNK = b"x" * 64 * 1024
CHUNKS = 512  # 32 MB: more than all socket buffers between two ends


class App:
    """Answers by path, and counts how many chunks it got rid of."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = {"/echo": self.echo, "/flood": self.flood, "/parts": self.parts}[scope["path"]]
        await answer(send, body)

    async def echo(self, send: Any, body: bytes) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    async def flood(self, send: Any, _: bytes) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _chunk in range(CHUNKS):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            self.sent += 1
        await send({"type": "http.response.body", "body": b""})

    async def parts(self, send: Any, _: bytes) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"one", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"three"})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def address(app: App) -> Iterator[tuple[str, int]]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=CorkedProtocol, loop="uvloop", lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield listening.getsockname()
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def caller(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, 10) as line:
        yield line


def post(path: str, body: bytes = b"", *headers: str, version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def read_all(line: socket.socket) -> bytes:
    return b"".join(iter(lambda: line.recv(1 << 20), b""))


def read_until(line: socket.socket, end: bytes) -> bytes:
    got = b""
    while not got.endswith(end):
        piece = line.recv(1 << 20)
        assert piece, got
        got += piece
    return got


def test_an_answer_comes_in_one_piece(caller: socket.socket) -> None:
    caller.sendall(post("/echo", b"hello"))
    first = caller.recv(1 << 20)
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\nhello")


def test_a_part_is_not_kept_until_the_next_one_is_there(caller: socket.socket) -> None:
    caller.sendall(post("/parts"))
    read_until(caller, b"one\r\n")
    read_until(caller, b"two\r\n")
    assert read_until(caller, b"0\r\n\r\n") == b"5\r\nthree\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [post("/echo", b"bye", "Connection: close"), post("/echo", b"bye", version="1.0")],
    ids=["connection-close", "http-1.0"],
)
def test_an_answer_is_whole_though_the_line_is_closed_after_it(caller: socket.socket, request_bytes: bytes) -> None:
    caller.sendall(request_bytes)
    assert read_all(caller).endswith(b"\r\n\r\nbye")


def test_what_is_no_http_gets_its_refusal_before_the_line_is_closed(caller: socket.socket) -> None:
    caller.sendall(b"\x16\x03\x01 is this TLS?\r\n\r\n")
    assert read_all(caller).startswith(b"HTTP/1.1 400 ")


def test_a_caller_that_waits_for_100_continue_gets_it(caller: socket.socket) -> None:
    head = post("/echo", b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 4")
    caller.sendall(head)
    assert read_until(caller, b"\r\n\r\n").startswith(b"HTTP/1.1 100 Continue")
    caller.sendall(b"body")
    assert read_until(caller, b"body").startswith(b"HTTP/1.1 200 OK")


def test_pipelined_requests_are_answered_in_their_order(caller: socket.socket) -> None:
    bodies = [b"%d<end>" % number for number in range(5)]
    caller.sendall(b"".join(post("/echo", body) for body in bodies))
    got = read_until(caller, b"4<end>")
    assert [part.rpartition(b"\r\n\r\n")[2] for part in got.split(b"<end>")[:-1]] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_caller_that_does_not_read_slows_the_application_down(app: App, caller: socket.socket) -> None:
    caller.sendall(post("/flood"))
    wait_until(lambda: app.sent > 0)
    resting = at_rest(lambda: app.sent)
    assert resting < CHUNKS
    assert read_until(caller, b"0\r\n\r\n").count(b"x") == CHUNKS * len(CHUNK)


def test_a_caller_that_leaves_in_mid_answer_harms_nobody(app: App, address: tuple[str, int]) -> None:
    with socket.create_connection(address, 10) as leaver:
        leaver.sendall(post("/flood"))
        wait_until(lambda: app.sent > 0)
    wait_until(lambda: app.sent == CHUNKS)  # uvicorn drops what is written to a caller that left
    with socket.create_connection(address, 10) as other:
        other.sendall(post("/echo", b"still here"))
        assert read_until(other, b"still here")


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def at_rest(look: Callable[[], int]) -> int:
    """What `look` shows when it has not changed for half a second."""
    seen, since = look(), time.monotonic()
    while time.monotonic() < since + 0.5:
        if look() != seen:
            seen, since = look(), time.monotonic()
        time.sleep(0.02)
    return seen


# --- the transport alone -----------------------------------------------------------------------------
class Wire:
    def __init__(self) -> None:
        self.said: list[Any] = []
        self.is_gone = False

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def close(self) -> None:
        self.said.append("closed")

    def is_closing(self) -> bool:
        return self.is_gone


def corked(work: Callable[[CorkedTransport, Wire], Awaitable[None]]) -> list[Any]:
    """What the wire got when `work` and the turn of the loop it ended in are over."""
    wire = Wire()

    async def whole() -> None:
        await work(CorkedTransport(wire, asyncio.get_running_loop()), wire)  # type: ignore[arg-type]
        await asyncio.sleep(0)

    asyncio.run(whole())
    return wire.said


def test_what_one_turn_writes_is_sent_as_one_piece() -> None:
    async def work(transport: CorkedTransport, wire: Wire) -> None:
        transport.write(b"head")
        transport.write(b"body")
        assert wire.said == []

    assert corked(work) == [b"headbody"]


def test_much_is_not_held_back() -> None:
    async def work(transport: CorkedTransport, wire: Wire) -> None:
        transport.write(b"x" * HELD_BYTES_MAX)
        assert wire.said == []
        transport.write(b"y")
        assert [len(piece) for piece in wire.said] == [HELD_BYTES_MAX + 1]

    corked(work)


def test_closing_sends_first_what_is_held() -> None:
    async def work(transport: CorkedTransport, wire: Wire) -> None:
        transport.write(b"bye")
        transport.close()

    assert corked(work) == [b"bye", "closed"]


def test_nothing_is_written_to_a_caller_that_left_in_between() -> None:
    async def work(transport: CorkedTransport, wire: Wire) -> None:
        transport.write(b"too late")
        wire.is_gone = True

    assert corked(work) == []
