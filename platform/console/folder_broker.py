"""The embedded default's broker: kombu's folder of files, except that nobody sees a file before it is whole.

kombu opens a file and then writes it; a worker that looks in between reads half a message, or half a table of queues,
and ends.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]  # its two bases disagree
        name = f"{monotonic_ns():020}_{uuid.uuid4()}.{queue}.msg"  # kombu takes them in the order of their names
        write_whole(Path(self.data_folder_out) / name, dumps(payload))

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None) -> None:
        file = self.table_of(exchange)
        wanted = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with locked(file):
            bound = self.get_table(exchange)
            if wanted not in bound:
                write_whole(file, dumps([wanted, *bound]))

    def _delete(self, queue: str, exchange: str, *args: Any, **options: Any) -> None:
        with locked(self.table_of(exchange)):
            super()._delete(queue, exchange, *args, **options)

    def table_of(self, exchange: str) -> Path:
        return Path(self._exchange_file(exchange))  # type: ignore[attr-defined]  # the stubs lack it


class Transport(filesystem.Transport):
    Channel = Channel


def write_whole(file: Path, text: str) -> None:
    """Beside its place first. Raises ChannelError."""
    unfinished = file.with_name(f".{uuid.uuid4()}")
    try:
        unfinished.write_text(text)
        os.replace(unfinished, file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ChannelError(f"cannot write {file}: {error}") from error


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One at a time changes `file`, of all processes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
