"""RPM, TPM and concurrency per workspace and model. One check decides all three; a refusal takes nothing."""

import math
import time
from dataclasses import dataclass, field
from typing import Protocol

from inference.gateway.errors import GatewayError
from inference.gateway.routes import Limits

WINDOW_S = 60
WINDOWS_MAX = 50_000


@dataclass(slots=True)
class Window:
    """A minute that began with its first request."""

    began_at: float
    requests: int = 0
    tokens: int = 0
    running: int = 0


@dataclass(slots=True)
class Entry:
    """A request that was let in. The first `leave` or `give_back` counts, with the tokens it really used."""

    window: Window | None
    began_at: float = 0.0
    reserved_tokens: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def leave(self, used_tokens: int, requests: int = 1) -> None:
        window, self.window = self.window, None
        if window is None:
            return
        window.running -= 1
        if window.began_at == self.began_at:  # else the reservation went with its minute
            window.tokens += used_tokens - self.reserved_tokens
            window.requests += requests - 1

    def give_back(self) -> None:
        """It was refused after all: it takes nothing."""
        self.leave(0, requests=0)


class LimitCounter(Protocol):
    async def enter(self, request_id: str, workspace_id: int, model_id: int, limits: Limits, tokens: int) -> Entry:
        """Raises GatewayError rate_limit_exceeded naming the limit, what is used and what is allowed."""

    async def close(self) -> None: ...


class LocalLimits:
    """Counted in this process: right for one worker, which is all the embedded default has."""

    def __init__(self) -> None:
        self.windows: dict[tuple[int, int], Window] = {}

    async def enter(self, request_id: str, workspace_id: int, model_id: int, limits: Limits, tokens: int) -> Entry:
        if limits.rpm is None and limits.tpm is None and limits.concurrency is None:
            return Entry(None)
        now = time.monotonic()
        window = self.window(workspace_id, model_id, now)
        reset_s = max(1, math.ceil(WINDOW_S - (now - window.began_at)))
        refuse_over(window, limits, tokens, reset_s)
        window.requests += 1
        window.tokens += tokens
        window.running += 1
        return Entry(window, window.began_at, tokens, limit_headers(window, limits, reset_s))

    async def close(self) -> None:
        """Nothing is held open."""

    def window(self, workspace_id: int, model_id: int, now: float) -> Window:
        key = (workspace_id, model_id)
        window = self.windows.get(key)
        if window is None:
            if len(self.windows) >= WINDOWS_MAX:
                self.forget_quiet(now)
            window = self.windows[key] = Window(now)
        elif now - window.began_at >= WINDOW_S:
            window.began_at, window.requests, window.tokens = now, 0, 0
        return window

    def forget_quiet(self, now: float) -> None:
        self.windows = {
            key: window for key, window in self.windows.items() if window.running or now - window.began_at < WINDOW_S
        }


def refuse_over(window: Window, limits: Limits, tokens: int, reset_s: int) -> None:
    """Raises GatewayError for the first limit that one more request of so many tokens would exceed."""
    for what, used, asked, allowed, retry_s in (
        ("requests per minute (RPM)", window.requests, 1, limits.rpm, reset_s),
        ("tokens per minute (TPM)", window.tokens, tokens, limits.tpm, reset_s),
        ("concurrent requests", window.running, 1, limits.concurrency, 1),
    ):
        if allowed is not None and used + asked > allowed:
            shown = {name.decode(): value.decode() for name, value in limit_headers(window, limits, reset_s)}
            raise GatewayError(
                "rate_limit_exceeded",
                f"The limit of {what} is reached: {used} used of {allowed} allowed, {asked} more asked for."
                f" Try again in {retry_s} s.",
                headers={"Retry-After": str(retry_s), **shown},
            )


def limit_headers(window: Window, limits: Limits, reset_s: int) -> list[tuple[bytes, bytes]]:
    headers = []
    for name, used, allowed in (
        (b"requests", window.requests, limits.rpm),
        (b"tokens", window.tokens, limits.tpm),
    ):
        if allowed is not None:
            headers += [
                (b"x-ratelimit-limit-" + name, b"%d" % allowed),
                (b"x-ratelimit-remaining-" + name, b"%d" % max(0, allowed - used)),
                (b"x-ratelimit-reset-" + name, b"%ds" % reset_s),
            ]
    return headers
