"""Many more calls than the wallet pays for, all at once: it is spent to the last part and never overdrawn."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from chaos_books import check_bills
from chaos_callers import Crowd, Heard
from chaos_product import Product, measured

pytestmark = pytest.mark.slow

CALLS = 200
KEYS = 3
CREDIT_NANO = 100_000_000  # ¥0.10
# "hello" is estimated as 9 tokens and the upstream says the same, so a call that uses its cap costs what was held.
PRICE = {"input": "100", "output": "160"}
PROMPT = 9
CAP = 10
COST_NANO = PROMPT * 100_000 + CAP * 160_000
MODELS = [
    {"name": "exact", "upstream": f"chat;prompt={PROMPT};chunks=40;chunk_ms=20", "price": PRICE},
    {"name": "modest", "upstream": f"chat;prompt={PROMPT};chunks=2;chunk_ms=20", "price": PRICE},
]


def test_a_wallet_is_spent_to_the_last_call_and_never_overdrawn(product: Product) -> None:
    process = product.start(TRIAL_CREDIT_YUAN="0.10")
    keys = product.prepare(MODELS, user="alice", keys=KEYS)
    with wallets_watched(product):
        check_calls_that_cost_what_was_held(product, keys)
        check_calls_that_cost_less_than_was_held(product, product.prepare([], user="bob"))
    product.check_ledger()
    product.stop(process)


def check_calls_that_cost_what_was_held(product: Product, keys: list[str]) -> None:
    """Just as many succeed as the money pays for."""
    heard = asyncio.run(storm(product, keys, "exact"))
    paid = [call for call in heard if call.is_whole]
    assert {call.cost_nano for call in paid} == {COST_NANO}
    assert len(paid) == CREDIT_NANO // COST_NANO
    refused = [(call.status, call.error) for call in heard if not call.is_whole]
    assert refused == [(402, "insufficient_balance")] * (CALLS - len(paid))
    check_wallet(product, "alice", heard)


def check_calls_that_cost_less_than_was_held(product: Product, keys: list[str]) -> None:
    """Refused callers try again; in the end what is left does not pay for a prompt and one token."""
    heard: list[Heard] = []
    rounds = 0
    while product.available_nano("bob") >= PROMPT * 100_000 + 160_000:
        heard += asyncio.run(storm(product, keys, "modest"))
        rounds += 1
        assert rounds < 20
    measured("rounds of 200 until the wallet was empty", rounds)
    assert {call.status for call in heard} == {200, 402}
    check_wallet(product, "bob", heard)


async def storm(product: Product, keys: list[str], model: str) -> list[Heard]:
    """Every other call streams."""
    crowd = Crowd(product.url)
    calls = [
        crowd.call(keys[number % len(keys)], model, stream=bool(number // len(keys) % 2), max_tokens=CAP)
        for number in range(CALLS)
    ]
    return await asyncio.gather(*calls)


@contextmanager
def wallets_watched(product: Product) -> Iterator[None]:
    """Looks at all wallets all the while."""
    seen: list[int] = []
    is_over = Event()

    def look() -> None:
        with product.reading() as read:
            while not is_over.is_set():
                query = "SELECT min(credits_nano - debits_nano - pending_nano) FROM billing_account"
                seen.append(int(read(f"{query} WHERE workspace_id IS NOT NULL")[0][0]))
                time.sleep(0.005)

    thread = Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    assert len(seen) > 10
    assert min(seen) >= 0


def check_wallet(product: Product, username: str, heard: list[Heard]) -> None:
    assert all(call.balance_nano >= 0 for call in heard)
    assert product.open_holds() == 0
    assert product.available_nano(username) == CREDIT_NANO - sum(call.cost_nano or 0 for call in heard)
    check_bills(product, heard)
