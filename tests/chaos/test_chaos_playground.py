"""SIGTERM amid an answer of the playground: it is finished, or settled as far as it came, and nothing stays held."""

import html
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
from chaos_books import check_balance
from chaos_product import PASSWORD, Product, measured

pytestmark = pytest.mark.slow

PIECES = 60
STREAM = re.compile(r'sse-connect="(/playground/streams/[^"]+)"')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
ANSWERS = "SELECT state, request_id, completion_tokens, cost_nano, content FROM inference_answer"


def model(chunk_ms: int) -> dict[str, str]:
    return {"name": "long", "upstream": f"chat;chunks={PIECES};chunk_ms={chunk_ms}"}


def test_an_answer_that_ends_within_the_drain_is_finished(product: Product) -> None:
    heard, state, tokens = answer_at_the_end(product, chunk_ms=50)
    assert "event: finished" in heard
    assert f"w{PIECES}" in heard
    assert (state, tokens) == ("done", PIECES)


def test_an_answer_that_outlasts_the_drain_is_settled_as_far_as_it_came(product: Product) -> None:
    heard, state, tokens = answer_at_the_end(product, chunk_ms=200, DRAIN_TIMEOUT_S="1")
    assert f"w{PIECES}" not in heard
    assert state == "stopped"
    assert 3 <= tokens < PIECES


def answer_at_the_end(product: Product, *, chunk_ms: int, **settings: str) -> tuple[str, str, int]:
    """What the browser heard of an answer in whose middle the SIGTERM came; its state and tokens in the books."""
    process = product.start(**settings)
    product.prepare([model(chunk_ms)])
    with signed_in(product) as browser, browser.stream("GET", stream_of(browser)) as stream:
        pieces = stream.iter_text()
        heard = ""
        while "w3 " not in heard:
            heard += next(pieces)
        process.send_signal(signal.SIGTERM)
        sent_at = time.monotonic()
        with suppress(httpx.RemoteProtocolError):
            heard += "".join(pieces)
        measured("SIGTERM to the end of the answer's stream, s", time.monotonic() - sent_at)
    assert process.wait(timeout=20) == 0, product.server.output
    state, tokens = check_books(product)
    return heard, state, tokens


def check_books(product: Product) -> tuple[str, int]:
    """One answer, one call, its charge and no hold."""
    [(state, request_id, tokens, cost_nano, content)] = product.rows(ANSWERS)
    outcome = {"done": "success", "stopped": "client_closed"}[state]
    assert product.records() == {request_id: (outcome, cost_nano, tokens)}
    assert product.charges() == {request_id: cost_nano}
    assert content.startswith("w1 w2 w3")
    assert product.open_holds() == 0
    check_balance(product, "alice")
    product.check_ledger()
    return state, tokens


# --- a browser, as far as it is needed -----------------------------------------------------------------
@contextmanager
def signed_in(product: Product) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=product.url, timeout=30, follow_redirects=True) as browser:
        post(browser, "/accounts/login/", login="alice", password=PASSWORD)
        yield browser


def stream_of(browser: httpx.Client) -> str:
    page = post(browser, "/playground/turns/", at="/playground/", prompt="hello", model="long", key="a page")
    [path] = STREAM.findall(page)
    return html.unescape(path)


def post(browser: httpx.Client, path: str, *, at: str = "", **fields: str) -> str:
    """Sends a form of the page `at`, else of the same path."""
    token = TOKEN.search(browser.get(at or path).text)
    assert token
    answer = browser.post(path, data={"csrfmiddlewaretoken": token[1], **fields}, headers={"HX-Request": "true"})
    return answer.raise_for_status().text
