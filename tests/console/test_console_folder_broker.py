"""The embedded broker: whoever looks while others write sees whole messages and whole tables of queues."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import kombu
import pytest
from kombu.transport import TRANSPORT_ALIASES

import console.celery

PADDING = "x" * 4_000_000  # a file that takes a while to write
QUEUES, PROCESSES = 40, 4


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """A channel of a connection of its own, as another process would have it."""
    names = {"data_folder_in": "in", "data_folder_out": "in", "control_folder": "control", "processed_folder": "done"}
    for folder in names.values():
        (tmp_path / folder).mkdir(exist_ok=True)
    options = {option: str(tmp_path / folder) for option, folder in names.items()}
    connections: list[kombu.Connection] = []

    def channel() -> Any:
        connections.append(kombu.Connection("folder://localhost//", transport_options=options))
        return connections[-1].channel()

    yield channel
    for connection in connections:
        connection.release()


def test_the_embedded_default_uses_it() -> None:
    assert TRANSPORT_ALIASES["folder"] == "console.folder_broker:Transport"
    assert console.celery.app.conf.broker_url.startswith(("folder://", "redis://"))


def test_a_file_that_is_seen_is_whole(connect: Callable[[], Any], tmp_path: Path) -> None:
    over, seen = threading.Event(), 0

    def look() -> None:
        nonlocal seen
        while not over.is_set():
            for file in (*tmp_path.glob("in/*.msg"), *tmp_path.glob("control/*.exchange")):
                with suppress(FileNotFoundError):  # it may be taken away at any time
                    json.loads(file.read_text())
                    seen += 1

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        channel = connect()
        for number in range(20):
            channel._put("work", {"padding": PADDING})
            channel._queue_bind(f"exchange-{number}", "", "", "work")
            channel._purge("work")
        over.set()
        looking.result(30)
    assert seen > 20


def test_no_binding_of_many_at_once_is_lost(connect: Callable[[], Any]) -> None:
    channels = [connect() for _ in range(PROCESSES)]

    def bind(number: int) -> None:
        for queue in range(QUEUES):
            channels[number]._queue_bind("shared", "", "", f"{number}-{queue}")

    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(bind, range(PROCESSES)))
    bound = {row.queue for row in connect().get_table("shared")}
    assert bound == {f"{number}-{queue}" for number in range(PROCESSES) for queue in range(QUEUES)}


def test_a_message_is_got_once_and_in_order(connect: Callable[[], Any]) -> None:
    sender, receiver = connect(), connect()
    for number in range(3):
        sender._put("work", {"number": number})
        sender._put("other", {"number": -1})
    assert [receiver._get("work")["number"] for _ in range(3)] == [0, 1, 2]
