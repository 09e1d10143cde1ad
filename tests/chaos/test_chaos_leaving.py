"""Callers who leave in mid stream, each at another place: billed for what they got, and nothing stays behind."""

import asyncio
from pathlib import Path

import pytest
from chaos_books import check_balance
from chaos_callers import Crowd, Heard
from chaos_product import Product, measured

from billing.estimator import text_tokens
from simulator.recorder import Recorded
from tests.console.conftest import wait_until

pytestmark = pytest.mark.slow

ROUNDS = 5
STREAMS = 50
PIECES = 60
CHUNK_S = 0.03
CLOSED_S = 1.0
GROWTH_BYTES_MAX = 24 * 2**20
MODEL = {"name": "long", "upstream": f"chat;chunks={PIECES};chunk_ms={round(CHUNK_S * 1000)}"}
PIECES_OF_ALL = [f"w{number} " for number in range(1, PIECES + 1)]


def test_callers_who_leave_are_billed_for_what_they_got(product: Product) -> None:
    process = product.start()
    [key] = product.prepare([MODEL])
    web = product.pid("console.web")
    sizes: list[int] = []
    for _ in range(ROUNDS):
        product.upstream.clear()
        heard = asyncio.run(crowd_leaving(product, key))
        wait_until(lambda: product.open_holds() == 0, seconds=5, what="the end of every hold")
        check_round(product, heard)
        sizes.append(resident_bytes(web))
    measured("memory of the web process after the first round, MB", sizes[0] / 2**20)
    measured("its growth over the other rounds, MB", (sizes[-1] - sizes[0]) / 2**20)
    assert sizes[-1] - sizes[0] < GROWTH_BYTES_MAX
    assert product.pid("console.web") == web
    check_balance(product, "alice")
    product.check_ledger()
    product.stop(process)


async def crowd_leaving(product: Product, key: str) -> list[Heard]:
    """Caller k leaves with its k-th piece and is known upstream by its text."""
    crowd = Crowd(product.url)
    return await asyncio.gather(
        *(crowd.call(key, "long", stream=True, leave_at=k, text=text_of(k)) for k in range(1, STREAMS + 1))
    )


def text_of(k: int) -> str:
    return f"caller {k:02}"


def check_round(product: Product, heard: list[Heard]) -> None:
    records = product.records()
    upstream = {call.json["messages"][0]["content"]: call for call in product.upstream.requests}
    closing_s, excess = [], []
    for k, call in enumerate(heard, start=1):
        assert len(call.pieces) >= k
        closed_at = closing_of(upstream[text_of(k)])
        closing_s.append(closed_at - call.ended_at)
        outcome, charged, tokens = records[call.request_id]
        assert outcome == "client_closed"
        # What the upstream could say until its connection was closed was relayed at most.
        relayed = min(PIECES, len(call.pieces) + 2 + int(max(0.0, closing_s[-1]) / CHUNK_S))
        assert counted(len(call.pieces)) <= tokens <= counted(relayed), call
        excess.append(tokens - counted(len(call.pieces)))
        assert charged == 2_000 * (3 + 4 + text_tokens(text_of(k))) + 8_000 * tokens
    measured("upstream closed after the caller left, at most s", max(closing_s))
    measured("tokens billed beyond those the caller read, at most", max(excess))
    assert max(closing_s) < CLOSED_S


def closing_of(request: Recorded) -> float:
    wait_until(lambda: request.closed_at is not None, seconds=5, what="the upstream's connection to be closed")
    assert request.closed_at is not None
    return request.closed_at


def counted(pieces: int) -> int:
    return text_tokens("".join(PIECES_OF_ALL[:pieces]))


def resident_bytes(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
