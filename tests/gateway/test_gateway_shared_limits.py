"""Limits counted in Redis: two workers are one. Runs where REDIS_URL says there is one."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from inference.gateway.errors import GatewayError
from inference.gateway.limits import LocalLimits
from inference.gateway.routes import Limits
from inference.gateway.shared_limits import SharedLimits

REDIS_URL = os.environ.get("REDIS_URL", "")
with_redis = pytest.mark.skipif(not REDIS_URL, reason="needs REDIS_URL; make test-all has one")
NOWHERE = "redis://127.0.0.1:1/0"


def between(work: Callable[[SharedLimits, SharedLimits], Awaitable[None]], url: str = REDIS_URL) -> None:
    async def whole() -> None:
        workers = SharedLimits(Redis.from_url(url), 600), SharedLimits(Redis.from_url(url), 600)
        try:
            await work(*workers)
        finally:
            for worker in workers:
                await worker.close()

    asyncio.run(whole())


@pytest.fixture
def place() -> int:
    """A workspace id nobody else counts under."""
    return int.from_bytes(os.urandom(6))


@with_redis
def test_two_workers_share_the_requests_of_a_minute(place: int) -> None:
    async def work(one: SharedLimits, other: SharedLimits) -> None:
        limits = Limits(rpm=3)
        for number, worker in enumerate((one, other, one)):
            await worker.enter(f"req_{number}", place, 1, limits, 10)
        with pytest.raises(GatewayError, match="3 used of 3 allowed") as refusal:
            await other.enter("req_9", place, 1, limits, 10)
        assert 1 <= int(refusal.value.headers["Retry-After"]) <= 60
        assert refusal.value.headers["x-ratelimit-remaining-requests"] == "0"

    between(work)


@with_redis
def test_a_refusal_takes_nothing_and_leaving_corrects_the_tokens(place: int) -> None:
    async def work(one: SharedLimits, other: SharedLimits) -> None:
        limits = Limits(tpm=100)
        entry = await one.enter("req_1", place, 1, limits, 60)
        for _ in range(3):
            with pytest.raises(GatewayError, match="60 used of 100 allowed"):
                await other.enter("req_2", place, 1, limits, 60)
        entry.leave(10)
        await asyncio.wait(one.leaving)
        entry = await other.enter("req_3", place, 1, limits, 60)
        assert (b"x-ratelimit-remaining-tokens", b"30") in entry.headers

    between(work)


@with_redis
def test_concurrency_is_given_back_once_and_a_dead_workers_place_falls_out(place: int) -> None:
    async def work(one: SharedLimits, other: SharedLimits) -> None:
        limits = Limits(concurrency=1)
        one.deadline_s = 0.2
        await one.enter("req_1", place, 1, limits, 0)
        with pytest.raises(GatewayError, match="concurrent"):
            await other.enter("req_2", place, 1, limits, 0)
        await asyncio.sleep(0.3)  # the worker died; its request cannot run any longer
        entry = await other.enter("req_3", place, 1, limits, 0)
        entry.leave(0)
        entry.leave(0)
        await asyncio.wait(other.leaving)
        await other.enter("req_4", place, 1, limits, 0)

    between(work)


@with_redis
def test_many_at_once_get_exactly_what_is_allowed(place: int) -> None:
    async def work(one: SharedLimits, other: SharedLimits) -> None:
        calls = [
            worker.enter(f"req_{number}", place, 1, Limits(rpm=7), 1) for number, worker in enumerate([one, other] * 20)
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(not isinstance(result, GatewayError) for result in results) == 7

    between(work)


def test_without_redis_each_worker_counts_for_itself(place: int) -> None:
    async def work(one: SharedLimits, other: SharedLimits) -> None:
        for worker in (one, other):
            await worker.enter("req_1", place, 1, Limits(rpm=1), 1)
            with pytest.raises(GatewayError, match="1 used of 1 allowed"):
                await worker.enter("req_2", place, 1, Limits(rpm=1), 1)

    between(work, NOWHERE)


def test_a_model_without_limits_never_asks_redis(place: int) -> None:
    async def work(one: SharedLimits, other: SharedLimits) -> None:
        assert (await one.enter("req_1", place, 1, Limits(), 1)).headers == []
        assert isinstance(one.local, LocalLimits)
        assert not one.local.windows

    between(work, NOWHERE)
