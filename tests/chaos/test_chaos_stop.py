"""SIGTERM amid running streams: they are finished or billed, newcomers are refused, and the exit code is 0."""

import asyncio
import signal
import subprocess
import time

import pytest
from chaos_books import check_balance, check_bills
from chaos_callers import Crowd, Heard, until
from chaos_product import Product, measured

from billing.estimator import text_tokens

pytestmark = pytest.mark.slow

STREAMS = 20
PIECES = 60


def model(chunk_ms: int) -> dict[str, str]:
    return {"name": "long", "upstream": f"chat;chunks={PIECES};chunk_ms={chunk_ms}"}


def test_running_streams_are_finished_and_newcomers_refused(product: Product) -> None:
    process = product.start()
    [key] = product.prepare([model(chunk_ms=50)])
    streams, newcomers = asyncio.run(crowd_at_the_end(product, process, key))
    assert process.wait(timeout=20) == 0, product.server.output
    assert all(call.is_whole and len(call.pieces) == PIECES for call in streams)
    refused = [call for call in newcomers if call.failure]
    assert refused
    assert {call.failure for call in refused} <= {"ConnectionRefusedError", "ConnectionResetError"}
    assert all(call.failure or call.is_whole for call in newcomers), "a caller is refused or served, never half"
    assert newcomers[-1].failure == "ConnectionRefusedError"
    check_bills(product, [*streams, *newcomers])
    check_end(product)


def test_streams_that_outlast_the_drain_are_billed_for_what_they_said(product: Product) -> None:
    process = product.start(DRAIN_TIMEOUT_S="1")
    [key] = product.prepare([model(chunk_ms=200)])
    streams, _ = asyncio.run(crowd_at_the_end(product, process, key))
    assert process.wait(timeout=20) == 0, product.server.output
    records = product.records()
    for call in streams:
        assert not call.is_done
        outcome, charged, tokens = records[call.request_id]
        assert outcome == "client_closed"
        assert text_tokens("".join(call.pieces)) <= tokens < text_tokens("".join(call.pieces) + "w99 " * 3)
        assert charged > 0
    check_end(product)


async def crowd_at_the_end(
    product: Product, process: subprocess.Popen[bytes], key: str
) -> tuple[list[Heard], list[Heard]]:
    """What was heard by the streams that ran at the SIGTERM, and by those who came after it."""
    crowd = Crowd(product.url)
    streams = crowd.begin(key, "long", STREAMS)
    await until(lambda: all(len(call.pieces) >= 2 for call in crowd.heard))
    process.send_signal(signal.SIGTERM)
    began_at = time.monotonic()
    late = Crowd(product.url)
    while not all(stream.done() for stream in streams):
        await late.call(key, "long", max_tokens=1)
        await asyncio.sleep(0.1)
    measured("SIGTERM to the last stream's end, s", time.monotonic() - began_at)
    first = next(call for call in late.heard if call.failure == "ConnectionRefusedError")
    measured("SIGTERM to the first refusal, s", first.began_at - began_at)
    return [stream.result() for stream in streams], late.heard


def check_end(product: Product) -> None:
    assert product.server.children() == {}
    assert product.open_holds() == 0
    check_balance(product, "alice")
    product.check_ledger()
