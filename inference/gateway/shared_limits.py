"""The same limits, counted in Redis for all workers and hosts. One script decides, so no two callers get one place.

Running requests are a sorted set by deadline: those of a worker that died fall out by themselves. While Redis is
away each worker counts for itself: a limit may be exceeded then, and nobody is turned away for it.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.exceptions import RedisError

from inference.gateway.limits import WINDOW_S, Entry, LocalLimits, Window, limit_headers, refuse_over
from inference.gateway.routes import Limits

log = logging.getLogger(__name__)

ANSWER_S = 0.5  # longer than that, Redis counts as away

# KEYS: window, running. ARGV: now_ms, rpm, tpm, concurrency (-1 is none), tokens, request id, deadline_ms, window_ms.
# Answers: let in (1 or 0), requests, tokens, running as they were before, ms left of the window, the window's name.
ENTER = """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])
local running = redis.call('ZCARD', KEYS[2])
local requests = tonumber(redis.call('HGET', KEYS[1], 'requests') or 0)
local tokens = tonumber(redis.call('HGET', KEYS[1], 'tokens') or 0)
local name = redis.call('HGET', KEYS[1], 'name') or ARGV[6]
local left = redis.call('PTTL', KEYS[1])
if left < 0 then left = tonumber(ARGV[8]) end
local function over(used, asked, allowed) return tonumber(allowed) >= 0 and used + asked > tonumber(allowed) end
if over(requests, 1, ARGV[2]) or over(tokens, tonumber(ARGV[5]), ARGV[3]) or over(running, 1, ARGV[4]) then
  return {0, requests, tokens, running, left, name}
end
redis.call('HINCRBY', KEYS[1], 'requests', 1)
redis.call('HINCRBY', KEYS[1], 'tokens', ARGV[5])
redis.call('HSETNX', KEYS[1], 'name', name)
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[8]) end
redis.call('ZADD', KEYS[2], ARGV[7], ARGV[6])
redis.call('PEXPIREAT', KEYS[2], ARGV[7])
return {1, requests, tokens, running, left, name}
"""
# KEYS: window, running. ARGV: request id, window's name, change of tokens, change of requests.
LEAVE = """
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HGET', KEYS[1], 'name') == ARGV[2] then
  redis.call('HINCRBY', KEYS[1], 'tokens', ARGV[3])
  redis.call('HINCRBY', KEYS[1], 'requests', ARGV[4])
end
return 1
"""


@dataclass(slots=True)
class SharedEntry(Entry):
    """A place in Redis; giving it back happens beside the request, which need not wait."""

    owner: "SharedLimits | None" = None
    keys: tuple[str, str] = ("", "")
    request_id: str = ""
    name: str = ""

    def leave(self, used_tokens: int, requests: int = 1) -> None:
        owner, self.owner = self.owner, None
        if owner is not None:
            changes = (used_tokens - self.reserved_tokens, requests - 1)
            owner.leave_later(self.keys, (self.request_id, self.name, *changes))


@dataclass(slots=True)
class SharedLimits:
    redis: Redis
    deadline_s: float  # no request runs longer
    local: LocalLimits = field(default_factory=LocalLimits)
    leaving: set["asyncio.Task[None]"] = field(default_factory=set)

    async def enter(self, request_id: str, workspace_id: int, model_id: int, limits: Limits, tokens: int) -> Entry:
        """Raises GatewayError rate_limit_exceeded naming the limit, what is used and what is allowed."""
        if limits.rpm is None and limits.tpm is None and limits.concurrency is None:
            return Entry(None)
        keys = (f"limits:{workspace_id}:{model_id}:window", f"limits:{workspace_id}:{model_id}:running")
        now_ms = int(time.time() * 1000)
        allowed = [-1 if one is None else one for one in (limits.rpm, limits.tpm, limits.concurrency)]
        deadline_ms = now_ms + int(self.deadline_s * 1000)
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self.redis.eval(
                    ENTER, 2, *keys, now_ms, *allowed, tokens, request_id, deadline_ms, WINDOW_S * 1000
                )
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("Redis is away (%s); limits are counted by each worker", error)
            return await self.local.enter(request_id, workspace_id, model_id, limits, tokens)
        let_in, requests, used, running, left_ms, name = answer
        reset_s = max(1, -(-left_ms // 1000))
        if not let_in:
            refuse_over(Window(0.0, requests, used, running), limits, tokens, reset_s)
        headers = limit_headers(Window(0.0, requests + 1, used + tokens), limits, reset_s)
        return SharedEntry(None, 0.0, tokens, headers, self, keys, request_id, name.decode())

    def leave_later(self, keys: tuple[str, str], values: tuple[str, str, int, int]) -> None:
        task = asyncio.get_running_loop().create_task(self.leave_now(keys, values))
        self.leaving.add(task)
        task.add_done_callback(self.leaving.discard)

    async def leave_now(self, keys: tuple[str, str], values: tuple[str, str, int, int]) -> None:
        try:
            await self.redis.eval(LEAVE, 2, *keys, *values)
        except (RedisError, OSError) as error:
            log.warning("Redis is away (%s); a place is given back when its deadline passes", error)

    async def close(self) -> None:
        if self.leaving:
            await asyncio.wait(self.leaving, timeout=1)
        await self.redis.aclose()
