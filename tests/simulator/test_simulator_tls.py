"""The simulator over TLS: refused by whoever does not know its authority, and for each certificate with the reason."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, get_args

import httpx
import pytest
from simulator_caller import CHAT, QUESTION, trusting_all

from simulator.certificates import Tls
from simulator.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=get_args(Tls))
def secured(request: pytest.FixtureRequest) -> Iterator[tuple[Tls, SimulatorThread]]:
    with SimulatorThread(tls=request.param) as upstream:
        yield request.param, upstream


def call(url: str, context: ssl.SSLContext) -> httpx.Response:
    with httpx.Client(verify=context, trust_env=False) as http:
        return http.post(f"{url}{CHAT}", json={"model": "chat", "messages": QUESTION})


def test_nobody_trusts_its_authority_who_was_not_told(secured: tuple[Tls, SimulatorThread]) -> None:
    _, upstream = secured
    assert upstream.url.startswith("https://127.0.0.1:")
    with pytest.raises(httpx.ConnectError, match="unable to get local issuer certificate"):
        call(upstream.url, ssl.create_default_context())
    assert upstream.requests == []


def test_who_knows_the_authority_is_answered_or_told_what_is_wrong(secured: tuple[Tls, SimulatorThread]) -> None:
    tls, upstream = secured
    context = ssl.create_default_context(cadata=upstream.authority_pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # as later versions of Python do by themselves
    if tls == "private":
        assert call(upstream.url, context).status_code == 200
        return
    words = {"expired": "certificate has expired", "other_host": "IP address mismatch"}
    with pytest.raises(httpx.ConnectError, match=words[tls]):
        call(upstream.url, context)


def test_the_authority_can_be_fetched(secured: tuple[Tls, SimulatorThread], upstream: SimulatorThread) -> None:
    _, tls_upstream = secured
    with httpx.Client(verify=trusting_all(), trust_env=False) as http:
        assert http.get(f"{tls_upstream.url}/_sim/ca.pem").text == tls_upstream.authority_pem
        assert http.get(f"{upstream.url}/_sim/ca.pem").status_code == 404
