"""A few idle connections are kept for whoever comes next: opening one costs more than most pages ask of it.

Under ASGI each request has a thread of its own, so Django's persistent connections would only leak. A pool of
psycopg would do, but it makes its callers wait once all are out, and a stream keeps its own as long as it lasts;
here there is no most, nobody waits, and one that is never given back is nobody's loss. docs/performance.md has
the figures. What a session was told for good (SET, advisory locks, temporary tables) would travel along: nothing
here does that, SET LOCAL ends with its transaction.
"""

import os
import select
import time
from collections import deque
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple

from django.db.backends.postgresql.base import DatabaseWrapper as DjangosWrapper
from psycopg.pq import TransactionStatus

IDLE_MAX = 8  # of a process
IDLE_MAX_S = 60.0


class Idle(NamedTuple):
    connection: Any
    since: float

    @property
    def is_fit(self) -> bool:
        """A server that is gone, or that has something to say unasked, makes its socket readable."""
        if self.connection.closed or time.monotonic() - self.since > IDLE_MAX_S:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)


class DatabaseWrapper(DjangosWrapper):
    # By process, for a child of `fork` has its parent's sockets, and by database, for tests have one of their own.
    idle: ClassVar[dict[tuple[Any, ...], deque[Idle]]] = {}

    @property
    def kept(self) -> deque[Idle]:
        settings = self.settings_dict
        key = (os.getpid(), *(settings[name] for name in ("HOST", "PORT", "NAME", "USER")))
        return self.idle.setdefault(key, deque())

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        kept = self.kept
        while kept:
            try:
                found = kept.pop()
            except IndexError:  # another thread was faster
                break
            if found.is_fit:
                return found.connection
            found.connection.close()
        return super().get_new_connection(conn_params)

    def is_usable(self) -> bool:
        """Asked after an error only: what had one is not used again, it may be a server that is none any more."""
        return False

    def _close(self) -> None:
        if self.is_worth_keeping:
            self.kept.append(Idle(self.connection, time.monotonic()))
            self.drop_old()
        else:
            super()._close()  # type: ignore[misc]  # django-stubs do not know it

    def drop_old(self) -> None:
        """The oldest stand on the left, and the youngest is taken first: after a rush they would stay for ever."""
        kept = self.kept
        with suppress(IndexError):  # another thread was faster
            while time.monotonic() - kept[0].since > IDLE_MAX_S:
                kept.popleft().connection.close()

    @property
    def is_worth_keeping(self) -> bool:
        return (
            self.connection is not None
            and not self.errors_occurred
            and self.connection.info.transaction_status == TransactionStatus.IDLE
            and len(self.kept) < IDLE_MAX
        )

    def close_pool(self) -> None:
        """Django's word for it, said before a database is dropped or copied."""
        kept = self.kept
        with suppress(IndexError):
            while True:
                kept.pop().connection.close()
