"""What may end a wait for the upstream: the caller leaves, or one of the time limits passes.

One timer per request, set once and looked at only when it fires: a chunk costs an assignment, not a timer.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

CALLER_LOOK_S = 0.05


class Interrupted(Exception):
    """A wait was ended from outside; `reason` is caller_gone, total, or the word `limit` was given."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Watch:
    """`with watch:` around a wait makes it interruptible; outside nothing is interrupted, only noted.

    It belongs to the task that makes it.
    """

    def __init__(self, receive: Receive | None, total_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.total_at = self.loop.time() + total_s
        self.quiet_at = self.total_at
        self.quiet_s = total_s
        self.quiet_reason = "total"
        self.reason = ""  # why waits are interrupted
        self.caller_is_gone = self.was_cancelled = False
        self.task = asyncio.current_task(self.loop)
        self.is_waiting = False
        self.receive = receive
        self.caller: asyncio.Task[Any] | None = None
        self.timer_at = self.loop.time() + CALLER_LOOK_S
        self.timer = self.loop.call_at(self.timer_at, self.on_timer)

    # --- limits --------------------------------------------------------------------------------
    def limit(self, reason: str, seconds: float) -> None:
        """From now on a wait without news ends after `seconds`; the total stays as it is."""
        if self.reason == self.quiet_reason:
            self.forget()  # the silence of the endpoint before is not held against the next
        self.quiet_reason, self.quiet_s = reason, seconds
        self.news()
        if min(self.quiet_at, self.total_at) < self.timer_at:
            self.timer.cancel()
            self.arm()

    def grant(self, reason: str, seconds: float) -> None:
        """The upstream is done with; the caller has `seconds`, and no more, to take what is left."""
        self.forget()
        self.total_at = self.loop.time() + seconds
        self.limit(reason, seconds)

    def forget(self) -> None:
        self.reason = "caller_gone" if self.caller_is_gone else ""

    def news(self) -> None:
        self.quiet_at = self.loop.time() + self.quiet_s

    def arm(self) -> None:
        self.timer_at = min(self.quiet_at, self.total_at)
        self.timer = self.loop.call_at(self.timer_at, self.on_timer)

    def on_timer(self) -> None:
        self.look_for_caller()
        now = self.loop.time()
        if now >= self.quiet_at:
            self.interrupt(self.quiet_reason)
            self.quiet_at = self.total_at  # until there is a new limit
        if now >= self.total_at:
            self.interrupt("total")
            self.timer_at = math.inf  # no timer runs: a new limit starts one
        else:
            self.arm()

    # --- the caller ----------------------------------------------------------------------------
    def look_for_caller(self) -> None:
        """Begins with the first timer: a call that is over by then never needs the task."""
        if self.caller is None and self.receive is not None:
            self.caller = self.loop.create_task(self.wait_for_caller(self.receive))

    async def wait_for_caller(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.caller_is_gone = True
        self.interrupt("caller_gone")

    # --- interrupting --------------------------------------------------------------------------
    def interrupt(self, reason: str) -> None:
        if not self.reason:
            self.reason = reason
            if self.is_waiting and self.task is not None:
                self.was_cancelled = self.task.cancel()

    def __enter__(self) -> None:
        if self.reason:
            raise Interrupted(self.reason)
        self.is_waiting = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_waiting = False
        if self.was_cancelled and self.task is not None:
            self.was_cancelled = False
            if self.task.uncancel() == 0 and kind is asyncio.CancelledError:  # else the server is stopping as well
                raise Interrupted(self.reason) from error

    def close(self) -> None:
        self.timer.cancel()
        if self.caller is not None:
            self.caller.cancel()
