"""kill -9 amid a crowd of streams: no transfer lost or doubled, no hold left, and the service is back by itself."""

import asyncio
import time
from collections.abc import Callable

import pytest
from chaos_books import check_balance, check_bills, check_cut_streams
from chaos_callers import Crowd, Heard, until
from chaos_product import Product, measured

from tests.console.conftest import wait_until

pytestmark = pytest.mark.slow

STREAMS = 100
PIECES = 70
MODELS = [
    {"name": "long", "upstream": f"chat;chunks={PIECES};chunk_ms=50"},
    {"name": "brief", "upstream": "chat;chunks=3"},
]
BRIEF_CALLERS = 8
BACK_S = 15
VOID_S = 30
LULL_S = 0.5  # calls go on for so long after the web is back


@pytest.mark.parametrize(("victim", "kills"), [("console.web", 2), ("clerk", 1)])
def test_a_killed_process_loses_and_doubles_nothing(product: Product, victim: str, kills: int) -> None:
    """The web process, and the clerk beside it, without whom the web process does not go on."""
    process = product.start()
    [key] = product.prepare(MODELS)
    heard: list[Heard] = []
    for _ in range(kills):
        back_s, crowd = asyncio.run(crowd_killed(product, key, lambda: product.kill(victim)))
        measured(f"{victim}: web back after the kill, s", back_s)
        heard += crowd
    check_recovery(product, heard, key)
    product.stop(process)


def test_a_killed_supervisor_started_again_loses_and_doubles_nothing(product: Product) -> None:
    process = product.start()
    [key] = product.prepare(MODELS)

    def kill() -> None:
        process.kill()
        process.wait()

    restarted = []

    def start() -> None:
        wait_until(lambda: not product.server.children(), seconds=5, what="the end of the children")
        restarted.append(product.start())

    back_s, heard = asyncio.run(crowd_killed(product, key, kill, start))
    measured("supervisor: serving again after kill and start, s", back_s)
    check_recovery(product, heard, key)
    product.stop(restarted[0])


async def crowd_killed(
    product: Product, key: str, kill: Callable[[], object], start: Callable[[], None] | None = None
) -> tuple[float, list[Heard]]:
    """Streams of all lengths and brief calls without a pause; the kill comes when a third of the streams has ended."""
    crowd, is_over = Crowd(product.url), asyncio.Event()
    brief = [
        asyncio.create_task(crowd.keep_calling(is_over.is_set, key, "brief", stream=bool(number % 2)))
        for number in range(BRIEF_CALLERS)
    ]
    streams = [
        asyncio.create_task(crowd.call(key, "long", stream=True, max_tokens=1 + PIECES * number // STREAMS))
        for number in range(STREAMS)
    ]
    await until(lambda: sum(stream.done() for stream in streams) >= STREAMS // 3)
    kill()
    killed_at = time.monotonic()
    if start is not None:
        await asyncio.to_thread(start)
    await asyncio.to_thread(wait_until, product.is_answering, seconds=BACK_S, what="serving again")
    back_s = time.monotonic() - killed_at
    await asyncio.sleep(LULL_S)
    is_over.set()
    await asyncio.gather(*brief, *streams)
    check_crowd(crowd, [stream.result() for stream in streams], killed_at)
    return back_s, crowd.heard


def check_crowd(crowd: Crowd, streams: list[Heard], killed_at: float) -> None:
    """The test itself: the kill really met streams in flight, and calls went on after it."""
    ended = [call for call in streams if call.is_whole]
    cut = [call for call in streams if call.failure]
    assert len(ended) >= STREAMS // 3
    assert len(cut) >= STREAMS // 3
    assert len(ended) + len(cut) == STREAMS
    brief = [call for call in crowd.heard if call not in streams]
    assert any(call.is_whole and call.began_at > killed_at for call in brief)
    assert {call.status for call in crowd.heard} <= {0, 200}


def check_recovery(product: Product, heard: list[Heard], key: str) -> None:
    """Called when the web is back."""
    began_at = time.monotonic()
    dead = product.clerks()[:-1]
    wait_until(lambda: product.open_holds(dead) == 0, seconds=VOID_S - LULL_S, what="the end of the dead clerks' holds")
    measured("holds void after the web was back, s", time.monotonic() - began_at + LULL_S)
    check_bills(product, heard)
    abandoned = check_cut_streams(product, [call for call in heard if call.status == 200])
    measured("abandoned calls", abandoned)
    measured("billed calls", sum(call.cost_nano is not None for call in heard))
    assert abandoned >= STREAMS // 4
    assert product.open_holds() == 0
    new = asyncio.run(Crowd(product.url).call(key, "brief"))
    assert new.is_whole
    check_bills(product, [new])
    check_balance(product, "alice")
    assert new.balance_nano == product.available_nano("alice")
    product.check_ledger()
