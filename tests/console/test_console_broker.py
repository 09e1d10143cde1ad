"""The embedded broker's folder, read by a worker while the web writes."""

from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from console.broker import SCHEME


@pytest.fixture
def channel(tmp_path: Path) -> Any:
    folders = {name: str(tmp_path) for name in ("data_folder_in", "data_folder_out", "control_folder")}
    with Connection(f"{SCHEME}://localhost//", transport_options=folders) as connection:
        yield connection.channel()


class SeenWhileWritten:
    """A worker asks for its next message at the very moment this one is turned into text."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def __json__(self) -> str:
        with pytest.raises(Empty):
            self.channel._get("console")
        return "whole"


def test_a_message_is_not_seen_before_it_is_whole(channel: Any) -> None:
    channel._put("console", {"body": SeenWhileWritten(channel)})
    assert channel._get("console") == {"body": "whole"}


def test_messages_come_in_the_order_they_were_put_and_once(channel: Any, tmp_path: Path) -> None:
    channel._put("console", {"n": 1})
    channel._put("other", {"n": 2})
    assert channel._size("console") == 1
    assert channel._get("console") == {"n": 1}
    assert channel._get("other") == {"n": 2}
    with pytest.raises(Empty):
        channel._get("console")
    assert list(tmp_path.glob("*.part")) == []
