"""What may end a wait for the upstream: the caller leaves, or one of the time limits passes.

One timer per request, set once and looked at only when it fires: a chunk costs an assignment, not a timer.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Interrupted(Exception):
    """A wait was ended from outside; `reason` is caller_gone, first_byte, idle or total."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Watch:
    """`with watch:` around a wait makes it interruptible; outside nothing is interrupted, only noted."""

    def __init__(self, receive: Receive | None, total_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.total_at = self.loop.time() + total_s
        self.quiet_at = self.total_at
        self.quiet_s = total_s
        self.quiet_reason = "total"
        self.reason = ""
        self.task: asyncio.Task[Any] | None = None
        self.timer = self.loop.call_at(self.total_at, self.on_timer)
        self.caller: asyncio.Task[Any] | None = None
        if receive is not None:
            self.caller = self.loop.create_task(self.wait_for_caller(receive))

    # --- limits --------------------------------------------------------------------------------
    def limit(self, reason: str, seconds: float) -> None:
        """From now on a wait without news ends after `seconds`; the total stays as it is."""
        self.quiet_reason, self.quiet_s = reason, seconds
        self.news()
        if self.quiet_at < self.timer.when():
            self.timer.cancel()
            self.timer = self.loop.call_at(self.quiet_at, self.on_timer)

    def news(self) -> None:
        self.quiet_at = self.loop.time() + self.quiet_s

    def on_timer(self) -> None:
        now = self.loop.time()
        if now >= self.total_at:
            self.interrupt("total")
        elif now >= self.quiet_at:
            self.interrupt(self.quiet_reason)
        else:
            self.timer = self.loop.call_at(min(self.quiet_at, self.total_at), self.on_timer)

    # --- the caller ----------------------------------------------------------------------------
    async def wait_for_caller(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.interrupt("caller_gone")

    @property
    def caller_is_gone(self) -> bool:
        return self.reason == "caller_gone"

    # --- interrupting --------------------------------------------------------------------------
    def interrupt(self, reason: str) -> None:
        if not self.reason:
            self.reason = reason
            if self.task is not None:
                self.task.cancel()

    def __enter__(self) -> None:
        if self.reason:
            raise Interrupted(self.reason)
        self.task = asyncio.current_task()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self.task = self.task, None
        if self.reason and kind is asyncio.CancelledError and task is not None and task.uncancel() == 0:
            raise Interrupted(self.reason) from error

    def close(self) -> None:
        self.timer.cancel()
        if self.caller is not None:
            self.caller.cancel()
